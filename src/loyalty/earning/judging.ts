/** Who meets what the rules ask of a customer: level and tier when it occurred, and the condition, judged once and now. */
import { sql } from 'drizzle-orm';
import { array, type Tx } from '../../db/client.js';
import type { Ctx } from '../../platform/context.js';
import { microsOf } from '../../platform/instants.js';
import { readCuts } from '../../ranks/cuts.js';
import { checkRule } from '../../rules/check.js';
import { compileRules, type Verdicts } from '../../rules/compile.js';
import type { LoadFacts } from '../../rules/facts.js';
import { cutKeysOf } from '../../rules/rank-condition.js';
import type { Rule } from '../../rules/schema.js';
import { tierAt } from '../tiers/held.js';
import { isInForce, type RuleVersion, speaksOf } from './rulebook.js';
import type { Thing } from './things.js';

/** A thing in a programme, with the rules that may give points for it, and those that have. */
export type Candidate = {
  thing: Thing;
  programme: string;
  /** whether something was given for it before: then by whom stays as it was */
  isKnown: boolean;
  formerRules: ReadonlySet<string>;
  rulesAt: string;
};

const nameOf = ({ programme, key, version }: RuleVersion) => `${programme} ${key} ${version}`;

/** For each candidate, in their order, the rules that speak of it and that its customer meets. */
export async function matchingRules(
  tx: Tx,
  ctx: Ctx,
  facts: LoadFacts,
  candidates: readonly Candidate[],
  rules: readonly RuleVersion[],
): Promise<RuleVersion[][]> {
  const speaking = candidates.map(({ thing, programme, rulesAt }) => {
    const at = microsOf(rulesAt);
    return rules.filter(
      (rule) => rule.programme === programme && isInForce(rule, at) && speaksOf(rule, thing),
    );
  });
  const held = await heldLevels(tx, candidates, speaking);
  const tiers = await heldTiers(tx, candidates, speaking);
  const inReach = speaking.map((some, place) => {
    const level = held(candidates[place]?.thing as Thing) ?? '';
    const tier = tiers[place] ?? '';
    return some.filter(
      ({ content }) => (content.levels?.includes(level) ?? true) && (content.tiers?.includes(tier) ?? true),
    );
  });
  const meets = await judgeConditions(tx, ctx, facts, candidates, inReach);
  return inReach.map((some, place) => {
    const candidate = candidates[place] as Candidate;
    return some.filter((rule) => rule.content.condition === null || meets(candidate, rule));
  });
}

type Held = { customer_id: string; level: string; from_at: string; to_at: string | null };

/** The bank's level that a customer had when something occurred. */
async function heldLevels(
  tx: Tx,
  candidates: readonly Candidate[],
  speaking: readonly (readonly RuleVersion[])[],
): Promise<(thing: Thing) => string | undefined> {
  const asked = candidates.filter((_, place) =>
    speaking[place]?.some(({ content }) => content.levels !== null),
  );
  if (asked.length === 0) return () => undefined;
  const rows = await tx.rows<Held>(sql`
    select customer_id, level, from_at, to_at from customer_levels
    where customer_id = any(${array([...new Set(asked.map(({ thing }) => thing.customerId))], 'uuid')})`);
  return ({ customerId, occurredAt }) => {
    const at = microsOf(occurredAt);
    return rows.find(
      (row) =>
        row.customer_id === customerId &&
        microsOf(row.from_at) <= at &&
        (row.to_at === null || at < microsOf(row.to_at)),
    )?.level;
  };
}

/** The tier of the programme that each candidate's customer had when it occurred, where a rule asks for it. */
async function heldTiers(
  tx: Tx,
  candidates: readonly Candidate[],
  speaking: readonly (readonly RuleVersion[])[],
): Promise<(string | undefined)[]> {
  const held: (string | undefined)[] = [];
  const places = candidates
    .map((candidate, place) => ({ ...candidate, place }))
    .filter(({ place }) => speaking[place]?.some(({ content }) => content.tiers !== null));
  for (const programme of new Set(places.map((one) => one.programme))) {
    const asked = places.filter((one) => one.programme === programme);
    const found = await tierAt(
      tx,
      programme,
      asked.map(({ thing }) => ({ customerId: thing.customerId, at: thing.occurredAt })),
    );
    asked.forEach(({ place }, index) => {
      held[place] = found[index]?.tier;
    });
  }
  return held;
}

/** By the data of now. What can be judged no more, since something that it names is gone, is met by nobody. */
async function judgeConditions(
  tx: Tx,
  ctx: Ctx,
  facts: LoadFacts,
  candidates: readonly Candidate[],
  inReach: readonly (readonly RuleVersion[])[],
): Promise<(candidate: Candidate, rule: RuleVersion) => boolean> {
  const asked = new Map<string, Rule>();
  const ids = new Set<string>();
  inReach.forEach((some, place) => {
    const candidate = candidates[place];
    if (candidate === undefined || candidate.isKnown) return;
    for (const rule of some) {
      if (rule.content.condition === null) continue;
      asked.set(nameOf(rule), rule.content.condition);
      ids.add(candidate.thing.customerId);
    }
  });
  const met = new Map<string, boolean>();
  if (asked.size > 0) await judge(tx, ctx, facts, asked, [...ids], met);
  return ({ thing, isKnown, formerRules }, rule) =>
    isKnown ? formerRules.has(rule.key) : (met.get(`${thing.customerId} ${nameOf(rule)}`) ?? false);
}

async function judge(
  tx: Tx,
  ctx: Ctx,
  facts: LoadFacts,
  asked: ReadonlyMap<string, Rule>,
  ids: readonly string[],
  met: Map<string, boolean>,
): Promise<void> {
  // who is in a segment is what its review has found
  const segments = await tx.rows<{ key: string }>(sql`select key from segments where deleted_at is null`);
  const vocabulary = {
    facts: await facts(tx),
    segments: new Map(segments.map(({ key }) => [key, null])),
  };
  const judgeable = [...asked].filter(([, rule]) => checkRule(rule, vocabulary).length === 0);
  if (judgeable.length === 0) return;
  const rules = judgeable.map(([, rule]) => rule);
  const context = {
    ...{ now: ctx.now, timeZone: ctx.bank.timeZone, currency: ctx.bank.currency },
    cuts: await readCuts(tx, cutKeysOf(rules, vocabulary), ctx.now),
  };
  const rows = await tx.rows<Verdicts>(compileRules(rules, vocabulary, context, { ids }));
  for (const { customer_id: id, verdicts } of rows)
    judgeable.forEach(([name], place) => {
      met.set(`${id} ${name}`, verdicts[place] ?? false);
    });
}
