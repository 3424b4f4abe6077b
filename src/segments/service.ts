/** Segments as definitions: a rule with versions. Who belongs is decided by the review. */
import { sql } from 'drizzle-orm';
import type { Ctx } from '../platform/context.js';
import { type FieldProblem, notFound } from '../platform/errors.js';
import type { PageRequest } from '../platform/pagination.js';
import { checkRule } from '../rules/check.js';
import type { FactTable } from '../rules/facts.js';
import type { Rule } from '../rules/schema.js';

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

/** What keeps a rule from being, with pointers into a body that has it under `rule`. */
export const ruleErrors = (rule: Rule, facts: FactTable): FieldProblem[] =>
  checkRule(rule, facts).map((problem) => ({ in: 'body', ...problem, pointer: `/rule${problem.pointer}` }));
