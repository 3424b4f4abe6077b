/**
 * `npm run bench:segments -- [postgres://…] [--customers n] [--keep database] [--plans kind]`
 *
 * The plans of all statements of segments, as the service asks them: every kind of condition for a batch of customers,
 * reviews, evaluations, previews, explanations, and what is read of members. Each is run once warm and then explained.
 * Fails where one that is about some customers reads a large table from end to end, or more blocks than it is worth.
 * The database is made and dropped on the server of the URL, or on one that is started for it.
 */
import { parseArgs } from 'node:util';
import { sql } from 'drizzle-orm';
import type { Database } from '../src/db/client.js';
import { loadFacts } from '../src/facts.js';
import { type Ctx, systemContext } from '../src/platform/context.js';
import { createLog } from '../src/platform/log.js';
import { compileRules, compileVerdicts } from '../src/rules/compile.js';
import type { Rule } from '../src/rules/schema.js';
import { listChanges } from '../src/segments/changes.js';
import { loadDefinitions } from '../src/segments/definitions.js';
import { explainPresent, explainRecorded, explainRestated } from '../src/segments/explanations.js';
import { judgeCustomers } from '../src/segments/judgement.js';
import { takeLease } from '../src/segments/leases.js';
import { listMembers, segmentsOfCustomer } from '../src/segments/members.js';
import { previewSegment } from '../src/segments/preview.js';
import { markByRanks, previewContext, refreshRanks } from '../src/segments/ranks.js';
import { restateMembers } from '../src/segments/restated.js';
import { reviewBatch, reviewOne } from '../src/segments/review.js';
import { rollOut } from '../src/segments/rollout.js';
import { datesOf, segmentStatistics } from '../src/segments/statistics.js';
import {
  blocksOf,
  type Explained,
  endToEnd,
  executionOf,
  explaining,
  indexesOf,
  planningOf,
} from './explained.js';
import { inScratchDatabase } from './scratch-database.js';
import { fillSegments, listed, named, rankRule } from './segment-fill.js';
import { benchRules, previewRule } from './segment-rules.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    customers: { type: 'string', default: '100000' },
    /** of an earlier run: it is used again, and stays */
    keep: { type: 'string' },
    /** prints the plans of the kinds that begin so */
    plans: { type: 'string' },
    /** only kinds that begin so */
    only: { type: 'string', default: '' },
  },
});
const server = positionals[0];

const large =
  /^(customers|review_state|activities.*|activity_totals|memberships|membership_drafts|holdings|holding_parties|holding_balances)$/;
const batch = 1000;
/** 8 kB each: what is read of each customer of a batch lies in some indexes, each a few blocks deep */
const blocksACustomer = 250;
const blocksMax = 20_000;

type Asked = {
  before?: (database: Database) => Promise<unknown>;
  /** how many customers it is about; everybody where it is in one pass over all by its nature */
  of: number | 'everybody';
  ask: (ctx: Ctx, ids: readonly string[]) => Promise<unknown>;
};

const count = { measure: 'count', op: 'gte', value: 1 } as const;
const card = { activity: 'card_payment' } as const;
const quarter = { last: 'P90D' };
const last = { calendar: 'month', offset: -1 } as const;

const conditions: Record<string, Rule> = {
  'fact, of the customer': { fact: 'city', op: 'eq', value: '上海' },
  'fact, of holdings': { fact: 'holdings.aum', op: 'gte', value: '50000' },
  'fact, last activity': { fact: 'activities.last_at', op: 'exists' },
  'fact, level': { fact: 'level', op: 'exists' },
  'fact, rfm': { fact: 'rfm.monetary', op: 'gte', value: '1000' },
  'activity, rolling window': { ...card, ...count, window: quarter },
  'activity, a month': { ...card, ...count, window: last },
  'activity, sum': { ...card, window: quarter, measure: 'sum', op: 'gte', value: '1000' },
  'activity, average': { ...card, window: quarter, measure: 'average', op: 'gte', value: '1000' },
  'activity, all time': { ...card, ...count },
  'activity, last of all time': { ...card, measure: 'last_at', op: 'exists' },
  'activity, where': {
    ...card,
    ...count,
    window: quarter,
    where: [{ field: 'channel', op: 'missing' }],
  },
  'activity, distinct': {
    ...card,
    window: quarter,
    measure: 'distinct',
    of: 'source',
    op: 'gte',
    value: 1,
  },
  balance: { balance: 'aum', measure: 'average', window: last, op: 'gte', value: '50000' },
  'holds for': {
    holds_for: {
      periods: 3,
      of: 'month',
      condition: {
        balance: 'aum',
        measure: 'average',
        window: { calendar: 'month' },
        op: 'gte',
        value: '50000',
      },
    },
  },
  'segment, by rule': { segment: named },
  'segment, listed': { segment: listed },
  sample: { sample: { percent: 10, salt: 'bench' } },
  rank: rankRule as Rule,
};

async function judging(ctx: Ctx, rules: readonly Rule[], ids: readonly string[] | null) {
  const { vocabulary } = await loadDefinitions(ctx.database, loadFacts);
  const context = await previewContext(ctx.database, ctx, rules, vocabulary);
  await ctx.database.rows(
    ids === null
      ? compileVerdicts(rules, vocabulary, context, { where: sql`true` })
      : compileRules(rules, vocabulary, context, { ids }),
  );
}

const log = createLog('error', process.stderr);
const bank = { timeZone: 'Asia/Shanghai', currency: 'CNY', country: 'CN' };
const contextOf = (database: Database): Ctx =>
  systemContext(
    { database, keyring: undefined as never, bank },
    'bench',
    'bench',
    new Date().toISOString(),
    log,
  );

const page = { limit: 50, after: undefined, domain: '' };
const segment = benchRules[0]?.key ?? '';
const rules = benchRules.map(({ rule }) => rule as Rule);
const preview = previewRule.rule as object as Rule;
const past = '2024-09-01T00:00:00Z';

/** Twenty new versions, of which one batch is done. */
async function prepare(database: Database): Promise<void> {
  await database.rows(sql`
    insert into segment_versions (segment, version, rule, reads, created_at, created_by)
    select segment, 2, rule, reads, created_at, created_by from segment_versions where version = 1 and rule is not null
    on conflict do nothing`);
  await database.rows(sql`update segments set version = 2 where kind = 'rule' and deleted_at is null`);
  await rollOut(contextOf(database), loadFacts);
  await rollOut(contextOf(database), loadFacts);
}

const kinds: Record<string, Asked> = {
  ...Object.fromEntries(
    Object.entries(conditions).map(([kind, rule]): [string, Asked] => [
      kind,
      { of: batch, ask: (ctx, ids) => judging(ctx, [rule], ids) },
    ]),
  ),
  'one rule': { of: batch, ask: (ctx, ids) => judging(ctx, rules.slice(0, 1), ids) },
  'twenty rules': { of: batch, ask: (ctx, ids) => judging(ctx, rules, ids) },
  'one rule, everybody': { of: 'everybody', ask: (ctx) => judging(ctx, rules.slice(0, 1), null) },
  'twenty rules, everybody': { of: 'everybody', ask: (ctx) => judging(ctx, rules, null) },
  preview: { of: 'everybody', ask: (ctx) => previewSegment(ctx, loadFacts, { rule: preview }) },
  'preview of a next version': {
    of: 'everybody',
    ask: (ctx) => previewSegment(ctx, loadFacts, { rule: preview, key: segment }),
  },
  'members, restated': {
    of: 'everybody',
    ask: (ctx) => restateMembers(ctx, loadFacts, segment, past, page),
  },
  'ranks, refresh': {
    before: (database) => database.rows(sql`delete from rank_cuts`),
    of: 'everybody',
    ask: (ctx) => refreshRanks(ctx, loadFacts),
  },
  'ranks, who moves': {
    before: (database) => database.rows(sql`update rank_marking set marked_to = null, marked_at = null`),
    of: 2000,
    ask: (ctx) => markByRanks(ctx, loadFacts),
  },
  'review, judgement': {
    of: batch,
    ask: async (ctx, ids) => {
      const { rules: judged, vocabulary } = await loadDefinitions(ctx.database, loadFacts);
      await ctx.database.begin((tx) =>
        judgeCustomers(
          tx,
          ctx,
          { rules: judged, vocabulary, at: ctx.now, decidedAt: ctx.now, cause: 'change' },
          ids,
        ),
      );
    },
  },
  'review, batch': {
    before: (database) =>
      database.rows(sql`
        update review_state set marked_at = ${new Date().toISOString()}, touched = '{rules}'
        where customer_id in (select customer_id from review_state where bucket = 0 limit 500)`),
    of: 500,
    ask: async (ctx) => {
      const lease = await takeLease(ctx.database, ctx.now);
      if (lease === undefined) throw new Error('nothing is due');
      await reviewBatch(ctx, loadFacts, lease);
    },
  },
  'review, one': { of: 1, ask: (ctx, ids) => reviewOne(ctx, loadFacts, ids[0] as string) },
  explanation: {
    of: 1,
    ask: (ctx, ids) => explainPresent(ctx, loadFacts, { id: ids[0] as string, key: segment }),
  },
  'explanation, recorded': {
    of: 1,
    ask: (ctx, ids) => explainRecorded(ctx, { id: ids[0] as string, key: segment }, past),
  },
  'explanation, restated': {
    of: 1,
    ask: (ctx, ids) => explainRestated(ctx, loadFacts, { id: ids[0] as string, key: segment }, past),
  },
  'segments of a customer': {
    of: 1,
    ask: (ctx, ids) => segmentsOfCustomer(ctx, loadFacts, ids[0] as string, {}),
  },
  'segments of a customer, as of': {
    of: 1,
    ask: (ctx, ids) => segmentsOfCustomer(ctx, loadFacts, ids[0] as string, { as_of: past }),
  },
  'segments of a customer, restated': {
    of: 1,
    ask: (ctx, ids) =>
      segmentsOfCustomer(ctx, loadFacts, ids[0] as string, { as_of: past, basis: 'restated' }),
  },
  members: { of: page.limit, ask: (ctx) => listMembers(ctx, segment, undefined, page) },
  'members, as of': { of: page.limit, ask: (ctx) => listMembers(ctx, segment, past, page) },
  'members, as of long ago': {
    of: page.limit,
    ask: (ctx) => listMembers(ctx, segment, '2023-01-01T00:00:00Z', page),
  },
  changes: {
    of: page.limit,
    ask: (ctx) => listChanges(ctx, segment, { from: past, to: ctx.now }, page),
  },
  'statistics of 30 days': {
    of: page.limit,
    ask: (ctx) => segmentStatistics(ctx, segment, datesOf(ctx, undefined)),
  },
  'evaluation, a batch': { before: prepare, of: 2000, ask: (ctx) => rollOut(ctx, loadFacts) },
};

async function judge(database: Database): Promise<boolean> {
  const some = await database.rows<{ id: string }>(
    sql`select id from customers where merged_into is null order by md5(id::text) limit ${batch}`,
  );
  const ids = some.map(({ id }) => id);
  await refreshRanks(contextOf(database), loadFacts);
  let isGood = true;
  for (const [kind, { before, of, ask }] of Object.entries(kinds)) {
    if (!kind.startsWith(values.only)) continue;
    await before?.(database);
    // what is done once and for all is not done before
    if (before === undefined) await ask(contextOf(database), ids);
    const found: Explained[] = [];
    await ask(contextOf(explaining(database, found)), ids);
    const blocks = blocksOf(found);
    const read = endToEnd(found, large);
    const most = of === 'everybody' ? Number.POSITIVE_INFINITY : Math.max(blocksMax, of * blocksACustomer);
    const isBad = (of !== 'everybody' && read.length > 0) || blocks > most;
    isGood &&= !isBad;
    const told = [
      kind.padEnd(34),
      `${found.length} statements`.padStart(14),
      `plan ${planningOf(found).toFixed(1)}`.padStart(11),
      `run ${executionOf(found).toFixed(1)} ms`.padStart(15),
      `${blocks} blocks`.padStart(15),
      isBad ? 'BAD' : of === 'everybody' ? 'everybody' : 'ok',
    ];
    const scans = read.map((name) => `Seq Scan ${name}`);
    console.log([...told, ...scans, ...indexesOf(found)].join(' '));
    if (values.plans !== undefined && kind.startsWith(values.plans))
      console.log(JSON.stringify(found, null, 1));
  }
  return isGood;
}

const customers = Number(values.customers);
await inScratchDatabase(
  { server, keep: values.keep, fill: (client) => fillSegments(client, customers) },
  async (database) => {
    if (!(await judge(database))) process.exitCode = 1;
  },
);
