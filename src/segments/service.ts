/** Segments as definitions: a rule with versions. Who belongs is decided by the review. */
import { sql } from 'drizzle-orm';
import { array, json, type Tx } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { DomainError, type FieldProblem, notFound } from '../platform/errors.js';
import { checkVersion } from '../platform/http/versions.js';
import type { PageRequest } from '../platform/pagination.js';
import { transact } from '../platform/transact.js';
import { checkRule } from '../rules/check.js';
import type { FactTable, LoadFacts } from '../rules/facts.js';
import type { Rule } from '../rules/schema.js';
import { readsOf } from '../rules/touches.js';

export type SegmentRow = {
  key: string;
  name: string;
  description: string;
  kind: 'rule' | 'static';
  rule: Rule;
  rule_version: number;
  state: 'evaluating' | 'current';
  created_at: string;
  updated_at: string;
};

export type SegmentInput = { name: string; description: string; rule: Rule };

/** Words that paths use in the place of a key. */
const reserved = ['preview', 'search', 'upsert', 'lookup'];

const columns = sql`s.key, s.name, s.description, s.kind, v.rule, s.version as rule_version, s.created_at, s.updated_at,
  case when v.completed_at is null or exists (
    select from review_state where marked_at is not null and touched @> '{rules}') then 'evaluating' else 'current' end as state`;
const from = sql`segments s join segment_versions v on v.segment = s.key and v.version = s.version`;

export async function getSegment(ctx: Ctx, key: string): Promise<SegmentRow> {
  const [row] = await ctx.database.rows<SegmentRow>(
    sql`select ${columns} from ${from} where s.key = ${key} and s.deleted_at is null`,
  );
  if (row === undefined) throw notFound('segment');
  return row;
}

export async function listSegments(ctx: Ctx, page: PageRequest): Promise<SegmentRow[]> {
  const after = page.after === undefined ? sql`true` : sql`s.key > ${page.after[0]}`;
  return ctx.database.rows<SegmentRow>(
    sql`select ${columns} from ${from} where s.deleted_at is null and ${after} order by s.key limit ${page.limit + 1}`,
  );
}

export async function createSegment(
  ctx: Ctx,
  facts: LoadFacts,
  key: string,
  input: SegmentInput,
): Promise<SegmentRow> {
  if (reserved.includes(key)) {
    throw new DomainError('rule_broken', `The key ${key} is a word of the API's paths.`, {
      errors: [{ in: 'body', pointer: '/key', code: 'reserved', message: 'choose another key' }],
    });
  }
  await transact(ctx, async (tx) => {
    const inserted = await tx.run(sql`
      insert into segments (key, name, description, kind, version, created_at, updated_at)
      values (${key}, ${input.name}, ${input.description}, 'rule', 1, ${ctx.now}, ${ctx.now}) on conflict do nothing`);
    if (inserted === 0) {
      throw new DomainError('conflict', `The key ${key} is taken, or was by a segment that is deleted.`);
    }
    await insertVersion(tx, ctx, facts, key, 1, input.rule);
    return { value: null, ...told(ctx, ['created', 'published'], key, 1) };
  });
  return getSegment(ctx, key);
}

/** Makes a new version of the rule; the same rule again makes none. */
export async function putSegment(
  ctx: Ctx,
  facts: LoadFacts,
  key: string,
  versions: number[] | undefined,
  input: SegmentInput,
): Promise<SegmentRow> {
  await transact(ctx, async (tx) => {
    const [row] = await tx.rows<{ version: number; rule: Rule }>(sql`
      select s.version, v.rule from ${from} where s.key = ${key} and s.deleted_at is null for update of s`);
    if (row === undefined) throw notFound('segment');
    checkVersion(versions, row.version);
    const isNewRule = JSON.stringify(row.rule) !== JSON.stringify(input.rule);
    const version = row.version + (isNewRule ? 1 : 0);
    await tx.run(sql`
      update segments set name = ${input.name}, description = ${input.description}, version = ${version}, updated_at = ${ctx.now}
      where key = ${key}`);
    if (isNewRule) await insertVersion(tx, ctx, facts, key, version, input.rule);
    return { value: null, ...told(ctx, isNewRule ? ['updated', 'published'] : ['updated'], key, version) };
  });
  return getSegment(ctx, key);
}

/** Its members leave; past memberships stay readable by customer. */
export async function deleteSegment(ctx: Ctx, key: string, versions: number[] | undefined): Promise<null> {
  return transact(ctx, async (tx) => {
    const [row] = await tx.rows<{ version: number }>(
      sql`select version from segments where key = ${key} and deleted_at is null for update`,
    );
    if (row === undefined) throw notFound('segment');
    checkVersion(versions, row.version);
    await tx.run(sql`update segments set deleted_at = ${ctx.now} where key = ${key}`);
    return { value: null, ...told(ctx, ['deleted'], key, row.version) };
  });
}

/** What keeps a rule from being, with pointers into a body that has it under `rule`. */
export const ruleErrors = (rule: Rule, facts: FactTable): FieldProblem[] =>
  checkRule(rule, facts).map((problem) => ({ in: 'body', ...problem, pointer: `/rule${problem.pointer}` }));

async function insertVersion(tx: Tx, ctx: Ctx, facts: LoadFacts, key: string, version: number, rule: Rule) {
  const table = await facts(tx);
  const errors = ruleErrors(rule, table);
  if (errors.length > 0)
    throw new DomainError('rule_broken', errors[0]?.message ?? 'The rule cannot be.', { errors });
  await tx.run(sql`
    insert into segment_versions (segment, version, rule, reads, created_at, created_by)
    values (${key}, ${version}, ${json(rule)}, ${array(readsOf(rule, table), 'text')}, ${ctx.now}, ${ctx.actor})`);
}

type Told = 'created' | 'updated' | 'published' | 'deleted';

/** The first of what is told is what was done; the others follow from it. */
function told(ctx: Ctx, verbs: readonly [Told, ...Told[]], key: string, version: number) {
  const data = { rule_version: version };
  const about = { subject: key, subjectVersion: 0, occurredAt: ctx.now, data };
  return {
    audit: [{ action: `segment.${verbs[0]}`, subjectType: 'segment', subjectId: key, details: data }],
    events: verbs.map((verb) => ({ type: `segment.${verb}`, ...about })),
  };
}
