/** What earn rules can speak of, as it is defined now. */
import { sql } from 'drizzle-orm';
import type { Reader } from '../../db/client.js';
import type { LoadFacts } from '../../rules/facts.js';
import type { Rule } from '../../rules/schema.js';
import type { Vocabulary } from '../../rules/vocabulary.js';
import type { EarnRuleContent, World } from './rule.js';

/** With the newest rule of each segment. */
export async function readWorld(
  reader: Reader,
  facts: LoadFacts,
  programme: string,
  own: string | undefined,
): Promise<World> {
  const vocabulary = await readVocabulary(reader, facts);
  const rules = await reader.rows<{ key: string; points: EarnRuleContent['points'] }>(sql`
    select r.key, v.content -> 'points' as points from loyalty_earn_rules r
    join loyalty_earn_rule_versions v on v.programme = r.programme and v.rule = r.key and v.version = r.version
    where r.programme = ${programme} and r.deleted_at is null and r.key is distinct from ${own ?? null}`);
  return {
    vocabulary,
    levels: vocabulary.facts.get('level')?.values ?? [],
    tiers: vocabulary.facts.get(`loyalty.${programme}.tier`)?.values ?? [],
    rules: new Map(rules.map(({ key, points }) => [key, { isCampaign: 'times' in points }])),
  };
}

export async function readVocabulary(reader: Reader, facts: LoadFacts): Promise<Vocabulary> {
  const segments = await reader.rows<{ key: string; rule: Rule | null }>(sql`
    select s.key, v.rule from segments s join segment_versions v on v.segment = s.key and v.version = s.version
    where s.deleted_at is null`);
  return {
    facts: await facts(reader),
    segments: new Map(segments.map(({ key, rule }) => [key, rule])),
  };
}
