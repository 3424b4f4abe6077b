/**
 * Whatever a bank tells, however it is corrected, whatever rules are published meanwhile and however the clock moves:
 * what the reviews have come to is what a full recomputation gives, and every explanation says the same.
 */

import { sql } from 'drizzle-orm';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { json } from '../../src/db/client.js';
import { newId } from '../../src/platform/ids.js';
import { instantOf, microsOf } from '../../src/platform/instants.js';
import { bucketOf } from '../../src/reviews/service.js';
import type { Rule } from '../../src/rules/schema.js';
import { withSegmentsNamed } from '../../src/rules/vocabulary.js';
import { rollOut } from '../../src/segments/rollout.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { reviewOnce } from '../support/buckets.js';
import { declared } from '../support/customer-pictures.js';
import { aCustomer, aHolding } from '../support/factories.js';
import { expectRecomputed, expectSound } from '../support/recomputation.js';
import { rules } from '../support/rule-worlds.js';
import { runs } from '../support/runs.js';

const startAt = '2025-01-20T02:00:00Z';
const day = 86_400_000_000;

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp({ startAt });
  await t.database.rows(sql`
    insert into attribute_definitions
    select * from jsonb_populate_recordset(null::attribute_definitions, ${json(
      declared.attributes.map((one) => ({
        ...one,
        sensitivity: 'internal',
        searchable: false,
        version: 1,
        created_at: startAt,
        updated_at: startAt,
      })),
    )})`);
});
afterAll(() => t.stop());

type Command =
  | { do: 'change'; who: number; stated: Record<string, unknown> }
  | { do: 'act'; who: number; type: string; days: number; amount: string; channel: string }
  | { do: 'correct'; which: number; amount: string; days: number }
  | { do: 'reverse'; which: number }
  | { do: 'hold'; who: number; category: string; balance: string; days: number }
  | { do: 'publish'; segment: number; rule: Rule; previewed: boolean }
  | { do: 'move'; hours: number }
  | { do: 'step'; bucket: number | null }
  | { do: 'review' };

const customers = 4;
const segments = 6;
const who = fc.nat(customers - 1);
const amount = fc.constantFrom('0.10', '100.00', '99.99', '1000000.00');

const contextOf = (now: string) => ({ now, timeZone: 'Asia/Shanghai', currency: 'CNY' });

const commands = (now: string): fc.Arbitrary<Command> =>
  fc.oneof(
    fc.record({
      do: fc.constant('change' as const),
      who,
      stated: fc.record(
        {
          city: fc.constantFrom('上海', '北京', null),
          birth_date: fc.constantFrom('2004-02-29', '2007-01-25', '1990-06-01'),
          customer_since: fc.constantFrom('2024-11-01', '2025-01-01'),
          attributes: fc.record({ visits: fc.nat(90), vip: fc.boolean() }, { requiredKeys: [] }),
        },
        { requiredKeys: [] },
      ),
    }),
    fc.record({
      do: fc.constant('act' as const),
      who,
      type: fc.constantFrom('card_payment', 'login', 'transfer'),
      days: fc.integer({ min: -100, max: 20 }),
      amount,
      channel: fc.constantFrom('app', 'atm'),
    }),
    fc.record({
      do: fc.constant('correct' as const),
      which: fc.nat(),
      amount,
      days: fc.integer({ min: -40, max: 5 }),
    }),
    fc.record({ do: fc.constant('reverse' as const), which: fc.nat() }),
    fc.record({
      do: fc.constant('hold' as const),
      who,
      category: fc.constantFrom('deposit', 'fund', 'loan'),
      balance: amount,
      days: fc.integer({ min: -60, max: 0 }),
    }),
    fc.record({
      do: fc.constant('publish' as const),
      segment: fc.nat(segments - 1),
      rule: rules(contextOf(now)),
      previewed: fc.boolean(),
    }),
    fc.record({ do: fc.constant('move' as const), hours: fc.constantFrom(1, 20, 24, 24 * 9, 24 * 31) }),
    // one batch of a bucket, or one step towards new versions
    fc.record({ do: fc.constant('step' as const), bucket: fc.option(fc.nat(15), { freq: 1 }) }),
    fc.record({ do: fc.constant('review' as const) }),
  );

/**
 * A rule of the last may name the first: no circle can come of it. Those of the catalogue of names stand for these, and
 * levels are those of the bank.
 */
const grounded = (rule: Rule, keys: readonly string[], place: number): Rule => {
  const below = keys.slice(0, place);
  const here = JSON.parse(JSON.stringify(rule), (_, part) => {
    if (part?.fact === 'level') return { fact: 'level', op: 'exists' };
    const fact = part?.fact?.replace(/^loyalty\.[a-z]+\./, 'loyalty.');
    if (fact === 'loyalty.tier') return { fact, op: 'exists' };
    if (fact?.startsWith('loyalty.')) return { ...part, fact };
    const isSegment = part !== null && typeof part === 'object' && Object.keys(part).join() === 'segment';
    return isSegment && below.length === 0 ? { fact: 'kind', op: 'eq', value: 'person' } : part;
  }) as Rule;
  return withSegmentsNamed(here, (name) => below[name.length % below.length] as string);
};

class World {
  readonly keys: string[] = [];
  readonly ids: string[] = [];
  readonly told: { source_id: string; version: number; item: Record<string, unknown>; reversed: boolean }[] =
    [];
  readonly numbers = new Map<string, string>();

  async begin(first: readonly Rule[]): Promise<void> {
    for (const [place, rule] of first.entries()) {
      const key = `s${newId().replaceAll('-', '')}`;
      const stated = { key, name: key, description: '', rule: grounded(rule, this.keys, place) };
      await t.client.post('/v1/segments', stated, 201);
      this.keys.push(key);
    }
    for (let made = 0; made < customers; made += 1) {
      this.ids.push((await t.client.post('/v1/customers', aCustomer(), 201)).id);
    }
  }

  async run(command: Command): Promise<void> {
    const now = microsOf(await t.now());
    const at = (days: number) => instantOf(now + days * day);
    switch (command.do) {
      case 'change':
        await t.client.patch(`/v1/customers/${this.ids[command.who]}`, command.stated, '*');
        return;
      case 'act': {
        const { type, channel } = command;
        const source_id = newId();
        const item = { source: 'core', source_id, customer: { id: this.ids[command.who] }, type, channel };
        const stated = {
          ...item,
          occurred_at: at(command.days),
          amount: command.amount,
          currency: 'CNY',
          direction: 'out',
        };
        await this.tell(stated);
        this.told.push({ source_id, version: 1, item: stated, reversed: false });
        return;
      }
      case 'correct': {
        const one = this.told[command.which % this.told.length];
        if (one === undefined || one.reversed) return;
        one.version += 1;
        one.item = {
          ...one.item,
          source_version: one.version,
          amount: command.amount,
          occurred_at: at(command.days),
        };
        await this.tell(one.item);
        return;
      }
      case 'reverse': {
        const one = this.told[command.which % this.told.length];
        if (one === undefined || one.reversed) return;
        one.reversed = true;
        const { source_version: _version, ...item } = one.item as { source_version?: number };
        await this.tell({ ...item, source_id: newId(), reverses: { source_id: one.source_id } });
        return;
      }
      case 'hold': {
        const key = `${command.who} ${command.category}`;
        const number = this.numbers.get(key) ?? newId();
        this.numbers.set(key, number);
        const stated = aHolding(number, { id: this.ids[command.who] });
        const { category, balance } = command;
        const balance_date = at(command.days).slice(0, 10);
        await t.client.request('POST', '/v1/holdings/upsert', { ...stated, category, balance, balance_date });
        return;
      }
      case 'publish': {
        const rule = grounded(command.rule, this.keys, command.segment);
        const key = this.keys[command.segment];
        if (command.previewed) await t.drain();
        const told = command.previewed && (await t.client.post('/v1/segments/preview', { key, rule }));
        await t.client.put(`/v1/segments/${key}`, { name: 'n', description: '', rule }, 200, {
          headers: { 'if-match': '*' },
        });
        if (told) await this.compare(key as string, told);
        return;
      }
      case 'move':
        await t.travelTo(instantOf(now + command.hours * 3_600_000_000));
        return;
      case 'step': {
        if (command.bucket === null) await rollOut(await t.context(), t.deps.facts);
        else await reviewOnce(t, bucketOf(this.ids[command.bucket % customers] as string));
        return;
      }
      case 'review':
        await t.drain();
    }
  }

  /** What was foreseen is what saving then gave. */
  private async compare(key: string, told: { count: number; sample: string[] }): Promise<void> {
    await t.drain();
    const { data } = await t.client.get(`/v1/segments/${key}/members?limit=200`);
    expect(data.length).toBe(told.count);
    expect(data.slice(0, 20).map((one: { customer_id: string }) => one.customer_id)).toEqual(told.sample);
  }

  private async tell(item: Record<string, unknown>): Promise<void> {
    const reply = await t.client.post('/v1/activities', { items: [item] });
    expect(reply.rejected).toEqual([]);
  }

  /** Every explanation's root is the membership. */
  async explain(): Promise<void> {
    for (const id of this.ids) {
      for (const key of this.keys) {
        const { member, explanation } = await t.client.get(`/v1/customers/${id}/segments/${key}/explanation`);
        expect(explanation.verdict).toBe(member);
      }
    }
  }

  async end(): Promise<void> {
    for (const key of [...this.keys].reverse()) {
      await t.client.delete(`/v1/segments/${key}`, 204, { headers: { 'if-match': '*' } });
    }
    await t.drain();
  }
}

const histories = fc.record({
  first: fc.array(rules(contextOf(startAt)), { minLength: segments, maxLength: segments }),
  commands: fc.array(commands(startAt), { minLength: 10, maxLength: 30 }),
});

test('what reviews have come to is what a full recomputation gives', { timeout: 3_600_000 }, () =>
  fc.assert(
    fc.asyncProperty(histories, async ({ first, commands: history }) => {
      const world = new World();
      await world.begin(first);
      for (const command of history) await world.run(command);
      await t.drain();
      await expectRecomputed(t);
      await expectSound(t);
      await world.explain();
      const drafts = await t.database.rows(sql`select from membership_drafts`);
      expect(drafts).toEqual([]);
      await world.end();
    }),
    { numRuns: runs(12), endOnFailure: true },
  ),
);
