/** Whether a customer meets the rule of a reward, and where it does not, which of its conditions is the first that fails. */
import { sql } from 'drizzle-orm';
import type { Reader } from '../../db/client.js';
import type { Ctx } from '../../platform/context.js';
import { readCuts } from '../../ranks/cuts.js';
import { checkRule } from '../../rules/check.js';
import { compileEvidence } from '../../rules/compile.js';
import type { LoadFacts } from '../../rules/facts.js';
import { cutKeysOf } from '../../rules/rank-condition.js';
import { type Evidence, type RecordedNode, recordedTree } from '../../rules/recorded.js';
import type { Rule } from '../../rules/schema.js';
import { readVocabulary } from '../earning/world.js';

type Eligibility = 'eligible' | 'undecidable' | RecordedNode;

type Asked = { rule: Rule; customerId: string; at: string };

/**
 * Judged at an instant under the customer's lock. A rule that names what is no longer there is not to be decided, and
 * does not let anybody through.
 */
export async function judgeEligibility(
  reader: Reader,
  { bank }: Ctx,
  facts: LoadFacts,
  { rule, customerId, at }: Asked,
): Promise<Eligibility> {
  const vocabulary = await readVocabulary(reader, facts);
  if (checkRule(rule, vocabulary).length > 0) return 'undecidable';
  const cuts = await readCuts(reader, cutKeysOf([rule], vocabulary), at);
  const context = { now: at, timeZone: bank.timeZone, currency: bank.currency, cuts };
  const { rows, evidence } = compileEvidence([rule], vocabulary, context, { ids: [customerId] });
  const [judged] = await reader.rows<{ verdicts: boolean[]; evidence: Omit<Evidence, 'at'> }>(
    sql`select v.verdicts, ${evidence[0]} as evidence from (${rows}) v`,
  );
  if (judged === undefined) return 'undecidable';
  if (judged.verdicts[0] === true) return 'eligible';
  return firstFailing(recordedTree(rule, { at, ...judged.evidence }, cuts));
}

/** Of conditions that must all be met the first that is not; of those of which one would do, the first. */
function firstFailing(node: RecordedNode): RecordedNode {
  const { kind, conditions } = node;
  if (conditions === undefined || kind === 'not') return node;
  const failing = conditions.find(({ verdict }) => !verdict);
  return failing === undefined ? node : firstFailing(failing);
}
