/** Publishing a rule, or ending a segment, moves customers: the bank can ask a second person first. */
import { sql } from 'drizzle-orm';
import { array, json, type Reader, type Tx } from '../db/client.js';
import type { Guarded, Planned } from '../platform/approvals/guarded.js';
import { canonicalJson } from '../platform/canonical-json.js';
import type { Ctx } from '../platform/context.js';
import { DomainError, notFound } from '../platform/errors.js';
import { checkVersion } from '../platform/http/versions.js';
import type { FactTable, LoadFacts } from '../rules/facts.js';
import type { Rule } from '../rules/schema.js';
import { readsOf } from '../rules/touches.js';
import { type Forecast, forecastEnd, forecastRule } from './forecast.js';
import { ruleErrors } from './service.js';

export type SegmentInput = { key: string; name: string; description: string; rule: Rule };
export type SegmentChange = SegmentInput & { versions: number[] | undefined };
export type SegmentEnd = { key: string; versions: number[] | undefined };

/** What a change came to. */
export type Published = { rule_version: number };

const scope = 'segments:write';
const threshold = {
  counts: 'customers that enter or leave',
  of: ({ forecast }: Planned) => {
    const moved = forecast as Forecast | null;
    return moved === null ? null : moved.enters + moved.leaves;
  },
};
const about = (key: string) => ({ subject: { type: 'segment', id: key }, customers: [] });

/** Words that paths use in the place of a key. */
const reserved = ['preview', 'search', 'upsert', 'lookup'];

export const createGuard = (facts: LoadFacts): Guarded<SegmentInput, Published> => ({
  operation: 'createSegment',
  scope,
  threshold,
  forecast: async (ctx, { key, rule }) =>
    forecastRule(ctx, await checkedFacts(ctx.database, facts, rule), key, rule),

  async plan(tx, _ctx, { key, ...input }) {
    if (reserved.includes(key)) {
      throw new DomainError('rule_broken', `The key ${key} is a word of the API's paths.`, {
        errors: [{ in: 'body', pointer: '/key', code: 'reserved', message: 'choose another key' }],
      });
    }
    if ((await tx.rows(sql`select from segments where key = ${key}`)).length > 0) throw taken(key);
    await checkedFacts(tx, facts, input.rule);
    return {
      ...about(key),
      summary: `Create segment ${key}`,
      content: { version: 1, ...input },
      weighty: true,
    };
  },

  async execute(tx, ctx, { key, ...input }) {
    const inserted = await tx.run(sql`
      insert into segments (key, name, description, kind, version, created_at, updated_at)
      values (${key}, ${input.name}, ${input.description}, 'rule', 1, ${ctx.now}, ${ctx.now}) on conflict do nothing`);
    if (inserted === 0) throw taken(key);
    await insertVersion(tx, ctx, facts, key, 1, input.rule);
    return told(ctx, ['created', 'published'], key, 1);
  },
});

const taken = (key: string) =>
  new DomainError('conflict', `The key ${key} is taken, or was by a segment that is deleted.`);

type Present = { version: number; name: string; description: string; rule: Rule };

/** The segment, which nobody else changes until the transaction ends. Throws 404. */
async function present(reader: Reader, key: string, lock = sql``): Promise<Present> {
  const [row] = await reader.rows<Present>(sql`
    select s.version, s.name, s.description, v.rule
    from segments s join segment_versions v on v.segment = s.key and v.version = s.version
    where s.key = ${key} and s.deleted_at is null ${lock}`);
  if (row === undefined) throw notFound('segment');
  return row;
}

const locked = sql`for update of s`;
const isSame = (left: Rule, right: Rule) => canonicalJson(left) === canonicalJson(right);

/** Makes a new version of the rule; the same rule again makes none. */
export const putGuard = (facts: LoadFacts): Guarded<SegmentChange, Published> => ({
  operation: 'putSegment',
  scope,
  threshold,
  async forecast(ctx, { key, rule }) {
    const before = await present(ctx.database, key);
    if (isSame(before.rule, rule)) return { enters: 0, leaves: 0 };
    return forecastRule(ctx, await checkedFacts(ctx.database, facts, rule), key, rule);
  },

  async plan(tx, _ctx, { key, versions, ...input }) {
    const { version, ...former } = await present(tx, key, locked);
    checkVersion(versions, version);
    const isNewRule = !isSame(former.rule, input.rule);
    if (isNewRule) await checkedFacts(tx, facts, input.rule);
    const next = version + (isNewRule ? 1 : 0);
    return {
      ...about(key),
      summary: isNewRule
        ? `Publish version ${next} of the rule of segment ${key}`
        : `Change how segment ${key} is called`,
      content: { base_version: version, former, version: next, ...input },
      weighty: isNewRule,
    };
  },

  async execute(tx, ctx, { key, ...input }) {
    const { version, rule } = await present(tx, key);
    const isNewRule = !isSame(rule, input.rule);
    const next = version + (isNewRule ? 1 : 0);
    await tx.run(sql`
      update segments set name = ${input.name}, description = ${input.description}, version = ${next}, updated_at = ${ctx.now}
      where key = ${key}`);
    if (isNewRule) await insertVersion(tx, ctx, facts, key, next, input.rule);
    return told(ctx, isNewRule ? ['updated', 'published'] : ['updated'], key, next);
  },
});

/** Its members leave; past memberships stay readable by customer. */
export const deleteGuard: Guarded<SegmentEnd, Published> = {
  operation: 'deleteSegment',
  scope,
  threshold,
  forecast: (ctx, { key }) => forecastEnd(ctx, key),

  async plan(tx, _ctx, { key, versions }) {
    const { version, ...former } = await present(tx, key, locked);
    checkVersion(versions, version);
    return {
      ...about(key),
      summary: `Delete segment ${key}`,
      content: { base_version: version, former },
      weighty: true,
    };
  },

  async execute(tx, ctx, { key }) {
    const { version } = await present(tx, key);
    await tx.run(sql`update segments set deleted_at = ${ctx.now} where key = ${key}`);
    return told(ctx, ['deleted'], key, version);
  },
};

/** All facts, where the rule can be judged by them. Throws `rule_broken`. */
async function checkedFacts(reader: Reader, facts: LoadFacts, rule: Rule): Promise<FactTable> {
  const table = await facts(reader);
  const errors = ruleErrors(rule, table);
  if (errors.length > 0)
    throw new DomainError('rule_broken', errors[0]?.message ?? 'The rule cannot be.', { errors });
  return table;
}

async function insertVersion(tx: Tx, ctx: Ctx, facts: LoadFacts, key: string, version: number, rule: Rule) {
  const reads = readsOf(rule, await facts(tx));
  await tx.run(sql`
    insert into segment_versions (segment, version, rule, reads, created_at, created_by)
    values (${key}, ${version}, ${json(rule)}, ${array(reads, 'text')}, ${ctx.now}, ${ctx.actor})`);
}

type Told = 'created' | 'updated' | 'published' | 'deleted';

/** The first of what is told is what was done; the others follow from it. */
function told(ctx: Ctx, verbs: readonly [Told, ...Told[]], key: string, version: number) {
  const details = { rule_version: version };
  const about = { subject: key, subjectVersion: 0, occurredAt: ctx.now, data: details };
  return {
    value: details,
    audit: [{ action: `segment.${verbs[0]}`, subjectType: 'segment', subjectId: key, details }],
    events: verbs.map((verb) => ({ type: `segment.${verb}`, ...about })),
  };
}
