/** What the compiled statement says of generated customers is what the evaluation in memory says of them. */

import { sql } from 'drizzle-orm';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { json, type Tx } from '../../src/db/client.js';
import { customers } from '../../src/db/tables/customers.js';
import { allFacts } from '../../src/facts.js';
import { attributions } from '../../src/holdings/attribution.js';
import type { CountingPolicy } from '../../src/holdings/daily.js';
import { averageDays } from '../../src/holdings/months.js';
import { microsOf } from '../../src/platform/instants.js';
import { checkRule } from '../../src/rules/check.js';
import { checkedVerdicts, compileEvidence, compileVerdicts, type Verdicts } from '../../src/rules/compile.js';
import { type Explanation, explain } from '../../src/rules/explain.js';
import type { RuleContext } from '../../src/rules/moment.js';
import type { CustomerPicture } from '../../src/rules/picture.js';
import type { Evidence } from '../../src/rules/recorded.js';
import type { Rule } from '../../src/rules/schema.js';
import {
  contexts,
  declared,
  levelKeys,
  vocabulary as named,
  nobody,
  pictures,
  programmes,
  staticSegments,
} from '../support/customer-pictures.js';
import { cloneDatabase, type TestDatabase } from '../support/database.js';
import { rules, windowWorlds } from '../support/rule-worlds.js';
import { runs } from '../support/runs.js';

let db: TestDatabase;

beforeAll(async () => {
  db = await cloneDatabase();
  for (let year = 2018; year <= 2027; year += 1) {
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

/** Other customers: the first owns the holdings that ours are only a party to, the others own some with ours. */
const strangers = [id(9, 0), id(9, 1), id(9, 2)];
const [otherOwner = ''] = strangers;

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

type Each = <T>(rowsOf: (picture: CustomerPicture, customerId: string, index: number) => T[]) => T[];

async function storeLoyalty(tx: Tx, each: Each): Promise<void> {
  await insert(
    tx,
    'loyalty_programmes',
    programmes.map(({ key }) => ({ key, version: 1, created_at: at })),
  );
  const accountId = (place: number) => id(7, place);
  const numbered = each(({ loyalty }, customer_id, index) =>
    loyalty.map((part, place) => ({ part, customer_id, account_id: accountId(index * 10 + place) })),
  );
  await insert(
    tx,
    'loyalty_accounts',
    numbered.map(({ part: { programme, debt }, ...own }) => ({
      ...{ ...own, programme, debt, status: 'open', enrolled_at: at, version: 1 },
      ...{ last_number: 0, outstanding: 0, held: 0 },
    })),
  );
  const rows = numbered.flatMap(({ part: { programme, lots }, ...own }, n) =>
    lots.map(({ holds, ...lot }, place) => ({
      holds: holds.map((hold, number) => ({ ...hold, hold_id: id(9, (n * 10 + place) * 10 + number) })),
      own: { ...own, lot_id: id(8, n * 10 + place) },
      lot: { ...lot, programme },
    })),
  );
  await insert(
    tx,
    'loyalty_lots',
    rows.map(({ own, lot }) => ({
      ...{ ...own, ...lot, operation_id: own.lot_id, earned_at: at, amount: lot.remaining },
      ...{ held: 0, spent: 0, indebted: 0 },
    })),
  );
  const holds = rows.flatMap(({ own, lot, holds: some }) => some.map((hold) => ({ own, lot, hold })));
  await insert(
    tx,
    'loyalty_holds',
    holds.map(({ own, lot, hold }) => ({
      ...{ ...hold, customer_id: own.customer_id, programme: lot.programme, captured: 0 },
      ...{ status: 'active', created_at: at },
    })),
  );
  await insert(
    tx,
    'loyalty_hold_lots',
    holds.map(({ own, hold: { hold_id, points } }) => ({ ...own, hold_id, points })),
  );
  const held = { model_version: 1, cause: 'model', decided_at: at, evidence: {}, from_at: at, since_at: at };
  await insert(
    tx,
    'loyalty_tiers_held',
    numbered.flatMap(({ part: { programme, tier, rank }, customer_id }) =>
      tier === null ? [] : [{ ...held, customer_id, programme, tier, rank }],
    ),
  );
}

async function store(tx: Tx, all: readonly CustomerPicture[]): Promise<string[]> {
  const ids = all.map((_, index) => id(1, index));
  const each = <T>(rowsOf: (picture: CustomerPicture, customerId: string, index: number) => T[]) =>
    all.flatMap((picture, index) => rowsOf(picture, ids[index] as string, index));
  await insert(tx, 'customers', [
    ...strangers.map((stranger) => customerRow(stranger, {})),
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
  const none = { category: 'service', status: 'closed', currency: 'CNY', owner: undefined, balances: [] };
  const holding = { source: 's', number_index: 'n', recorded_at: at, version: 1, attributes: {} };
  const parties = each((picture, customerId, index) =>
    picture.parties.map((party, n) => {
      const owned = party.role === 'primary_owner';
      return {
        party,
        customerId,
        owned,
        holding: picture.holdings[n],
        holdingId: id(4, index * 100 + n),
        owner: owned ? customerId : otherOwner,
      };
    }),
  );
  await insert(
    tx,
    'holdings',
    parties.map(
      ({ party, holding: { owner: _owner, balances: _balances, ...known } = none, holdingId, owner }) => ({
        ...known,
        ...holding,
        customer_id: owner,
        id: holdingId,
        opened_on: party.opened_on,
      }),
    ),
  );
  await insert(
    tx,
    'holding_parties',
    parties.flatMap(({ party, holding: held, customerId, holdingId, owner }) => {
      const { others = [], ...own } = held?.owner ?? {};
      const row = { id: holdingId, holding_id: holdingId, owner_id: owner, recorded_at: at };
      const joint = others.map((other, n) => ({
        ...row,
        ...other,
        customer_id: strangers[n + 1],
        role: 'joint_owner',
      }));
      return [{ ...row, role: party.role, ...own, customer_id: customerId }, ...joint];
    }),
  );
  await insert(
    tx,
    'holding_balances',
    parties.flatMap(({ holding: held, holdingId, owner }) =>
      (held?.balances ?? []).map((row) => ({
        ...row,
        customer_id: owner,
        holding_id: holdingId,
        days: [row.from_date],
        source_micros: [1],
        recorded_micros: [1],
      })),
    ),
  );
  await insert(
    tx,
    'exchange_rates',
    (all[0]?.ratesOfDays ?? []).map((rate, n) => ({ ...rate, id: id(7, n), source: 's', recorded_at: at })),
  );
  await insert(
    tx,
    'segments',
    staticSegments.map((key) => ({
      key,
      name: key,
      description: '',
      kind: 'static',
      version: 1,
      created_at: at,
      updated_at: at,
    })),
  );
  await insert(
    tx,
    'memberships',
    each((picture, customerId) =>
      picture.staticSegments.map((segment) => ({
        customer_id: customerId,
        segment,
        entered_at: at,
        decided_at: at,
        rule_version: 1,
        cause: 'change',
      })),
    ),
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
  await insert(
    tx,
    'customer_levels',
    each(({ level }, customerId) => {
      if (level === null) return [];
      const decided = { model_version: 1, cause: 'model', decided_at: at, evidence: {} };
      return [{ ...decided, ...level, customer_id: customerId, from_at: at, since_at: at }];
    }),
  );
  await storeLoyalty(tx, each);
  await insert(
    tx,
    'latest_rates',
    (all[0]?.rates ?? []).map((rate) => ({
      ...rate,
      rate_id: id(6, 0),
      business_date: '2024-01-01',
      changed_at: at,
    })),
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

type World = {
  context: RuleContext;
  all: readonly CustomerPicture[];
  rules: readonly Rule[];
  policy?: CountingPolicy;
};

type Leaf = Exclude<Explanation, { conditions: unknown }>;

/** The conditions in their order. */
const leavesOf = (node: Explanation): Leaf[] =>
  'conditions' in node ? node.conditions.flatMap(leavesOf) : [node];

/** In one form: decimals without zeros at their end, instants in microseconds. */
function plain(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (/^\d{4}-\d\d-\d\dT/.test(value)) return microsOf(value);
  return /^-?\d+\.\d+$/.test(value) ? value.replace(/\.?0+$/, '') : value;
}

/** The same verdicts, values seen and next change, of every customer. */
const agree = ({ context, all, rules: judged, policy }: World) =>
  inside(async (tx) => {
    const vocabulary = { ...named, facts: allFacts(declared, policy, levelKeys, undefined, programmes) };
    for (const rule of judged) expect(checkRule(rule, vocabulary)).toEqual([]);
    const ids = await store(tx, all);
    const compiled = compileEvidence(judged, vocabulary, context, { ids });
    const rows = await tx.rows<Verdicts & { seen: Pick<Evidence, 'seen' | 'verdicts' | 'against'>[] }>(sql`
      select customer_id, verdicts, next_change_at, array[${sql.join(compiled.evidence, sql`, `)}]::jsonb[] as seen
      from (${compiled.rows}) as v`);
    expect(rows).toHaveLength(all.length);
    const everyone = sql`${customers.id} <> all(${sql.param(strangers)}::uuid[])`;
    const inOnePass = await tx.rows<Pick<Verdicts, 'customer_id' | 'verdicts'>>(
      compileVerdicts(judged, vocabulary, context, { where: everyone }),
    );
    type Identified = Pick<Verdicts, 'customer_id'>;
    const byId = (left: Identified, right: Identified) => (left.customer_id < right.customer_id ? -1 : 1);
    expect(inOnePass.sort(byId)).toEqual(
      rows.sort(byId).map(({ customer_id, verdicts }) => ({ customer_id, verdicts })),
    );
    for (const row of rows) {
      const known = all[ids.indexOf(row.customer_id)] as CustomerPicture;
      const picture = { ...known, customer: { ...known.customer, id: row.customer_id } };
      const seen = judged.map((rule) => explain(rule, vocabulary, picture, context));
      expect(row.verdicts).toEqual(seen.map((each) => each.verdict));
      expect(row.seen.map((each) => each.seen.map(plain))).toEqual(
        seen.map((each) => leavesOf(each).map((leaf) => plain(leaf.value))),
      );
      expect(row.seen.map((each) => each.verdicts)).toEqual(
        seen.map((each) => leavesOf(each).map((leaf) => leaf.verdict)),
      );
      expect(row.seen.map((each) => (each.against ?? []).map(plain))).toEqual(
        seen.map((each) => {
          const own = leavesOf(each).map((leaf) => ('against' in leaf ? leaf.against : undefined));
          return own.some((one) => one !== undefined) ? own.map((one) => plain(one?.value ?? null)) : [];
        }),
      );
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
    policy: fc.record({
      attribution: fc.constantFrom(...attributions),
      average_days: fc.constantFrom(...averageDays),
    }),
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
