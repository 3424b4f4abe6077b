import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { allJobs } from '../../src/worker.js';
import { startTestApp, type TestApp } from '../support/app.js';
import type { Client } from '../support/client.js';
import { aCustomer, aHolding } from '../support/factories.js';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.stop());

type Item = Record<string, unknown>;
// biome-ignore lint/suspicious/noExplicitAny: tests look at whatever the service answered
type Answer = any;

let counter = 0;
const next = (letter: string) => {
  counter += 1;
  return `${letter}${counter}`;
};
const newCustomer = async (): Promise<string> => (await t.client.post('/v1/customers', aCustomer(), 201)).id;

async function aFeed(stated: Item = {}): Promise<{ key: string; source: string }> {
  const key = next('feed_').toLowerCase();
  const source = `${key}_source`;
  const feed = {
    description: 'Every night',
    source,
    kind: 'holdings',
    mode: 'upsert',
    delimiter: 'comma',
    control_field: null,
    categories: null,
    max_close_percent: 50,
  };
  await t.client.put(`/v1/feeds/${key}`, { ...feed, ...stated }, 201);
  return { key, source };
}

type Sent = { status?: number; headers?: Record<string, string>; client?: Client };
async function upload(query: string, body: string | Buffer, sent: Sent = {}): Promise<Answer> {
  const { status = 202, headers = { 'content-type': 'application/x-ndjson' }, client = t.client } = sent;
  const reply = await fetch(`${client.origin}/v1/imports?${query}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${client.secret}`, ...headers },
    body: typeof body === 'string' ? body : new Uint8Array(body),
  });
  const answer = (await reply.json()) as Answer;
  expect(reply.status, JSON.stringify(answer)).toBe(status);
  return answer;
}
const get = (id: string): Promise<Answer> => t.client.get(`/v1/imports/${id}`);
async function loaded(query: string, body: string | Buffer, sent: Sent = {}): Promise<Answer> {
  const { id } = await upload(query, body, sent);
  await t.drain();
  return get(id);
}
const of = (key: string, date: string, more = '') => `kind=holdings&feed=${key}&business_date=${date}${more}`;
const lines = (items: readonly Item[]) => items.map((item) => `${JSON.stringify(item)}\n`).join('');
/** A line of a feed, whose source is not said. */
const line = (number: string, customer: string, stated: Item = {}): Item => {
  const { source: _, ...holding } = aHolding(number, { id: customer });
  return { ...holding, ...stated };
};
const holdingsOf = async (customer: string): Promise<Answer[]> =>
  (await t.client.get(`/v1/customers/${customer}/holdings`)).data.map((one: Answer) => one.holding);
const statesOf = async (customer: string): Promise<Record<string, string>> =>
  Object.fromEntries((await holdingsOf(customer)).map((one) => [one.number, one.status]));
const watermarkOf = async (key: string): Promise<Answer> =>
  (await t.client.get('/v1/watermarks?limit=200')).data.find((one: Answer) => one.feed === key);

describe('one file a business date', () => {
  test('the same file again is the import that it was, with its digest or without', async () => {
    const [{ key }, customer] = [await aFeed(), await newCustomer()];
    const body = lines([line(next('N'), customer)]);
    const first = await loaded(of(key, '2026-02-01'), body);
    expect(first).toMatchObject({ state: 'completed', accepted: 1, feed: key, business_date: '2026-02-01' });
    expect((await upload(of(key, '2026-02-01'), body, { status: 200 })).id).toBe(first.id);
    const sha256 = createHash('sha256').update(body).digest('hex');
    const announced = of(key, '2026-02-01', `&control_sha256=${sha256}`);
    expect((await upload(announced, body, { status: 200 })).id).toBe(first.id);
    // nothing was done a second time
    expect(
      (await t.client.get(`/v1/imports?limit=50`)).data.filter((one: Answer) => one.feed === key),
    ).toMatchObject([
      { state: 'cancelled', failure: { code: 'repeated' }, accepted: 0 },
      { state: 'completed' },
    ]);
  });

  test('another file of that date, or of an earlier one, has to be called a correction', async () => {
    const [{ key }, customer] = [await aFeed(), await newCustomer()];
    const number = next('N');
    const body = (stated: Item) => lines([line(number, customer, stated)]);
    await loaded(of(key, '2026-02-02'), body({ product: 'A' }));
    for (const date of ['2026-02-02', '2026-02-01']) {
      const refused = await upload(of(key, date), body({ product: 'B' }), { status: 409 });
      expect(refused.code).toBe('correction_needed');
    }
    const corrected = await loaded(of(key, '2026-02-02', '&correction=true'), body({ product: 'B' }));
    expect(corrected).toMatchObject({ state: 'completed', accepted: 1, correction: true });
    // an earlier day's word does not stand against a later one's
    expect(await loaded(of(key, '2026-02-01', '&correction=true'), body({ product: 'C' }))).toMatchObject({
      state: 'completed',
      duplicates: 1,
    });
    expect(await holdingsOf(customer)).toMatchObject([{ product: 'B' }]);
  });

  test.each([
    ['no business date', 'kind=holdings', 'business_date'],
    ['another kind', 'kind=customers&business_date=2026-02-01', 'kind'],
    ['another source', 'kind=holdings&business_date=2026-02-01&source=other', 'source'],
    ['a day to come', 'kind=holdings&business_date=2026-03-02', 'business_date'],
  ])('%s is refused', async (_name, query, pointer) => {
    const { key } = await aFeed();
    const answer = await upload(`${query}&feed=${key}`, '', { status: 422 });
    expect(answer.errors).toMatchObject([{ in: 'query', pointer: `/${pointer}` }]);
  });

  test('a delta without a feed is refused, and a feed to whoever is bound to some customers', async () => {
    await upload('kind=holdings&mode=delta', '', { status: 422 });
    const { key } = await aFeed();
    const client = await t.clientWith(['imports:write', 'customers:write'], { branches: ['0101'] });
    expect((await upload(of(key, '2026-02-01'), '', { status: 403, client })).code).toBe('bank_wide');
  });
});

describe('control totals', () => {
  const fails = { code: 'control_mismatch' };

  test('of lines refuse the file when it has arrived', async () => {
    const [{ key }, customer] = [await aFeed(), await newCustomer()];
    const body = lines([line(next('N'), customer), line(next('N'), customer)]);
    expect((await upload(of(key, '2026-02-01', '&control_rows=3'), body, { status: 422 })).code).toBe(
      fails.code,
    );
    const [failed] = (await t.client.get('/v1/imports?state=failed&limit=1')).data;
    expect(failed).toMatchObject({ failure: { ...fails, expected: '3', found: '2' }, control_rows: 3 });
    // a failed one does not stand in the way
    expect(await loaded(of(key, '2026-02-01', '&control_rows=2'), body)).toMatchObject({ accepted: 2 });
  });

  test('of amounts are looked at before anything is applied', async () => {
    const [{ key }, customer] = [await aFeed(), await newCustomer()];
    const numbers = [next('N'), next('N')];
    const body = lines([
      line(numbers[0] as string, customer, { balance: '-100.5' }),
      line(numbers[1] as string, customer, { balance: '0.25' }),
    ]);
    const wrong = await loaded(of(key, '2026-02-01', '&control_amount=-100.24'), body);
    expect(wrong).toMatchObject({
      state: 'failed',
      failure: { ...fails, expected: '-100.24', found: '-100.25' },
      accepted: 0,
    });
    expect(await statesOf(customer)).toEqual({});
    expect(await loaded(of(key, '2026-02-01', '&control_amount=-100.25'), body)).toMatchObject({
      accepted: 2,
    });
    expect(Object.keys(await statesOf(customer)).sort()).toEqual(numbers.sort());
  });
});

test('a delta makes, changes and closes; nothing else is deleted by a file', async () => {
  const [{ key }, customer] = [await aFeed({ mode: 'delta' }), await newCustomer()];
  const [first, second] = [next('N'), next('N')];
  const one = await loaded(
    of(key, '2026-02-01'),
    lines([
      { op: 'insert', ...line(first, customer) },
      { op: 'insert', ...line(second, customer) },
      { op: 'upsert', ...line(second, customer) },
      line(second, customer),
    ]),
  );
  expect(one).toMatchObject({ accepted: 2, rejected: 2 });
  const csv = `op,number,product\nupdate,${first},Saver\ndelete,${second},\n`;
  const headers = { 'content-type': 'text/csv' };
  expect(await loaded(of(key, '2026-02-02'), csv, { headers })).toMatchObject({ accepted: 2, rejected: 0 });
  const byNumber = Object.fromEntries((await holdingsOf(customer)).map((one) => [one.number, one]));
  expect(byNumber[first]).toMatchObject({ status: 'active', product: 'Saver' });
  expect(byNumber[second]).toMatchObject({ status: 'closed', closed_on: '2026-02-02' });
  const people = await aFeed({ kind: 'customers', mode: 'delta' });
  const gone = await loaded(
    `kind=customers&feed=${people.key}&business_date=2026-02-01`,
    lines([{ op: 'delete', identifiers: [{ scheme: 'core_banking', value: 'X' }] }]),
  );
  expect(gone).toMatchObject({ accepted: 0, rejected: 1 });
});

describe('a snapshot', () => {
  async function twoDays(stated: Item = {}) {
    const [feed, customer] = [await aFeed({ mode: 'snapshot', ...stated }), await newCustomer()];
    const numbers = [1, 2, 3, 4].map(() => next('N'));
    await loaded(of(feed.key, '2026-02-01'), lines(numbers.map((number) => line(number, customer))));
    const naming = (count: number) => lines(numbers.slice(0, count).map((number) => line(number, customer)));
    return { ...feed, customer, numbers, naming };
  }

  test('closes what it does not name any more, as of its business date', async () => {
    const { key, source, customer, numbers, naming } = await twoDays();
    // neither what was opened after that day, nor what another source has, nor what was told of later
    await t.client.post('/v1/holdings/upsert', aHolding(next('N'), { id: customer }), 201);
    const later = { source, source_time: '2026-02-20T00:00:00Z' };
    const young = { ...aHolding(next('N'), { id: customer }), ...later };
    await t.client.post('/v1/holdings/upsert', young, 201);
    const done = await loaded(of(key, '2026-02-02'), naming(3));
    expect(done).toMatchObject({
      state: 'completed',
      closed: 1,
      plan: { open: 4, closing: 1, unreadable: 0, max_close_percent: 50 },
    });
    const states = await statesOf(customer);
    expect(Object.values(states).filter((state) => state === 'closed')).toHaveLength(1);
    expect(states[numbers[3] as string]).toBe('closed');
    // it is named again: the closure is taken back
    await loaded(of(key, '2026-02-03'), naming(4));
    expect((await statesOf(customer))[numbers[3] as string]).toBe('active');
  });

  test('that would close more than its feed lets it waits, and holds back what follows', async () => {
    const { key, customer, numbers, naming } = await twoDays();
    const waiting = await loaded(of(key, '2026-02-02'), naming(1));
    expect(waiting).toMatchObject({
      state: 'waiting',
      closed: 0,
      accepted: 0,
      plan: { open: 4, closing: 3 },
    });
    const after = await loaded(of(key, '2026-02-03'), naming(2));
    expect(after.state).toBe('queued');
    expect(await watermarkOf(key)).toMatchObject({ loaded_through: '2026-02-01', open: 2, waiting: 1 });
    expect(Object.values(await statesOf(customer))).toEqual(['active', 'active', 'active', 'active']);

    const confirm = `/v1/imports/${waiting.id}/confirm`;
    const { plan, plan_hash } = await t.client.post(`${confirm}?dry_run=true`, undefined);
    expect(plan).toMatchObject({ closing: 3, open: 4 });
    await t.client.problem('POST', `${confirm}?plan_hash=${'0'.repeat(64)}`, 'plan_changed');
    await t.client.post(`${confirm}?plan_hash=${plan_hash}`, undefined);
    await t.drain();
    expect(await get(waiting.id)).toMatchObject({ state: 'completed', closed: 3 });
    await t.client.problem('POST', confirm, 'conflict');
    // the next one was let go on, and has brought one back
    expect(await get(after.id)).toMatchObject({ state: 'completed', closed: 0 });
    const states = await statesOf(customer);
    expect(numbers.map((number) => states[number])).toEqual(['active', 'active', 'closed', 'closed']);
    expect(await watermarkOf(key)).toMatchObject({ loaded_through: '2026-02-03', open: 0, waiting: 0 });
  });

  test('with a line that names no holding waits as well, and can be cancelled', async () => {
    const { key, customer, naming } = await twoDays();
    const waiting = await loaded(of(key, '2026-02-02'), `${naming(4)}{"number":7}\n`);
    expect(waiting).toMatchObject({ state: 'waiting', plan: { closing: 0, unreadable: 1 } });
    await t.client.post(`/v1/imports/${waiting.id}/cancel`, undefined);
    expect(Object.values(await statesOf(customer))).not.toContain('closed');
    expect(await watermarkOf(key)).toMatchObject({ loaded_through: '2026-02-01', waiting: 0 });
  });

  test('speaks of the categories of its feed alone, and a dry run closes nothing', async () => {
    const { key, source, customer, naming } = await twoDays({ categories: ['deposit'] });
    const loan = { ...aHolding(next('N'), { id: customer }), source, category: 'loan' };
    await t.client.post('/v1/holdings/upsert', { ...loan, source_time: '2026-02-01T00:00:00Z' }, 201);
    const dry = await loaded(of(key, '2026-02-02', '&dry_run=true'), naming(0));
    expect(dry).toMatchObject({ state: 'completed', closed: 0, plan: { open: 4, closing: 4 } });
    expect(await loaded(of(key, '2026-02-02'), naming(2))).toMatchObject({ closed: 2 });
    expect(Object.values(await statesOf(customer)).sort()).toEqual([
      'active',
      'active',
      'active',
      'closed',
      'closed',
    ]);
  });
});

describe('CSV', () => {
  test.each([
    ['semicolon', ';'],
    ['tab', '\t'],
    ['pipe', '|'],
    ['soh', '\u0001'],
  ])('is parted by %s, and what is rejected comes back so', async (delimiter, sign) => {
    const { key } = await aFeed({ kind: 'customers', delimiter });
    const value = next('CSV');
    const record = (cells: string[]) => `${cells.join(sign)}\n`;
    const body =
      record(['kind', 'full_name', 'identifiers.0.scheme', 'identifiers.0.value', 'city']) +
      record(['person', `"王${sign}""小明"`, 'core_banking', value, '上海,浦东']) +
      record(['robot', 'R', 'core_banking', value, '']);
    const one = await loaded(`kind=customers&feed=${key}&business_date=2026-02-01`, body, {
      headers: { 'content-type': 'text/csv' },
    });
    expect(one).toMatchObject({ accepted: 1, rejected: 1, delimiter });
    const made = await t.client.get(`/v1/customers/by-identifier/core_banking/${value}`);
    expect(made.city).toBe('上海,浦东');
    const rejected = (await t.client.request('GET', `/v1/imports/${one.id}/rejections`)).body as string;
    expect(rejected.split('\n')[1]).toContain(`${sign}3${sign}malformed_request${sign}`);
  });

  test('in GB 18030 is not parted by a pipe that is half of a character', async () => {
    const { key } = await aFeed({ kind: 'customers', delimiter: 'pipe' });
    const [first, second] = [next('GB'), next('GB')];
    // 0x81 0x7C is one character; before a quote it looks as if a field began there
    const trap = Buffer.from([0x81, 0x7c, 0x22]);
    const record = (city: Buffer, value: string) =>
      Buffer.concat([Buffer.from('person|'), city, Buffer.from(`|core_banking|${value}\n`)]);
    const body = Buffer.concat([
      Buffer.from('kind|city|identifiers.0.scheme|identifiers.0.value\n'),
      record(Buffer.from([0x81, 0x7c]), first),
      record(Buffer.concat([Buffer.from('"'), trap]), second),
    ]);
    const one = await loaded(`kind=customers&feed=${key}&business_date=2026-02-01`, body, {
      headers: { 'content-type': 'text/csv; charset=gb18030' },
    });
    expect(one).toMatchObject({ accepted: 2, rejected: 0 });
    for (const value of [first, second])
      expect(await t.client.get(`/v1/customers/by-identifier/core_banking/${value}`)).toMatchObject({
        city: '亅',
      });
  });
});

test('a file is loaded, then evaluated, and that is told once', async () => {
  const [{ key }, customer] = [await aFeed(), await newCustomer()];
  await t.drain();
  const { id } = await upload(of(key, '2026-02-05'), lines([line(next('N'), customer)]));
  const job = async (queue: string) => {
    const found = allJobs(t.deps).find((one) => one.queue === queue);
    while (await found?.work());
  };
  await job('imports');
  await job('feeds');
  expect(await get(id)).toMatchObject({ state: 'completed', evaluated_at: null });
  expect(await watermarkOf(key)).toMatchObject({ loaded_through: '2026-02-05', evaluated_through: null });
  await t.drain();
  await t.drain();
  expect(await watermarkOf(key)).toMatchObject({ evaluated_through: '2026-02-05', open: 0 });
  const told = await t.database.pool.query(
    `select data from outbox where type = 'feed.completed' and subject = $1`,
    [id],
  );
  expect(told.rows).toEqual([
    { data: { feed: key, business_date: '2026-02-05', accepted: 1, rejected: 0, closed: 0 } },
  ]);
});
