/**
 * The rules that customers are judged by: those that answer, and those of new versions that are evaluated beside them.
 * A new version changes what the segments say that name its segment, so these are evaluated beside it too.
 */
import { sql } from 'drizzle-orm';
import type { Reader } from '../db/client.js';
import { checkRule } from '../rules/check.js';
import type { LoadFacts } from '../rules/facts.js';
import type { RuleProblem } from '../rules/problems.js';
import type { Rule } from '../rules/schema.js';
import { readsOf } from '../rules/touches.js';
import { dependentsOf, type Vocabulary, withSegmentsNamed } from '../rules/vocabulary.js';

export type JudgedRule = {
  segment: string;
  version: number;
  rule: Rule;
  /** what writes touch that may change it */
  reads: readonly string[];
  /** of a version that does not answer yet */
  draft: boolean;
};

export type Definitions = {
  vocabulary: Vocabulary;
  rules: readonly JudgedRule[];
  /** why the rule of a segment cannot be judged any more: something that it names is gone */
  failing: ReadonlyMap<string, RuleProblem>;
};

type Row = {
  key: string;
  is_static: boolean;
  live_version: number | null;
  live_rule: Rule | null;
  /** the version that is being evaluated */
  draft_version: number | null;
  draft_rule: Rule | null;
};

/** No key of a segment holds this: what stands beside a segment is called by its key and this. */
const draftOf = (key: string) => `${key}@`;

export async function loadDefinitions(reader: Reader, facts: LoadFacts): Promise<Definitions> {
  const rows = await reader.rows<Row>(sql`
    select s.key, s.kind = 'static' as is_static, s.live_version, l.rule as live_rule,
      d.version as draft_version, d.rule as draft_rule
    from segments s
    left join segment_versions l on l.segment = s.key and l.version = s.live_version
    left join segment_versions d on d.segment = s.key and d.started_at is not null and d.completed_at is null
      and d.version is distinct from s.live_version
    where s.deleted_at is null order by s.key`);
  return definitionsOf(rows, { facts: await facts(reader), segments: new Map() });
}

export function definitionsOf(rows: readonly Row[], { facts }: Vocabulary): Definitions {
  const live = new Map<string, Rule | null>();
  for (const row of rows) {
    if (row.is_static) live.set(row.key, null);
    else if (row.live_rule !== null) live.set(row.key, row.live_rule);
  }
  const drafts = new Map(live);
  const failing = setFailingAside({ facts, segments: live });
  for (const row of rows) if (row.draft_rule !== null) drafts.set(row.key, row.draft_rule);
  setFailingAside({ facts, segments: drafts });
  const begun = rows.filter((row) => row.draft_rule !== null && drafts.has(row.key)).map((row) => row.key);
  const beside = dependentsOf(begun, { segments: drafts });

  const segments = new Map(live);
  const rename = (key: string) => (beside.has(key) ? draftOf(key) : key);
  for (const key of beside) {
    segments.set(draftOf(key), withSegmentsNamed(drafts.get(key) as Rule, rename));
  }
  const vocabulary = { facts, segments };
  const judged = (row: Row, version: number | null, name: string): JudgedRule[] => {
    const rule = segments.get(name);
    if (version === null || !rule) return [];
    const draft = name !== row.key;
    return [{ segment: row.key, version, rule, reads: readsOf(rule, vocabulary), draft }];
  };
  return {
    vocabulary,
    rules: [
      ...rows.flatMap((row) => judged(row, row.live_version, row.key)),
      ...rows.flatMap((row) => judged(row, row.draft_version ?? row.live_version, draftOf(row.key))),
    ],
    failing,
  };
}

/** Takes out the rules that cannot be judged, and those that name them, until none is left. Says why of each. */
export function setFailingAside(vocabulary: {
  facts: Vocabulary['facts'];
  segments: Map<string, Rule | null>;
}): Map<string, RuleProblem> {
  const failing = new Map<string, RuleProblem>();
  for (let size = -1; size !== failing.size; ) {
    size = failing.size;
    for (const [key, rule] of vocabulary.segments) {
      const problem = rule === null ? undefined : checkRule(rule, vocabulary)[0];
      if (problem === undefined) continue;
      failing.set(key, problem);
      vocabulary.segments.delete(key);
    }
  }
  return failing;
}
