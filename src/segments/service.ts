/** Segments as definitions: a rule with versions. Who belongs is decided by the review. */
import { sql } from 'drizzle-orm';
import type { Ctx } from '../platform/context.js';
import { type FieldProblem, notFound } from '../platform/errors.js';
import type { PageRequest } from '../platform/pagination.js';
import { readCuts } from '../ranks/cuts.js';
import { checkRule } from '../rules/check.js';
import type { LoadFacts } from '../rules/facts.js';
import type { RuleProblem } from '../rules/problems.js';
import { cutKeysOf } from '../rules/rank-condition.js';
import type { Rule } from '../rules/schema.js';
import type { Vocabulary } from '../rules/vocabulary.js';
import { setFailingAside } from './definitions.js';
import { newestVocabulary } from './vocabulary.js';

export type SegmentRow = {
  key: string;
  name: string;
  description: string;
  kind: 'rule' | 'static';
  /** null of a static segment */
  rule: Rule | null;
  rule_version: number;
  live_version: number | null;
  state: 'evaluating' | 'current' | 'failing';
  progress: { done: number; total: number } | null;
  error: FieldProblem | null;
  ranks_as_of: string | null;
  created_at: string;
  updated_at: string;
};

type StoredSegment = Omit<SegmentRow, 'state' | 'error' | 'ranks_as_of'>;

const columns = sql`s.key, s.name, s.description, s.kind, v.rule, s.version as rule_version, s.live_version,
  case when s.kind = 'rule' and (s.live_version is distinct from s.version or v.completed_at is null) then json_build_object(
    'done', case when v.completed_at is null then v.evaluated else 0 end, 'total', coalesce(v.total, 0)) end as progress,
  s.created_at, s.updated_at`;
const from = sql`segments s join segment_versions v on v.segment = s.key and v.version = s.version`;

export async function getSegment(ctx: Ctx, facts: LoadFacts, key: string): Promise<SegmentRow> {
  const [row] = await ctx.database.rows<StoredSegment>(
    sql`select ${columns} from ${from} where s.key = ${key} and s.deleted_at is null`,
  );
  if (row === undefined) throw notFound('segment');
  const [shown] = await withStates(ctx, facts, [row]);
  return shown as SegmentRow;
}

export async function listSegments(ctx: Ctx, facts: LoadFacts, page: PageRequest): Promise<SegmentRow[]> {
  const after = page.after === undefined ? sql`true` : sql`s.key > ${page.after[0]}`;
  const rows = await ctx.database.rows<StoredSegment>(
    sql`select ${columns} from ${from} where s.deleted_at is null and ${after} order by s.key limit ${page.limit + 1}`,
  );
  return withStates(ctx, facts, rows);
}

async function withStates(ctx: Ctx, facts: LoadFacts, rows: readonly StoredSegment[]): Promise<SegmentRow[]> {
  const vocabulary = await newestVocabulary(ctx.database, facts);
  // what a rule names can go: an attribute that is declared otherwise. Its members stay, and that is said
  const failing = setFailingAside({ ...vocabulary, segments: new Map(vocabulary.segments) });
  const keysOf = ({ key, rule }: StoredSegment) =>
    rule === null || failing.has(key) ? [] : cutKeysOf([rule], vocabulary);
  const cuts = await readCuts(ctx.database, [...new Set(rows.flatMap(keysOf))], ctx.now);
  return rows.map((row) => {
    const instants = keysOf(row).map((key) => cuts.get(key)?.as_of);
    const oldest = instants.some((each) => each === undefined) ? undefined : instants.sort()[0];
    return { ...row, ...stateOf(row, failing.get(row.key)), ranks_as_of: oldest ?? null };
  });
}

function stateOf(
  { progress }: StoredSegment,
  problem: RuleProblem | undefined,
): Pick<SegmentRow, 'state' | 'error'> {
  if (problem !== undefined) return { state: 'failing', error: inBody(problem) };
  return { state: progress === null ? 'current' : 'evaluating', error: null };
}

/** How it is called, and of what kind it is. Throws the one 404. */
export async function checkSegment(
  ctx: Ctx,
  key: string,
): Promise<{ name: string; kind: SegmentRow['kind'] }> {
  const [row] = await ctx.database.rows<{ name: string; kind: SegmentRow['kind'] }>(
    sql`select name, kind from segments where key = ${key} and deleted_at is null`,
  );
  if (row === undefined) throw notFound('segment');
  return row;
}

/** With its pointer into a body that has the rule under `rule`. */
const inBody = (problem: RuleProblem): FieldProblem => ({
  in: 'body',
  ...problem,
  pointer: `/rule${problem.pointer}`,
});

/** What keeps a rule from being. */
export const ruleErrors = (rule: Rule, vocabulary: Vocabulary, key?: string): FieldProblem[] =>
  checkRule(rule, vocabulary, key).map(inBody);
