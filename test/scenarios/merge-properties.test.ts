/**
 * Merging and parting again leaves no trace: two pairs of customers are told of the same things, one pair is merged in
 * the middle and parted at the end, and both pairs are the same. `PROPERTY_RUNS` makes it longer.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
  const source = { name: 'Ledger', description: '', priority: 700, priorities: { residence: 300 } };
  await t.client.put('/v1/sources/ledger', source, 201);
});
afterAll(() => t.stop());

type Json = Record<string, unknown>;
type Side = 'a' | 'b';

const side = fc.constantFrom<Side>('a', 'b');
const sourceOf = fc.constantFrom('ledger', 'crm');

/** Each statement is of a time of its own: of two at the same time the one that came last counts. */
const statement = fc.record({
  op: fc.constant('state' as const),
  side,
  source: sourceOf,
  second: fc.nat(100_000),
  fields: fc
    .record(
      {
        full_name: fc.constantFrom('王一', '王二', null),
        city: fc.constantFrom('上海', '北京', null),
        gender: fc.constantFrom('female', 'male'),
        customer_since: fc.constantFrom('2010-01-01', '2015-06-01'),
      },
      { requiredKeys: [] },
    )
    .filter((fields) => Object.keys(fields).length > 0),
});
const activity = fc.record({
  op: fc.constant('act' as const),
  side,
  type: fc.constantFrom('card_payment', 'login'),
  amount: fc.option(fc.integer({ min: 1, max: 9999 }).map((cents) => (cents / 100).toFixed(2))),
  day: fc.integer({ min: 1, max: 28 }),
});
/** Takes back a former activity, or corrects it. */
const correction = fc.record({
  op: fc.constant('correct' as const),
  side,
  which: fc.nat(20),
  how: fc.constantFrom<'reverse' | 'supersede'>('reverse', 'supersede'),
});
const balance = fc.record({
  op: fc.constant('balance' as const),
  side,
  day: fc.integer({ min: 1, max: 28 }),
  amount: fc.integer({ min: -5000, max: 5000 }).map(String),
});
const contacts = fc.record({
  op: fc.constant('contacts' as const),
  side,
  phones: fc.uniqueArray(fc.constantFrom('13900010001', '13900010002', '13900010003'), { maxLength: 2 }),
});
const anywhen = [statement, activity, correction, balance] as const;

const story = fc.record({
  before: fc.array(fc.oneof(...anywhen, contacts), { maxLength: 10 }),
  while: fc.array(fc.oneof(...anywhen), { maxLength: 6 }),
  after: fc.array(fc.oneof(...anywhen), { maxLength: 3 }),
  choices: fc.dictionary(
    fc.constantFrom('full_name', 'city', 'gender'),
    fc.constantFrom('survivor', 'merged'),
    {
      maxKeys: 3,
    },
  ),
  related: fc.boolean(),
});
type Of<A> = A extends fc.Arbitrary<infer T> ? T : never;
type Op = Of<typeof statement | typeof activity | typeof correction | typeof balance | typeof contacts>;

let worlds = 0;

/** A pair of customers, and all that is done with them by their numbers. */
async function aWorld(related: boolean) {
  worlds += 1;
  const name = `PAIR${worlds}`;
  const numbered = (which: Side) => ({ scheme: 'core_banking', value: `${name}${which}` });
  const sent: { side: Side; body: Json }[] = [];
  const tell = (which: Side, more: Json) =>
    t.client.request('POST', '/v1/customers/upsert', {
      kind: 'person',
      identifiers: [numbered(which)],
      ...more,
    });
  const record = async (which: Side, body: Json) => {
    sent.push({ side: which, body });
    const { rejected } = await t.client.post('/v1/activities', {
      items: [
        {
          ...body,
          source_id: `${name}-${body.source_id}`,
          ...(body.reverses === undefined
            ? {}
            : { reverses: { source_id: `${name}-${(body.reverses as Json).source_id}` } }),
        },
      ],
    });
    expect(rejected).toEqual([]);
  };
  const ids = {} as Record<Side, string>;
  for (const which of ['a', 'b'] as const) {
    ids[which] = (await tell(which, { source: 'crm', source_time: '2020-01-01T00:00:00Z' })).body.customer.id;
    const holding = {
      source: 'core',
      number: `${name}${which}`,
      category: 'deposit',
      currency: 'CNY',
      opened_on: '2025-01-01',
      parties: [{ customer: numbered(which), role: 'primary_owner' }],
    };
    await t.client.post('/v1/holdings/upsert', holding, 201);
  }
  if (related) {
    const body = { related_customer: { id: ids.b }, role: 'spouse' };
    await t.client.post(`/v1/customers/${ids.a}/relationships`, body, 201);
  }
  const steps: { [K in Op['op']]: (op: Extract<Op, { op: K }>) => Promise<unknown> } = {
    state: ({ side: which, source, second, fields }) => {
      const source_time = new Date(Date.UTC(2026, 0, 1) + second * 1000).toISOString();
      return tell(which, { source, source_time, ...fields });
    },
    act: ({ side: which, type, amount, day }) =>
      record(which, {
        source: 'cards',
        source_id: String(sent.length),
        customer: numbered(which),
        type,
        occurred_at: `2026-02-${String(day).padStart(2, '0')}T04:00:00Z`,
        ...(amount === null ? {} : { amount, currency: 'CNY', direction: 'out' }),
      }),
    correct: async ({ side: which, which: place, how }) => {
      const own = sent.filter((one) => one.side === which && one.body.reverses === undefined);
      const former = own[place % Math.max(1, own.length)];
      if (former === undefined) return;
      const { body } = former;
      if (how === 'supersede')
        await record(which, { ...body, type: 'visit', source_version: sent.length + 1 });
      else
        await record(which, {
          ...body,
          source_id: `${body.source_id}r${sent.length}`,
          reverses: { source_id: body.source_id },
        });
    },
    balance: ({ side: which, day, amount }) => {
      const balance_date = `2026-02-${String(day).padStart(2, '0')}`;
      return t.client.request('POST', '/v1/holdings/upsert', {
        source: 'core',
        number: `${name}${which}`,
        balance: amount,
        balance_date,
      });
    },
    contacts: ({ side: which, phones }) =>
      tell(which, {
        source: 'crm',
        contact_points: phones.map((value, place) => ({ kind: 'phone', value, primary: place === 0 })),
      }),
  };
  const run = async (ops: readonly Op[]) => {
    for (const op of ops) await (steps[op.op] as (one: Op) => Promise<unknown>)(op);
  };
  return { name, ids, run };
}

/** All that there is of both, by names that both worlds share. */
async function pictureOf({ name, ids }: { name: string; ids: Record<Side, string> }): Promise<string> {
  const pictures: Json = {};
  for (const which of ['a', 'b'] as const) {
    const profile = await t.client.get(`/v1/customers/${ids[which]}/profile`);
    const {
      as_of: _asOf,
      review: _review,
      segments: _segments,
      last_activities: _last,
      ...picture
    } = profile;
    const activities = await t.client.get(`/v1/customers/${ids[which]}/activities?limit=200`);
    pictures[which] = { ...picture, activities: activities.data };
  }
  const told = JSON.stringify(pictures, (key, value) => {
    if (
      /^(id|version|.*_at|source_time|holding_id|party_id|superseded_by)$/.test(key) &&
      key !== 'occurred_at'
    )
      return undefined;
    if (Array.isArray(value) && value.every((one) => typeof one === 'object'))
      return [...value].sort((left, right) => (JSON.stringify(left) < JSON.stringify(right) ? -1 : 1));
    return value;
  });
  return told.replaceAll(name, 'PAIR').replaceAll(ids.a, 'A').replaceAll(ids.b, 'B');
}

const numRuns = Number(process.env.PROPERTY_RUNS ?? 12);

test('a pair that was merged in between is as if it never was', {
  timeout: 60_000 + numRuns * 10_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(story, async ({ before, while: meanwhile, after, choices, related }) => {
      const seconds = new Map<number, number>();
      const apart = (ops: readonly Op[]) =>
        ops.map((op) => {
          if (op.op !== 'state') return op;
          const shift = seconds.get(op.second) ?? 0;
          seconds.set(op.second, shift + 1);
          return { ...op, second: op.second * 100 + shift };
        });
      const stories = [apart(before), apart(meanwhile), apart(after)] as const;
      const [plain, merged] = [await aWorld(related), await aWorld(related)];
      for (const world of [plain, merged]) await world.run(stories[0]);
      const pair = { survivor: { id: merged.ids.a }, merged: { id: merged.ids.b }, survivorship: choices };
      const { id } = await t.client.post('/v1/merges', pair, 201);
      for (const world of [plain, merged]) await world.run(stories[1]);
      await t.client.post(`/v1/merges/${id}/revert`, undefined, 200, { headers: { 'if-match': '*' } });
      for (const world of [plain, merged]) await world.run(stories[2]);
      expect(JSON.parse(await pictureOf(merged))).toEqual(JSON.parse(await pictureOf(plain)));
    }),
    { numRuns },
  );
});
