/**
 * What each rule is to have given for each thing, one after the other, as far as there is room: the caps of the customer
 * and the budget of the rule. A campaign comes after what it multiplies. What was given before counts by the same rules
 * as what is new, so that only the difference remains to be posted.
 */
import { microsOf } from '../../platform/instants.js';
import { chosen, isCampaign } from './choice.js';
import { extraOf, pointsFor } from './formula.js';
import { type CapPeriod, roomFor, type Span, spanOf, spansOf, type Usage } from './limits.js';
import type { RuleVersion } from './rulebook.js';
import type { Thing } from './things.js';

/** What a rule has given for a thing. */
export type Earning = {
  customerId: string;
  accountId: string;
  programme: string;
  subject: string;
  rule: string;
  ruleVersion: number;
  rulesAt: string;
  activityId: string | null;
  occurredAt: string;
  points: number;
  kept: number;
  operations: string[];
};

export type Change = {
  thing: Thing;
  rule: RuleVersion;
  /** what is stored; undefined where nothing is */
  former: Earning | undefined;
  target: number;
};

/** A thing in one programme of its customer. */
export type Judged = {
  thing: Thing;
  programme: string;
  timeZone: string;
  /** those that speak of it and whose conditions the customer meets */
  matching: readonly RuleVersion[];
  /** what was given for it before, each with the version that gave it */
  formers: readonly { earning: Earning; rule: RuleVersion }[];
  /** nothing is issued any more: the programme is closed, or what is issued would have expired */
  isLate: boolean;
};

export type Budgets = Map<string, { used: number }>;
export const budgetKey = ({ programme, key }: Pick<RuleVersion, 'programme' | 'key'>) =>
  `${programme} ${key}`;

export type Asked = { customerId: string; programme: string; rule: string; span: Span };
export const usageKey = ({ customerId, programme, rule, span }: Asked): string =>
  `${customerId} ${programme} ${rule} ${span.period} ${span.from}`;

/** What the customers have by rules in the spans that limit them. */
export type Usages = {
  add(asked: Asked, usage: Usage): void;
  of(asked: Asked): Usage;
  /** So many more, or fewer, for something that occurred then. */
  change(customerId: string, rule: RuleVersion, occurredAt: string, points: number, times: number): void;
};

export function openUsages(): Usages {
  const byRule = new Map<string, { span: Span; usage: Usage }[]>();
  const keyOf = (customerId: string, programme: string, rule: string) => `${customerId} ${programme} ${rule}`;
  return {
    add({ customerId, programme, rule, span }, usage) {
      const key = keyOf(customerId, programme, rule);
      const known = byRule.get(key);
      if (known === undefined) byRule.set(key, [{ span, usage }]);
      else known.push({ span, usage });
    },
    of({ customerId, programme, rule, span }) {
      const found = byRule
        .get(keyOf(customerId, programme, rule))
        ?.find((one) => one.span.period === span.period && one.span.from === span.from);
      if (found === undefined) throw new Error('a span whose usage was not read');
      return found.usage;
    },
    change(customerId, { programme, key }, occurredAt, points, times) {
      const at = microsOf(occurredAt);
      for (const { span, usage } of byRule.get(keyOf(customerId, programme, key)) ?? [])
        if ((span.from === null || span.from <= at) && (span.until === null || at < span.until)) {
          usage.points += points;
          usage.times += times;
        }
    },
  };
}

/** Whose usage has to be known before. */
export const usagesAsked = ({ thing, programme, timeZone, matching }: Judged): Asked[] =>
  matching.flatMap(({ key, content }) =>
    spansOf(content, thing.occurredAt, timeZone).map((span) => ({
      ...{ customerId: thing.customerId, programme, rule: key, span },
    })),
  );

export function fold(judged: readonly Judged[], usages: Usages, budgets: Budgets): Change[] {
  return judged.flatMap((one) => foldOne(one, usages, budgets));
}

function foldOne(judged: Judged, usages: Usages, budgets: Budgets): Change[] {
  const { thing, matching, formers } = judged;
  const giving = chosen(matching);
  const changes: Change[] = [];
  // what is given no more makes room first
  for (const { earning, rule } of formers) {
    if (giving.some(({ key }) => key === rule.key)) continue;
    changes.push(settled({ thing, rule, former: earning, target: 0 }, usages, budgets));
  }
  const given = new Map<string, number>();
  for (const rule of giving) {
    const former = formers.find(({ earning }) => earning.rule === rule.key)?.earning;
    const wanted = wantedBy(rule, thing, given);
    const target = granted(judged, rule, former, wanted, usages, budgets);
    if (!isCampaign(rule)) given.set(rule.key, target);
    if (former === undefined && target === 0) continue;
    changes.push(settled({ thing, rule, former, target }, usages, budgets));
  }
  return changes;
}

function wantedBy({ content }: RuleVersion, thing: Thing, given: ReadonlyMap<string, number>): number {
  const { points } = content;
  if (!('times' in points))
    return pointsFor(points, thing.kind === 'activity' ? (thing.activity?.reporting_amount ?? null) : null);
  const base = [...given].reduce(
    (sum, [key, some]) => sum + (points.of === null || points.of.includes(key) ? some : 0),
    0,
  );
  return extraOf(points.times, base);
}

function granted(
  { thing, programme, timeZone, isLate }: Judged,
  rule: RuleVersion,
  former: Earning | undefined,
  wanted: number,
  usages: Usages,
  budgets: Budgets,
): number {
  const before = former?.points ?? 0;
  // what it has itself leaves room to it
  if (former !== undefined)
    usages.change(thing.customerId, rule, former.occurredAt, -before, -Number(before > 0));
  const usageIn = (period: CapPeriod) =>
    usages.of({
      ...{ customerId: thing.customerId, programme, rule: rule.key },
      span: spanOf(period, thing.occurredAt, timeZone),
    });
  const room = roomFor(rule.content, wanted, usageIn);
  if (former !== undefined)
    usages.change(thing.customerId, rule, former.occurredAt, before, Number(before > 0));
  const most = isLate ? before : before + leftOf(rule, budgets);
  return Math.min(room, most);
}

function leftOf(rule: RuleVersion, budgets: Budgets): number {
  const { budget } = rule.content;
  if (budget === null) return Number.POSITIVE_INFINITY;
  return Math.max(0, budget - (budgets.get(budgetKey(rule))?.used ?? 0));
}

/** What is taken back is free in the budget once it is posted, since not all of it may be. */
function settled(change: Change, usages: Usages, budgets: Budgets): Change {
  const { thing, rule, former, target } = change;
  const before = former?.points ?? 0;
  if (former !== undefined)
    usages.change(thing.customerId, rule, former.occurredAt, -before, -Number(before > 0));
  usages.change(thing.customerId, rule, thing.occurredAt, target, Number(target > 0));
  const budget = budgets.get(budgetKey(rule));
  if (budget !== undefined && target > before) budget.used += target - before;
  return change;
}
