import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectedRows, type Message, type Row } from '../support/activity-model.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { aCustomer } from '../support/factories.js';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp({ poolSize: 20 });
});
afterAll(() => t.stop());

type Item = Record<string, unknown>;
let sources = 0;
const newSource = () => {
  sources += 1;
  return `source_${sources}`;
};
const newCustomer = async (): Promise<string> =>
  (await t.client.post('/v1/customers', aCustomer(), 201)).id as string;
const send = (items: Item[], client = t.client) => client.post('/v1/activities', { items });
const rowsOf = async (text: string, values: unknown[]) => (await t.database.pool.query(text, values)).rows;

const paid = (source: string, id: string, customer: string, stated: Item = {}): Item => ({
  source,
  source_id: id,
  customer: { id: customer },
  type: 'card_payment',
  occurred_at: '2026-02-03T10:00:00+08:00',
  amount: '100',
  currency: 'CNY',
  direction: 'out',
  ...stated,
});
const listed = async (customer: string) =>
  (await t.client.get(`/v1/customers/${customer}/activities`)).data as Item[];
const totalsOf = async (customer: string) =>
  (await t.client.get(`/v1/customers/${customer}/profile`)).activity_totals as Item[];

describe('a higher version', () => {
  test('takes the place of the former one, which stays in the timeline', async () => {
    const [source, id] = [newSource(), await newCustomer()];
    await send([paid(source, 'A', id)]);
    const change = { source_version: 3, amount: '80', type: 'transfer', occurred_at: '2026-02-05T10:00:00Z' };
    expect(await send([paid(source, 'A', id, change)])).toEqual({
      accepted: 0,
      duplicates: 0,
      superseded: 1,
      rejected: [],
    });
    const { data } = await t.client.get(`/v1/customers/${id}/timeline?kind=activity`);
    const [now, before] = data.map((entry: { activity: Item }) => entry.activity);
    expect(now).toMatchObject({ state: 'current', type: 'transfer', source_version: 3, superseded_by: null });
    expect(before).toMatchObject({ state: 'superseded', amount: '100', superseded_by: now.id });
    expect(await totalsOf(id)).toMatchObject([
      { type: 'transfer', count: 1, amount: '80', first_at: '2026-02-05T10:00:00.000000Z' },
    ]);
  });

  test('can be of another customer: both are marked for review, and only one has it', async () => {
    const [source, first, second] = [newSource(), await newCustomer(), await newCustomer()];
    await send([paid(source, 'A', first), paid(source, 'B', first, { occurred_at: '2026-02-07' })]);
    await t.drain();
    await send([paid(source, 'A', second, { source_version: 1 })]);
    const marked = await rowsOf(
      'select customer_id from review_state where marked_at is not null and customer_id = any($1) order by 1',
      [[first, second]],
    );
    expect(marked.map((row) => row.customer_id)).toEqual([first, second].sort());
    expect(await totalsOf(first)).toMatchObject([{ count: 1, first_at: '2026-02-06T16:00:00.000000Z' }]);
    expect(await totalsOf(second)).toMatchObject([{ count: 1, amount: '100' }]);
  });

  test('is refused to whoever may not see whose it is', async () => {
    const source = newSource();
    const [mine, theirs] = [await newCustomer(), await newCustomer()];
    await t.client.patch(`/v1/customers/${theirs}`, { branch: '0999' }, '*');
    await send([paid(source, 'A', theirs)]);
    const bound = await t.clientWith(['activities:write'], { branches: ['0101'] });
    const reply = await send([paid(source, 'A', mine, { source_version: 9 })], bound);
    expect(reply).toMatchObject({ superseded: 0, rejected: [{ problem: { code: 'activity_conflict' } }] });
    // nor is it reversed by an activity of a customer that they do see
    await send([paid(source, 'R', mine, { reverses: { source_id: 'A' } })], bound);
    expect(await totalsOf(theirs)).toMatchObject([{ count: 1, amount: '100' }]);
  });
});

describe('a reversal', () => {
  test('in part leaves the rest, in full nothing, and is itself in no measure', async () => {
    const [source, id] = [newSource(), await newCustomer()];
    await send([paid(source, 'A', id)]);
    const back = { direction: 'in', amount: '30', occurred_at: '2026-02-04T10:00:00Z' };
    await send([paid(source, 'R', id, { ...back, reverses: { source_id: 'A', amount: '30.5' } })]);
    expect(await listed(id)).toMatchObject([
      { source_id: 'R', state: 'reversal', reverses: { source_id: 'A', amount: '30.5' } },
      { state: 'current', amount: '100', reversed_amount: '30.5', reporting_amount: '69.5' },
    ]);
    expect(await totalsOf(id)).toMatchObject([{ direction: 'out', count: 1, amount: '69.5' }]);
    await send([paid(source, 'R2', id, { ...back, reverses: { source_id: 'A' } })]);
    expect(await totalsOf(id)).toEqual([]);
    expect((await t.client.get(`/v1/customers/${id}/summary`)).last_activity_at).toBeNull();
    // the second is taken back, in the first nothing has changed
    await send([paid(source, 'RR', id, { reverses: { source_id: 'R2' } })]);
    expect(await totalsOf(id)).toMatchObject([{ count: 1, amount: '69.5' }]);
  });

  test('moves its customer out of a segment, and back when it is reversed', async () => {
    const [source, id] = [newSource(), await newCustomer()];
    await t.client.post(
      '/v1/segments',
      {
        key: 'big_payers',
        name: 'Big payers',
        description: '',
        rule: { activity: 'card_payment', window: { last: 'P60D' }, measure: 'sum', op: 'gte', value: '100' },
      },
      201,
    );
    const segments = async () => {
      await t.drain();
      return ((await t.client.get(`/v1/customers/${id}/segments`)).data as Item[]).map((one) => one.segment);
    };
    await send([paid(source, 'A', id)]);
    expect(await segments()).toContain('big_payers');
    await send([paid(source, 'R', id, { reverses: { source_id: 'A', amount: '0.01' } })]);
    expect(await segments()).not.toContain('big_payers');
    await send([paid(source, 'RR', id, { reverses: { source_id: 'R' } })]);
    expect(await segments()).toContain('big_payers');
  });

  test('takes its part of the value at the rate, whenever the rate comes', async () => {
    const [source, early, late, back] = [
      newSource(),
      await newCustomer(),
      await newCustomer(),
      await newCustomer(),
    ];
    const rate = (value: string, business_date: string) =>
      t.client.post('/v1/exchange-rates', {
        items: [{ source: 'core', currency: 'USD', rate: value, business_date }],
      });
    const dollars = { amount: '3', currency: 'USD' };
    const reversal = (id: string, of: string, customer: string, amount?: string) =>
      paid(source, id, customer, {
        reverses: { source_id: of, ...(amount === undefined ? {} : { amount }) },
      });
    await rate('7.1234', '2026-01-05');
    await send([
      paid(source, 'A', early, { ...dollars, occurred_at: '2026-01-05' }),
      reversal('A1', 'A', early, '1'),
    ]);
    const later = { ...dollars, occurred_at: '2026-01-06' };
    await send([paid(source, 'B', late, later), reversal('B1', 'B', late, '1')]);
    // this one counts no more while its rate comes
    await send([paid(source, 'C', back, later), reversal('C1', 'C', back)]);
    await rate('7.1234', '2026-01-06');
    await t.drain();
    await send([reversal('C2', 'C1', back)]);
    const expected = { count: 1, unvalued: 0 };
    expect(await totalsOf(early)).toMatchObject([{ ...expected, amount: '14.2467' }]);
    expect(await totalsOf(late)).toMatchObject([{ ...expected, amount: '14.2467' }]);
    expect(await totalsOf(back)).toMatchObject([{ ...expected, amount: '21.37' }]);
  });

  test('of itself is refused', async () => {
    const [source, id] = [newSource(), await newCustomer()];
    const reply = await send([paid(source, 'A', id, { reverses: { source_id: 'A' } })]);
    expect(reply.rejected).toMatchObject([
      { problem: { errors: [{ pointer: '/items/0/reverses/source_id', code: 'same_activity' }] } },
    ]);
  });
});

describe('whatever the order', () => {
  const ids = ['A', 'B', 'C', 'D'];
  const message: fc.Arbitrary<Message> = fc.record({
    id: fc.constantFrom(...ids),
    version: fc.integer({ min: 0, max: 3 }),
    customer: fc.integer({ min: 0, max: 1 }),
    type: fc.constantFrom('card_payment', 'transfer'),
    hour: fc.integer({ min: 0, max: 3 }),
    amount: fc.option(fc.integer({ min: 0, max: 5 }), { freq: 6 }),
    foreign: fc.nat(5).map((one) => one === 0),
    reverses: fc.option(
      fc.record({ id: fc.constantFrom(...ids), amount: fc.option(fc.integer({ min: 1, max: 4 })) }),
      { freq: 2 },
    ),
  });
  const plain = (one: Message): Message => ({
    ...one,
    foreign: one.amount !== null && one.foreign,
    reverses: one.reverses?.id === one.id ? null : one.reverses,
  });
  /** as the source speaks that says one thing in a version */
  const consistent = fc.uniqueArray(message.map(plain), {
    selector: (one) => `${one.id} ${one.version}`,
    minLength: 2,
    maxLength: 10,
  });

  const runs = Number(process.env.PROPERTY_RUNS ?? 15);
  const customers: string[] = [];
  beforeAll(async () => {
    customers.push(await newCustomer(), await newCustomer());
  });

  const itemOf = (source: string, one: Message): Item => ({
    source,
    source_id: one.id,
    source_version: one.version,
    customer: { id: customers[one.customer] },
    type: one.type,
    occurred_at: `2026-02-03T0${one.hour}:00:00Z`,
    ...(one.amount === null ? {} : { amount: String(one.amount), currency: one.foreign ? 'USD' : 'CNY' }),
    ...(one.reverses === null
      ? {}
      : {
          reverses: {
            source_id: one.reverses.id,
            ...(one.reverses.amount === null ? {} : { amount: String(one.reverses.amount) }),
          },
        }),
  });

  const order = (rows: readonly Row[]) =>
    [...rows].sort((a, b) => (`${a.id} ${a.version}` < `${b.id} ${b.version}` ? -1 : 1));
  const numberOf = (text: string | null) => (text === null ? null : Number(text));

  async function actualRows(source: string): Promise<Row[]> {
    const rows = await rowsOf(
      `select a.*, s.source_version as superseding from activities a left join activities s on s.id = a.superseded_by
       where a.source = $1`,
      [source],
    );
    return rows.map((row) => ({
      id: row.source_id,
      version: Number(row.source_version),
      customer: customers.indexOf(row.customer_id),
      state: row.state,
      reporting: numberOf(row.reporting_amount),
      reversed: numberOf(row.reversed_amount),
      supersededBy: numberOf(row.superseding),
    }));
  }

  /** Totals are those of the activities that are current. */
  async function expectTotals(): Promise<void> {
    const odd = await rowsOf(
      `with counted as (
         select customer_id, type, direction, initiated_by, count(*), coalesce(sum(reporting_amount), 0) as amount,
           count(*) filter (where amount is not null and reporting_amount is null) as unvalued,
           min(occurred_at) as first_at, max(occurred_at) as last_at
         from activities where state = 'current' group by 1, 2, 3, 4)
       (table counted except table activity_totals) union all (table activity_totals except table counted)`,
      [],
    );
    expect(odd).toEqual([]);
  }

  /** In batches of up to three, each message now and then twice. */
  const batchesOf = (messages: readonly Message[], seed: number): Message[][] => {
    const batches: Message[][] = [];
    for (let place = 0; place < messages.length; ) {
      const size = 1 + ((seed + place) % 3);
      const batch = messages.slice(place, place + size);
      batches.push((seed + place) % 4 === 0 ? [...batch, ...messages.slice(0, 2)] : batch);
      place += size;
    }
    return batches;
  };

  test('and the repetitions, the same messages end in the same state; also all at once', async () => {
    await fc.assert(
      fc.asyncProperty(
        consistent.chain((all) =>
          fc.tuple(
            fc.shuffledSubarray(all, { minLength: all.length }),
            fc.shuffledSubarray(all, { minLength: all.length }),
            fc.nat(11),
          ),
        ),
        async ([first, second, seed]) => {
          for (const [messages, atOnce] of [
            [first, false],
            [second, true],
          ] as const) {
            const source = newSource();
            const sendOne = async (batch: Message[]) =>
              expect((await send(batch.map((one) => itemOf(source, one)))).rejected).toEqual([]);
            const batches = batchesOf(messages, seed);
            if (atOnce) await Promise.all(batches.map(sendOne));
            else for (const batch of batches) await sendOne(batch);
            expect(order(await actualRows(source))).toEqual(order(expectedRows(messages)));
            await expectTotals();
          }
        },
      ),
      { numRuns: runs },
    );
  }, 300_000);

  test('what is refused leaves no trace: what stands follows from what was taken', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(message.map(plain), { minLength: 4, maxLength: 14 }),
        fc.nat(11),
        async (all, seed) => {
          const source = newSource();
          const taken: Message[] = [];
          for (const batch of batchesOf(all, seed)) {
            const { rejected } = await send(batch.map((one) => itemOf(source, one)));
            const refused = new Set((rejected as { index: number }[]).map(({ index }) => index));
            taken.push(...batch.filter((_, index) => !refused.has(index)));
          }
          expect(order(await actualRows(source))).toEqual(order(expectedRows(taken)));
          await expectTotals();
        },
      ),
      { numRuns: runs },
    );
  }, 300_000);
});
