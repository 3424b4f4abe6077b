import { createHash } from 'node:crypto';
import { request } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { claimImport } from '../../src/imports/claims.js';
import { workOnImport } from '../../src/imports/processing.js';
import { workUntilDone } from '../../src/platform/jobs.js';
import { startTestApp, type TestApp } from '../support/app.js';
import type { Client } from '../support/client.js';
import { aCustomer } from '../support/factories.js';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp({
    poolSize: 20,
    env: { IMPORT_BODY_LIMIT_BYTES: '50000000' },
    provokes: /no_poison_check/,
  });
});
afterAll(() => t.stop());

type Item = Record<string, unknown>;
// biome-ignore lint/suspicious/noExplicitAny: tests look at whatever the service answered
type Answer = any;
const ndjson = { 'content-type': 'application/x-ndjson' };
const csv = { 'content-type': 'text/csv' };
const lines = (items: readonly unknown[]) => items.map((item) => `${JSON.stringify(item)}\n`).join('');

let counter = 0;
const nextId = () => {
  counter += 1;
  return `I${counter}`;
};

async function newCustomer(stated: Item = {}): Promise<{ id: string; number: string }> {
  const made = await t.client.post('/v1/customers', aCustomer(stated), 201);
  return { id: made.id, number: made.identifiers[0].value };
}

const anActivity = (
  customer: { id: string } | { scheme: string; value: string },
  stated: Item = {},
): Item => ({
  source: 'core',
  source_id: nextId(),
  customer,
  type: 'card_payment',
  occurred_at: '2026-02-03T10:00:00+08:00',
  amount: '2',
  currency: 'CNY',
  direction: 'out',
  ...stated,
});

type Sent = { headers?: Record<string, string>; client?: Client; status?: number };

async function upload(query: string, body: string | Buffer, sent: Sent = {}) {
  const { headers = ndjson, client = t.client, status = 202 } = sent;
  const reply = await fetch(`${client.origin}/v1/imports?${query}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${client.secret}`, ...headers },
    body: typeof body === 'string' ? body : new Uint8Array(body),
  });
  const answer = (await reply.json()) as Answer;
  expect(reply.status, JSON.stringify(answer)).toBe(status);
  if (status === 202) expect(reply.headers.get('location')).toBe(`/v1/imports/${answer.id}`);
  return answer;
}

async function goOn(id: string, offset: number, body: string | Buffer, headers: Record<string, string> = {}) {
  const reply = await fetch(`${t.origin}/v1/imports/${id}`, {
    method: 'PATCH',
    headers: {
      authorization: `Bearer ${t.client.secret}`,
      'content-type': 'application/offset+octet-stream',
      'upload-offset': String(offset),
      ...headers,
    },
    body: typeof body === 'string' ? body : new Uint8Array(body),
  });
  return { status: reply.status, body: (await reply.json()) as Answer };
}

async function imported(query: string, body: string | Buffer, sent: Sent = {}) {
  const { id } = await upload(query, body, sent);
  await t.drain();
  return t.client.get(`/v1/imports/${id}`);
}

const get = (id: string) => t.client.get(`/v1/imports/${id}`);
const rejections = async (id: string): Promise<string> =>
  (await t.client.request('GET', `/v1/imports/${id}/rejections`)).body;
const rejectedLines = async (id: string): Promise<Item[]> =>
  (await rejections(id))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Item);
const countOf = async (text: string, values: unknown[] = []) =>
  (await t.database.pool.query(`select count(*)::int as count ${text}`, values)).rows[0].count as number;
const activitiesOf = (id: string) => countOf('from activities where customer_id = $1', [id]);
const totalOf = async (id: string) =>
  (
    await t.database.pool.query(
      'select sum(count)::int as count from activity_totals where customer_id = $1',
      [id],
    )
  ).rows[0].count as number;

describe('activities', () => {
  test('every line is judged, and the counts add up to the file', async () => {
    const { id, number } = await newCustomer();
    const known = anActivity({ id });
    await t.client.post('/v1/activities', { items: [known] });
    const again = anActivity({ scheme: 'core_banking', value: number });
    const items = [
      known,
      again,
      again,
      { ...again, amount: '3' },
      anActivity({ scheme: 'core_banking', value: 'NOBODY' }),
      anActivity({ id }, { amount: '-1' }),
      anActivity({ id }, { shoe_size: 43 }),
      anActivity({ id }),
    ];
    const body = `${lines(items)}\n  \r\n{"source":"core"\n[1]\n${JSON.stringify(anActivity({ id }))}`;
    const one = await imported('kind=activities', body);
    expect(one).toMatchObject({
      state: 'completed',
      format: 'ndjson',
      received_lines: 11,
      received_bytes: Buffer.byteLength(body),
      accepted: 3,
      duplicates: 2,
      rejected: 6,
      progress: { done: 11, total: 11, eta_seconds: null },
      failure: null,
    });
    expect(await activitiesOf(id)).toBe(4);
    expect(await totalOf(id)).toBe(4);
    const refused = await rejectedLines(one.id);
    expect(refused.map(({ line, code, pointer }) => [line, code, pointer])).toEqual([
      [4, 'activity_conflict', '/source_id'],
      [5, 'not_found', '/customer'],
      [6, 'malformed_request', '/amount'],
      [7, 'malformed_request', '/shoe_size'],
      [11, 'malformed_request', ''],
      [12, 'malformed_request', ''],
    ]);
    expect(refused[3]).toEqual({
      ...items[6],
      line: 7,
      code: expect.any(String),
      message: expect.any(String),
      pointer: '/shoe_size',
    });
    expect(refused[4]).toMatchObject({ sent: '{"source":"core"' });
    expect(refused[5]).toMatchObject({ sent: '[1]' });
    expect(await countOf('from import_chunks')).toBe(0);
    expect(
      await countOf("from audit_entries where subject_id = $1 and action = 'import.completed'", [one.id]),
    ).toBe(1);
  });

  test('lines that name no source speak for the import’s; unknown customers become stubs on demand', async () => {
    const value = `STUB${nextId()}`;
    const { source: _source, ...item } = anActivity({ scheme: 'core_banking', value });
    const one = await imported('kind=activities&source=wallet&on_unknown=create', lines([item, item]));
    expect(one).toMatchObject({
      accepted: 1,
      duplicates: 1,
      rejected: 0,
      source: 'wallet',
      on_unknown: 'create',
    });
    const made = await t.client.get(`/v1/customers/by-identifier/core_banking/${value}`);
    expect(made.stub).toBe(true);
    const listed = await t.client.get(`/v1/customers/${made.id}/activities`);
    expect(listed.data).toMatchObject([{ source: 'wallet' }]);
  });

  test('thousands of lines go in, in chunks; sent again they are all duplicates', async () => {
    const customers = await Promise.all(Array.from({ length: 10 }, () => newCustomer()));
    const items = Array.from({ length: 12001 }, (_, index) =>
      anActivity({ id: customers[index % 10]?.id ?? '' }),
    );
    const first = await imported('kind=activities', lines(items));
    expect(first).toMatchObject({ state: 'completed', accepted: 12001, received_lines: 12001 });
    const second = await imported('kind=activities', lines(items));
    expect(second).toMatchObject({ state: 'completed', accepted: 0, duplicates: 12001 });
    expect(await activitiesOf(customers[0]?.id ?? '')).toBe(1201);
  });

  test('an empty body is an import of nothing', async () => {
    const one = await imported('kind=activities', '');
    expect(one).toMatchObject({
      state: 'completed',
      received_lines: 0,
      accepted: 0,
      progress: { done: 0, total: 0 },
    });
  });

  test('the creator’s data scope holds for every line', async () => {
    const inside = await newCustomer({ branch: 'I1' });
    const outside = await newCustomer({ branch: 'I2' });
    const scoped = await t.clientWith(['imports:write', 'imports:read', 'activities:write'], {
      branches: ['I1'],
    });
    const items = [
      anActivity({ id: inside.id }),
      anActivity({ id: outside.id }),
      anActivity({ scheme: 'core_banking', value: 'NOBODYYET' }),
    ];
    const customers = await countOf('from customers');
    const one = await imported('kind=activities&on_unknown=create', lines(items), { client: scoped });
    expect(one).toMatchObject({ accepted: 1, rejected: 2 });
    expect(await countOf('from customers')).toBe(customers);
    expect(await scoped.get(`/v1/imports/${one.id}`)).toEqual(one);
    const others = await imported('kind=activities', lines([anActivity({ id: inside.id })]));
    await scoped.problem('GET', `/v1/imports/${others.id}`, 'not_found');
    await scoped.problem('GET', `/v1/imports/${others.id}/rejections`, 'not_found');
    await scoped.problem('POST', `/v1/imports/${others.id}/cancel`, 'not_found');
    const seen = (await scoped.get('/v1/imports')).data as { id: string }[];
    expect(seen.map(({ id }) => id)).toEqual([one.id]);
  });
});

describe('customers and holdings', () => {
  test('customers are made, changed and left as they are, in the order of the lines', async () => {
    const identifiers = [{ scheme: 'core_banking', value: `C${nextId()}` }];
    const first = { kind: 'person', full_name: '张伟', city: '上海', identifiers };
    const body = lines([
      first,
      { identifiers, city: '北京' },
      { identifiers, city: '北京' },
      { identifiers: [] },
    ]);
    const one = await imported('kind=customers&source=core', body);
    expect(one).toMatchObject({ accepted: 2, duplicates: 1, rejected: 1 });
    const made = await t.client.get(`/v1/customers/by-identifier/core_banking/${identifiers[0]?.value}`);
    expect(made).toMatchObject({ full_name: '张伟', city: '北京', version: 2 });
    expect(made.identifiers[0].source).toBe('core');
    expect(await rejectedLines(one.id)).toMatchObject([{ line: 4, pointer: '/identifiers' }]);
  });

  test('holdings are made with their parties, and activities find them', async () => {
    const owner = await newCustomer();
    const number = `H${nextId()}`;
    const holding = {
      source: 'core',
      number,
      category: 'deposit',
      currency: 'CNY',
      balance: '100.00',
      parties: [{ customer: { id: owner.id }, role: 'primary_owner' }],
    };
    const one = await imported(
      'kind=holdings',
      lines([holding, holding, { ...holding, number: `${number}X`, category: 'shoe' }]),
    );
    expect(one).toMatchObject({ accepted: 1, duplicates: 1, rejected: 1 });
    const { customer: _customer, ...item } = anActivity({ id: owner.id });
    const two = await imported('kind=activities', lines([{ ...item, holding: { source: 'core', number } }]));
    expect(two).toMatchObject({ accepted: 1 });
    expect(await activitiesOf(owner.id)).toBe(1);
  });
});

describe('CSV', () => {
  test('columns are paths to fields; rejected records come back as they were sent, with four cells more', async () => {
    const { number } = await newCustomer();
    const header =
      'source_id,customer.scheme,customer.value,type,occurred_at,amount,currency,own_transfer,attributes.shop';
    const [a, b, c, d] = [nextId(), nextId(), nextId(), nextId()];
    const good = [
      `${a},core_banking,${number},transfer,2026-02-03,10.5,CNY,true,"超市 ""好""\nand more, too"`,
      `${b},core_banking,${number},login,2026-02-03T08:00:00Z,,,,`,
    ];
    const bad = [
      `${c},core_banking,${number},transfer,"2026-02-30",1,CNY,yes,`,
      `${d},core_banking,${number},transfer,2026-02-03,1,CNY`,
      `x"y,core_banking,NOBODY,transfer,2026-02-03,,,,"a,b"`,
    ];
    const body = `\ufeff${header}\r\n${[good[0], bad[0], good[1], '', bad[1], bad[2]].join('\r\n')}\r\n`;
    const one = await imported('kind=activities&source=core', body, { headers: csv });
    expect(one).toMatchObject({
      state: 'completed',
      format: 'csv',
      received_lines: 5,
      accepted: 2,
      rejected: 3,
    });
    const reply = await t.client.request('GET', `/v1/imports/${one.id}/rejections`);
    expect(reply.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    const [names, ...records] = (reply.body as unknown as string).trimEnd().split('\n');
    expect(names).toBe(`${header},line,code,message,pointer`);
    expect(records.map((record) => bad.findIndex((sent) => record.startsWith(`${sent},`)))).toEqual([
      0, 1, 2,
    ]);
    // the first record takes two lines, and a blank one stands before the last two
    expect(records.map((record) => /,(\d+),[a-z_]+,/.exec(record)?.[1])).toEqual(['4', '7', '8']);
    const customer = await t.client.get(`/v1/customers/by-identifier/core_banking/${number}`);
    const { data } = await t.client.get(`/v1/customers/${customer.id}/activities`);
    expect(data).toMatchObject([
      { source_id: b, type: 'login', amount: null },
      {
        source_id: a,
        amount: '10.5',
        precision: 'day',
        own_transfer: true,
        attributes: { shop: '超市 "好"\nand more, too' },
      },
    ]);
  });

  test('lists are numbered, and GB 18030 is read', async () => {
    const value = `C${nextId()}`;
    const header =
      'kind,full_name,identifiers.0.scheme,identifiers.0.value,contact_points.1.kind,contact_points.1.value';
    // 张伟 and 王 in GB 18030
    const name = Buffer.from([0xd5, 0xc5, 0xce, 0xb0]);
    const bad = Buffer.from([0xcd, 0xf5]);
    const body = Buffer.concat([
      Buffer.from(`${header}\nperson,`),
      name,
      Buffer.from(`,core_banking,${value},phone,13812345678\nrobot,`),
      bad,
      Buffer.from(`,core_banking,X${value},,\n`),
    ]);
    const one = await imported('kind=customers&source=core', body, {
      headers: { 'content-type': 'text/csv; charset=GB18030' },
    });
    expect(one).toMatchObject({ accepted: 1, rejected: 1, charset: 'gb18030' });
    const made = await t.client.get(`/v1/customers/by-identifier/core_banking/${value}`);
    expect(made).toMatchObject({ full_name: '张伟', contact_points: [{ value: '+8613812345678' }] });
    const reply = await fetch(`${t.origin}/v1/imports/${one.id}/rejections`, {
      headers: { authorization: `Bearer ${t.client.secret}` },
    });
    const sent = Buffer.from(await reply.arrayBuffer());
    expect(sent.includes(Buffer.concat([Buffer.from('robot,'), bad, Buffer.from(',core_banking')]))).toBe(
      true,
    );
  });

  test('a column that is no field is refused before any line', async () => {
    const answer = await upload(
      'kind=activities&source=core',
      'source_id,customer.shoe,type,type\na,b,c,d\n',
      {
        headers: csv,
        status: 422,
      },
    );
    expect(answer).toMatchObject({
      code: 'rule_broken',
      errors: [
        { pointer: '/customer.shoe', code: 'unknown_column' },
        { pointer: '/type', code: 'repeated_column' },
      ],
    });
    const [last] = (await t.client.get('/v1/imports?limit=1')).data;
    expect(last).toMatchObject({ state: 'failed', failure: { code: 'rule_broken' } });
  });

  test.each([
    ['with quotes that do not match', 'source_id,"ty"pe\na,b\n', 'quotes'],
    ['that is JSON', '{"source_id":"a","type":"b"}\n', 'quotes'],
    [
      'that is no text',
      Buffer.from([0x61, 0xff, 0x2c, 0x62, 0x0a, 0x63, 0x2c, 0x64, 0x0a]),
      'invalid_encoding',
    ],
    ['that names what every object has', 'constructor,toString,__proto__\na,b,c\n', 'unknown_column'],
    ['with NUL', 'a\u0000b\nc\n', 'unknown_column'],
  ])('a header %s is refused before any line', async (_what, body, code) => {
    const answer = await upload('kind=activities&source=core', body, { headers: csv, status: 422 });
    expect(answer.errors.map((one: { code: string }) => one.code)).toEqual(answer.errors.map(() => code));
    const [last] = (await t.client.get('/v1/imports?limit=1')).data;
    expect(last).toMatchObject({ state: 'failed', failure: { code: 'rule_broken' } });
  });
});

describe('uploads', () => {
  /** Sends a part of a body whose length says that more is to come, and cuts the connection. */
  function cutUpload(
    path: string,
    method: string,
    announced: number,
    part: Buffer,
    headers: Record<string, string>,
  ) {
    return new Promise<void>((resolve) => {
      const sending = request(`${t.origin}${path}`, {
        method,
        headers: { authorization: `Bearer ${t.client.secret}`, 'content-length': announced, ...headers },
      });
      sending.on('error', () => resolve());
      sending.write(part, () => setTimeout(() => sending.destroy(), 300));
    });
  }

  /** Waits until the upload that is under way has staged so many bytes. */
  const received = async (bytes: number): Promise<Answer> => {
    for (;;) {
      const [one] = (await t.client.get('/v1/imports?state=receiving&limit=1')).data;
      if (one?.received_bytes === bytes) return one;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };

  test('a cut upload stays, and goes on where it ended: nothing is lost and nothing comes twice', async () => {
    const { id } = await newCustomer();
    const body = Buffer.from(lines(Array.from({ length: 5000 }, () => anActivity({ id }))));
    const digest = createHash('sha256').update(body).digest('base64');
    const headers = { ...ndjson, 'repr-digest': `sha-512=:aaaa:, sha-256=:${digest}:` };
    await cutUpload('/v1/imports?kind=activities', 'POST', body.length, body.subarray(0, 700_001), headers);
    const firstEnd = body.lastIndexOf('\n', 700_000) + 1;
    const first = await received(firstEnd);
    const newlines = body.subarray(0, first.received_bytes).filter((byte) => byte === 0x0a).length;
    expect(first.received_lines).toBe(newlines);
    await t.drain();
    expect(await get(first.id)).toMatchObject({ state: 'receiving', progress: { done: 0, total: null } });
    for (const wrong of [first.received_bytes - 1, first.received_bytes + 1]) {
      const refused = await goOn(first.id, wrong, body.subarray(wrong));
      expect(refused).toMatchObject({
        status: 409,
        body: { code: 'upload_offset_mismatch', received_bytes: first.received_bytes },
      });
    }
    const rest = body.subarray(first.received_bytes);
    await cutUpload(`/v1/imports/${first.id}`, 'PATCH', rest.length, rest.subarray(0, 300_000), {
      ...ndjson,
      'upload-offset': String(first.received_bytes),
    });
    const second = await received(body.lastIndexOf('\n', firstEnd + 299_999) + 1);
    const last = await goOn(first.id, second.received_bytes, body.subarray(second.received_bytes));
    expect(last).toMatchObject({ status: 202, body: { state: 'queued', received_bytes: body.length } });
    await t.drain();
    expect(await get(first.id)).toMatchObject({
      state: 'completed',
      received_lines: 5000,
      accepted: 5000,
      duplicates: 0,
    });
    expect(await totalOf(id)).toBe(5000);
    const late = await goOn(first.id, body.length, 'x');
    expect(late).toMatchObject({ status: 409, body: { code: 'conflict' } });
  });

  test('an upload in parts on purpose; a line may be cut between them', async () => {
    const { id } = await newCustomer();
    const body = lines(Array.from({ length: 10 }, () => anActivity({ id })));
    const more = { 'upload-complete': '?0' };
    const first = await upload('kind=activities', '', { headers: { ...ndjson, ...more } });
    expect(first).toMatchObject({ state: 'receiving', received_bytes: 0 });
    const half = body.indexOf('\n') + 20;
    const second = await goOn(first.id, 0, body.slice(0, half), more);
    expect(second).toMatchObject({ status: 202, body: { state: 'receiving', received_bytes: half - 19 } });
    await goOn(first.id, half - 19, body.slice(half - 19));
    await t.drain();
    expect(await get(first.id)).toMatchObject({ state: 'completed', accepted: 10 });
  });

  test('of two that go on with it at once, one is told that it is late', async () => {
    const { id } = await newCustomer();
    const body = lines(Array.from({ length: 3000 }, () => anActivity({ id })));
    const first = await upload('kind=activities', '', { headers: { ...ndjson, 'upload-complete': '?0' } });
    const both = await Promise.all([goOn(first.id, 0, body), goOn(first.id, 0, body)]);
    expect(both.map(({ status }) => status).sort()).toEqual([202, 409]);
    await t.drain();
    expect(await get(first.id)).toMatchObject({ state: 'completed', received_lines: 3000, accepted: 3000 });
  });

  test('what does not have the announced digest is not applied', async () => {
    const { id } = await newCustomer();
    const digest = createHash('sha256').update('something else').digest('base64');
    const answer = await upload('kind=activities', lines([anActivity({ id })]), {
      headers: { ...ndjson, 'repr-digest': `sha-256=:${digest}:` },
      status: 422,
    });
    expect(answer.code).toBe('digest_mismatch');
    await t.drain();
    const [last] = (await t.client.get('/v1/imports?limit=1')).data;
    expect(last).toMatchObject({ state: 'failed', failure: { code: 'digest_mismatch' } });
    expect(await activitiesOf(id)).toBe(0);
    expect(await countOf('from import_chunks')).toBe(0);
  });

  test('a digest of a body in parts is of the whole', async () => {
    const { id } = await newCustomer();
    const body = lines(Array.from({ length: 3 }, () => anActivity({ id })));
    const digest = createHash('sha256').update(body).digest('base64');
    const first = await upload('kind=activities', body.slice(0, body.indexOf('\n') + 1), {
      headers: { ...ndjson, 'upload-complete': '?0', 'repr-digest': `sha-256=:${digest}:` },
    });
    const last = await goOn(first.id, first.received_bytes, body.slice(first.received_bytes));
    expect(last.status).toBe(202);
    await t.drain();
    expect(await get(first.id)).toMatchObject({ state: 'completed', accepted: 3 });
  });

  test.each([
    ['a kind that there is not', 'kind=shoes', ndjson, 400, 'malformed_request'],
    ['no kind', '', ndjson, 400, 'malformed_request'],
    ['an unknown parameter', 'kind=activities&modus=snapshot', ndjson, 400, 'malformed_request'],
    ['JSON', 'kind=activities', { 'content-type': 'application/json' }, 415, 'unsupported_media_type'],
    [
      'a digest that is none',
      'kind=activities',
      { ...ndjson, 'repr-digest': 'md5=:a:' },
      400,
      'malformed_request',
    ],
    [
      'an end that is none',
      'kind=activities',
      { ...ndjson, 'upload-complete': 'maybe' },
      400,
      'malformed_request',
    ],
  ])('refused, and nothing is begun: %s', async (_name, query, headers, status, code) => {
    const before = await countOf('from imports');
    const answer = await upload(query, '{}', { headers, status });
    expect(answer.code).toBe(code);
    expect(await countOf('from imports')).toBe(before);
  });

  test('a line without end is refused while it arrives, and so is too large a body', async () => {
    const long = await upload('kind=activities', `{"a":"${'x'.repeat(3_000_000)}"}`, { status: 413 });
    expect(long.code).toBe('too_large');
    const line = `{"a":"${'x'.repeat(900_000)}"}\n`;
    const large = await upload('kind=activities', line.repeat(60), { status: 413 });
    expect(large.code).toBe('too_large');
    await t.drain();
    expect(await countOf('from import_chunks')).toBe(0);
  });

  test('bytes that are no text are rejected line by line', async () => {
    const { id } = await newCustomer();
    const body = Buffer.concat([
      gzipSync('something').filter((byte) => byte !== 0x0a),
      Buffer.from(`\n${lines([anActivity({ id }), { a: '\u0000' }])}`),
    ]);
    const one = await imported('kind=activities', body);
    expect(one).toMatchObject({ state: 'completed', accepted: 1, rejected: 2 });
    expect(await rejectedLines(one.id)).toMatchObject([{ line: 1 }, { line: 3 }]);
  });

  test('whoever may import may not do by it what is not theirs to do otherwise', async () => {
    const client = await t.clientWith(['imports:write', 'imports:read', 'customers:write']);
    const answer = await upload('kind=activities', '{}\n', { client, status: 403 });
    expect(answer.code).toBe('insufficient_scope');
    const mine = await upload('kind=customers', '{}\n', { client });
    await t.drain();
    await client.get(`/v1/imports/${mine.id}/rejections`);
    const other = await t.clientWith(['imports:read']);
    await other.get(`/v1/imports/${mine.id}`);
    await other.problem('GET', `/v1/imports/${mine.id}/rejections`, 'insufficient_scope');
  });
});

describe('working through', () => {
  const work = () => workOnImport(t.deps);

  test('aborts at the first chunk with a rejected line, and says so', async () => {
    const { id } = await newCustomer();
    const items = Array.from({ length: 6000 }, (_, index) =>
      anActivity({ id }, index === 5300 ? { amount: 'x' } : {}),
    );
    const one = await imported('kind=activities&on_error=abort', lines(items));
    expect(one).toMatchObject({
      state: 'failed',
      failure: { code: 'aborted', line: 5301 },
      accepted: 5000,
      duplicates: 0,
      rejected: 1,
      progress: { done: 5001, total: 6000 },
    });
    expect(await totalOf(id)).toBe(5000);
    expect(await rejectedLines(one.id)).toMatchObject([{ line: 5301 }]);
    expect(await countOf('from import_chunks')).toBe(0);
  });

  test('a dry run says what would be, and writes nothing', async () => {
    const { id } = await newCustomer();
    const value = `STUB${nextId()}`;
    const items = [
      anActivity({ id }),
      anActivity({ scheme: 'core_banking', value }),
      anActivity({ id }, { amount: '-1' }),
    ];
    const events = await countOf("from outbox where type not like 'import.%'");
    const one = await imported('kind=activities&dry_run=true&on_unknown=create', lines([...items, items[0]]));
    expect(one).toMatchObject({ state: 'completed', dry_run: true, accepted: 2, duplicates: 1, rejected: 1 });
    expect(await activitiesOf(id)).toBe(0);
    expect(await countOf('from activity_keys where source_id = $1', [items[0]?.source_id])).toBe(0);
    await t.client.problem('GET', `/v1/customers/by-identifier/core_banking/${value}`, 'not_found');
    expect(await countOf("from outbox where type not like 'import.%'")).toBe(events);
    expect(await rejectedLines(one.id)).toMatchObject([{ line: 3 }]);
    expect(await imported('kind=activities', lines(items))).toMatchObject({ accepted: 1, rejected: 2 });
  });

  test('a cancelled import stops after its chunk; what was applied stays', async () => {
    const { id } = await newCustomer();
    const { id: importId } = await upload(
      'kind=activities',
      lines(Array.from({ length: 30000 }, () => anActivity({ id }))),
    );
    const working = work();
    for (let done = 0; done === 0; ) done = (await get(importId)).progress.done;
    const cancelled = await t.client.post(`/v1/imports/${importId}/cancel`, undefined);
    expect(cancelled).toMatchObject({ state: 'cancelled' });
    await working;
    await t.drain();
    const after = await get(importId);
    expect(after).toMatchObject({ state: 'cancelled', received_lines: 30000 });
    expect(after.accepted).toBe(cancelled.accepted);
    expect(await totalOf(id)).toBe(after.accepted);
    expect(await countOf('from import_chunks')).toBe(0);
    await t.client.problem('POST', `/v1/imports/${importId}/cancel`, 'conflict');
  });

  test('a worker that dies is followed by another one when its lease has ended, and can do nothing more', async () => {
    const { id } = await newCustomer();
    const { id: importId } = await upload(
      'kind=activities',
      lines(Array.from({ length: 11000 }, () => anActivity({ id }))),
    );
    const dead = await claimImport(t.services, await t.now());
    expect(dead?.row.id).toBe(importId);
    expect(await work()).toBe(false);
    await t.database.pool.query("update imports set leased_until = '2020-01-01T00:00:00Z' where id = $1", [
      importId,
    ]);
    await workUntilDone({ queue: 'imports', everySeconds: 1, wakesOn: [], work }, () => false);
    const after = await get(importId);
    expect(after).toMatchObject({ state: 'completed', accepted: 11000, duplicates: 0 });
    expect(await totalOf(id)).toBe(11000);
  });

  test('two at once that both think that it is theirs do everything once', async () => {
    const { id } = await newCustomer();
    const { id: importId } = await upload(
      'kind=activities',
      lines(Array.from({ length: 22000 }, () => anActivity({ id }))),
    );
    const first = work();
    for (let state = ''; state !== 'running'; ) state = (await get(importId)).state;
    await t.database.pool.query("update imports set leased_until = '2020-01-01T00:00:00Z' where id = $1", [
      importId,
    ]);
    await Promise.all([first, work(), work()]);
    await t.drain();
    expect(await get(importId)).toMatchObject({
      state: 'completed',
      accepted: 22000,
      duplicates: 0,
      rejected: 0,
    });
    expect(await totalOf(id)).toBe(22000);
    expect(await activitiesOf(id)).toBe(22000);
  });

  test('a line that the database refuses is rejected alone', async () => {
    const { id } = await newCustomer();
    await t.database.pool.query(
      "alter table activities add constraint activities_no_poison_check check (source_id <> 'POISON')",
    );
    const items = Array.from({ length: 300 }, () => anActivity({ id }));
    items.splice(123, 0, anActivity({ id }, { source_id: 'POISON' }));
    const one = await imported('kind=activities', lines(items));
    expect(one).toMatchObject({ state: 'completed', accepted: 300, rejected: 1 });
    expect(await rejectedLines(one.id)).toMatchObject([{ line: 124, code: 'internal_error' }]);
    expect(await totalOf(id)).toBe(300);
    await t.database.pool.query('alter table activities drop constraint activities_no_poison_check');
  });

  test('staged and rejected lines are encrypted at rest', async () => {
    const secret = 'SECRET-7766';
    const { id: importId } = await upload('kind=activities', lines([{ name: secret }]));
    const staged = 'select encode(body, $1) as text from import_chunks where import_id = $2';
    const kept = 'select encode(body, $1) as text from import_rejections where import_id = $2';
    for (const text of [staged, kept]) {
      const { rows } = await t.database.pool.query(text, ['escape', importId]);
      expect(rows).toHaveLength(1);
      expect(rows[0].text).not.toContain(secret);
      await t.drain();
    }
    expect(await rejections(importId)).toContain(secret);
  });
});

describe('what is forgotten', () => {
  test('rejected lines after thirty days, and uploads that nobody goes on with after seven', async () => {
    const one = await imported('kind=activities', '{}\n');
    const stale = await upload('kind=activities', '{}\n', {
      headers: { ...ndjson, 'upload-complete': '?0' },
    });
    expect(await countOf('from import_chunks where import_id = $1', [stale.id])).toBe(1);
    await t.travelTo('2026-03-09T04:00:00Z');
    await t.drain();
    expect(await get(stale.id)).toMatchObject({ state: 'failed', failure: { code: 'abandoned' } });
    expect(await countOf('from import_chunks where import_id = $1', [stale.id])).toBe(0);
    expect(await rejectedLines(one.id)).toHaveLength(1);
    await t.travelTo('2026-04-05T04:00:00Z');
    await t.drain();
    expect(await rejectedLines(one.id)).toEqual([]);
    expect(await countOf('from import_rejections where import_id = $1', [one.id])).toBe(0);
    expect(await countOf('from imports where id = $1 and wrapped_key is null', [one.id])).toBe(1);
    expect(await get(one.id)).toMatchObject({ state: 'completed', rejected: 1 });
  });
});
