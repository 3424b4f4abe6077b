/** What the compiled statement says of generated customers is what the evaluation in memory says of them. */

import { sql } from 'drizzle-orm';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { json, type Tx } from '../../src/db/client.js';
import { customers } from '../../src/db/tables/customers.js';
import { microsOf } from '../../src/platform/instants.js';
import { checkRule } from '../../src/rules/check.js';
import { checkedVerdicts, compileRules, type Verdicts } from '../../src/rules/compile.js';
import { explain } from '../../src/rules/explain.js';
import type { RuleContext } from '../../src/rules/moment.js';
import type { CustomerPicture } from '../../src/rules/picture.js';
import type { Rule } from '../../src/rules/schema.js';
import { contexts, facts, nobody, pictures, runs } from '../support/customer-pictures.js';
import { cloneDatabase, type TestDatabase } from '../support/database.js';
import { rules, windowWorlds } from '../support/rule-worlds.js';

let db: TestDatabase;

beforeAll(async () => {
  db = await cloneDatabase();
  for (let year = 2021; year <= 2027; year += 1) {
    await db.database.rows(
      sql.raw(
        `create table if not exists activities_y${year} partition of activities for values from ('${year}-01-01Z') to ('${year + 1}-01-01Z')`,
      ),
    );
  }
});

afterAll(() => db.drop());

const id = (kind: number, number: number) =>
  `0198f2a0-0000-7000-8${String(kind).padStart(3, '0')}-${String(number).padStart(12, '0')}`;

const at = '2024-01-01T00:00:00Z';

/** Another customer with whom the holdings live that ours are only a party to. */
const otherOwner = id(9, 0);

async function insert(tx: Tx, table: string, rows: readonly object[]): Promise<void> {
  await tx.run(
    sql`insert into ${sql.raw(table)} select * from jsonb_populate_recordset(null::${sql.raw(table)}, ${json(rows)})`,
  );
}

const customerRow = (customerId: string, customer: object) => ({
  attributes: {},
  stub: false,
  kind: 'person',
  status: 'active',
  ...customer,
  id: customerId,
  name_tokens: [],
  name_folded: '',
  version: 1,
  created_at: at,
  updated_at: at,
});

async function store(tx: Tx, all: readonly CustomerPicture[]): Promise<string[]> {
  const ids = all.map((_, index) => id(1, index));
  const each = <T>(rowsOf: (picture: CustomerPicture, customerId: string, index: number) => T[]) =>
    all.flatMap((picture, index) => rowsOf(picture, ids[index] as string, index));
  await insert(tx, 'customers', [
    customerRow(otherOwner, {}),
    ...each((picture, customerId) => [customerRow(customerId, picture.customer)]),
  ]);
  await insert(
    tx,
    'identifiers',
    each((picture, customerId) =>
      picture.identifiers.map((row, n) => ({
        ...row,
        id: id(5, n),
        customer_id: customerId,
        value_index: customerId,
        value: customerId,
        source: 's',
        recorded_at: at,
      })),
    ),
  );
  await insert(
    tx,
    'relationships',
    each((picture, customerId) =>
      picture.relationships.map((row, n) => ({
        ...row,
        customer_id: customerId,
        id: id(2, n),
        related_customer_id: id(3, n),
        source: 's',
        recorded_at: at,
        version: 1,
      })),
    ),
  );
  const holding = { source: 's', number_index: 'n', recorded_at: at, version: 1, attributes: {} };
  const parties = each((picture, customerId, index) =>
    picture.parties.map((party, n) => {
      const owned = party.role === 'primary_owner';
      return {
        party,
        customerId,
        owned,
        holdingId: id(4, index * 100 + n),
        owner: owned ? customerId : otherOwner,
        n,
        picture,
      };
    }),
  );
  await insert(
    tx,
    'holdings',
    parties.map(({ party, holdingId, owner, owned, n, picture }) => ({
      ...(owned ? picture.holdings[n] : { category: 'service', status: 'closed', currency: 'CNY' }),
      ...holding,
      customer_id: owner,
      id: holdingId,
      opened_on: party.opened_on,
    })),
  );
  await insert(
    tx,
    'holding_parties',
    parties.map(({ party, customerId, holdingId, owner }) => ({
      customer_id: customerId,
      id: holdingId,
      holding_id: holdingId,
      owner_id: owner,
      role: party.role,
      recorded_at: at,
    })),
  );
  const activity = { precision: 'instant', source_id: 's', source_version: 1, recorded_at: at };
  await insert(
    tx,
    'activities',
    each((picture, customerId) =>
      picture.activities.map((row) => ({ ...row, ...activity, customer_id: customerId })),
    ),
  );
  await insert(
    tx,
    'activity_totals',
    each((picture, customerId) => picture.activityTotals.map((row) => ({ ...row, customer_id: customerId }))),
  );
  return ids;
}

class Done extends Error {}

/** In a transaction that is always rolled back. */
async function inside(work: (tx: Tx) => Promise<void>): Promise<void> {
  await db.database
    .begin(async (tx) => {
      await work(tx);
      throw new Done();
    })
    .catch((error: unknown) => {
      if (!(error instanceof Done)) throw error;
    });
}

type World = { context: RuleContext; all: readonly CustomerPicture[]; rules: readonly Rule[] };

/** The same verdicts and the same next change, of every customer. */
const agree = ({ context, all, rules: judged }: World) =>
  inside(async (tx) => {
    for (const rule of judged) expect(checkRule(rule, facts)).toEqual([]);
    const ids = await store(tx, all);
    const rows = await tx.rows<Verdicts>(compileRules(judged, facts, context, { ids }));
    expect(rows).toHaveLength(all.length);
    const everyone = sql`${customers.id} <> ${otherOwner}`;
    const inOnePass = await tx.rows<Verdicts>(compileRules(judged, facts, context, { where: everyone }));
    const byId = (left: Verdicts, right: Verdicts) => (left.customer_id < right.customer_id ? -1 : 1);
    expect(inOnePass.sort(byId)).toEqual(rows.sort(byId));
    for (const row of rows) {
      const picture = all[ids.indexOf(row.customer_id)] as CustomerPicture;
      const seen = judged.map((rule) => explain(rule, facts, picture, context));
      expect(row.verdicts).toEqual(seen.map((each) => each.verdict));
      const changes = seen.flatMap(({ next_change_at: next }) => (next === null ? [] : [microsOf(next)]));
      const next = checkedVerdicts(row, context).next_change_at;
      expect(next === null ? null : microsOf(next)).toBe(changes.length === 0 ? null : Math.min(...changes));
    }
  });

const worlds = contexts.chain((context) =>
  fc.record({
    context: fc.constant(context),
    all: fc.array(pictures(context), { minLength: 1, maxLength: 8 }),
    rules: fc.array(rules(context), { minLength: 1, maxLength: 12 }),
  }),
);

const timeout = 3_600_000;

test('the statement and the memory say the same of every customer and rule', { timeout }, () =>
  fc.assert(fc.asyncProperty(worlds, agree), { numRuns: runs(80) }),
);

test('they count the same about the bounds of windows, where months and clocks change', { timeout }, () =>
  fc.assert(fc.asyncProperty(windowWorlds, agree), { numRuns: runs(100) }),
);

test('they begin days at the same instant, where clocks are set back over midnight', { timeout }, () => {
  const born = fc.constantFrom('2007-11-02', '2007-11-03', '2007-03-09', '2007-03-10');
  const worlds = fc.record({
    context: fc.record({
      now: fc.constantFrom(
        '2025-11-01T12:00:00Z',
        '2025-11-02T03:59:59.999999Z',
        '2025-11-02T04:30:00Z',
        '2025-03-08T12:00:00Z',
      ),
      timeZone: fc.constant('America/Havana'),
      currency: fc.constant('CNY'),
    }),
    all: fc.array(
      born.map((day) => ({ ...nobody, customer: { ...nobody.customer, birth_date: day } })),
      { minLength: 1 },
    ),
    rules: fc.constant<Rule[]>([{ fact: 'age_years', op: 'gte', value: 18 }]),
  });
  return fc.assert(fc.asyncProperty(worlds, agree), { numRuns: runs(20) });
});
