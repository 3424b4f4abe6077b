/** What saving a rule would give, before it is saved. */
import type { Ctx } from '../platform/context.js';
import type { LoadFacts } from '../rules/facts.js';
import type { Rule } from '../rules/schema.js';
import { readsOf } from '../rules/touches.js';
import { type Counted, countByRule } from './forecast.js';
import { checkedVocabulary } from './guards.js';

export type Preview = Counted & { evaluated_at: string; reads: string[] };

/** `key` is the segment that the rule would be the next version of. Throws `rule_broken`. */
export async function previewSegment(
  ctx: Ctx,
  facts: LoadFacts,
  { key, rule }: { key?: string; rule: Rule },
): Promise<Preview> {
  const vocabulary = await checkedVocabulary(ctx.database, facts, key, rule);
  const counted = await countByRule(ctx, vocabulary, key, rule);
  return { evaluated_at: ctx.now, ...counted, reads: readsOf(rule, vocabulary) };
}
