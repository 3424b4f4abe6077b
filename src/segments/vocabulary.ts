/** What the rules of segments may name, as it is defined now, or as it was. */
import { sql } from 'drizzle-orm';
import type { Reader } from '../db/client.js';
import type { LoadFacts } from '../rules/facts.js';
import type { Rule } from '../rules/schema.js';
import type { Vocabulary } from '../rules/vocabulary.js';

type Row = { key: string; version: number; rule: Rule | null };

const rulesOf = (rows: readonly Row[]) => new Map(rows.map(({ key, rule }) => [key, rule]));

/** With the newest rule of each segment: new rules are checked against it. */
export async function newestVocabulary(reader: Reader, facts: LoadFacts): Promise<Vocabulary> {
  const rows = await reader.rows<Row>(sql`
    select s.key, v.version, v.rule from segments s
    join segment_versions v on v.segment = s.key and v.version = s.version where s.deleted_at is null`);
  return { facts: await facts(reader), segments: rulesOf(rows) };
}

/** With the rules that answered at a past instant; of a segment that had none yet, the first that answered. */
export async function vocabularyAt(
  reader: Reader,
  facts: LoadFacts,
  at: string,
): Promise<Vocabulary & { versions: ReadonlyMap<string, number> }> {
  const rows = await reader.rows<Row>(sql`
    select s.key, v.version, v.rule from segments s cross join lateral (
      select v.version, v.rule from segment_versions v
      where v.segment = s.key and (s.kind = 'static' or v.completed_at is not null)
      order by v.completed_at <= ${at} desc nulls last,
        case when v.completed_at <= ${at} then v.version end desc, v.version limit 1) v
    where s.deleted_at is null`);
  return {
    facts: await facts(reader),
    segments: rulesOf(rows),
    versions: new Map(rows.map(({ key, version }) => [key, version])),
  };
}
