/** The rules of programmes by the instants at which they were in force, and which of them speak of something. */
import { plainArray } from '../../db/array-literals.js';
import type { Tx } from '../../db/client.js';
import { microsOf } from '../../platform/instants.js';
import { passes } from '../../rules/activity-fields.js';
import type { ActivityPart } from '../../rules/picture.js';
import type { ActivityFilter } from '../../rules/schema.js';
import type { EarnRuleContent } from './rule.js';
import type { Thing } from './things.js';

export type RuleVersion = {
  programme: string;
  key: string;
  version: number;
  content: EarnRuleContent;
  /** in force during [from, until), microseconds; of null it is still */
  from: number;
  until: number | null;
};

type Row = Omit<RuleVersion, 'from' | 'until'> & { from_at: string; until_at: string | null };

/** Those of the programmes that were in force at some instant since `since`, in the order of their keys. */
export async function readRules(
  tx: Tx,
  programmes: readonly string[],
  since: string,
): Promise<RuleVersion[]> {
  const rows = await tx.named<Row>(
    'earn_rules_since',
    `select * from (
       select v.programme, v.rule as key, v.version, v.content, v.created_at as from_at,
         least(lead(v.created_at) over (partition by v.programme, v.rule order by v.version), r.deleted_at) as until_at
       from loyalty_earn_rule_versions v
       join loyalty_earn_rules r on r.programme = v.programme and r.key = v.rule
       where v.programme = any($1::text[])) as v
     where until_at is null or until_at > $2 order by programme, key, version`,
    [plainArray(programmes), since],
  );
  return rows.map(({ from_at: from, until_at: until, ...rule }) => ({
    ...rule,
    from: microsOf(from),
    until: until === null ? null : microsOf(until),
  }));
}

export const isInForce = ({ from, until }: RuleVersion, at: number): boolean =>
  from <= at && (until === null || at < until);

/** Whether the rule speaks of it, whoever did it. */
export function speaksOf({ content }: RuleVersion, thing: Thing): boolean {
  const { status, valid_from: from, valid_to: to, earns } = content;
  const at = microsOf(thing.occurredAt);
  if (status !== 'active' || (from !== null && at < microsOf(from)) || (to !== null && at >= microsOf(to)))
    return false;
  if ('occasion' in earns) return thing.kind === 'occasion' && thing.occasion === earns.occasion;
  if (thing.kind !== 'activity' || thing.activity === null) return false;
  const filters = (earns.where ?? []) as ActivityFilter[];
  return earns.activities.includes(thing.activity.type) && isEarning(thing.activity, filters);
}

/** What the customer initiated, and no transfer of its own, unless the filters speak of that themselves. */
function isEarning(activity: ActivityPart, filters: readonly ActivityFilter[]): boolean {
  const says = (name: string) => filters.some(({ field }) => field === name);
  return (
    (says('initiated_by') || activity.initiated_by === 'customer') &&
    (says('own_transfer') || !activity.own_transfer) &&
    passes(activity, filters)
  );
}
