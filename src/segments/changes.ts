/** Who entered and who left between two instants, in the order in which it took effect. */
import { type SQL, sql } from 'drizzle-orm';
import type { Ctx } from '../platform/context.js';
import type { PageRequest } from '../platform/pagination.js';
import { memberInReach } from './members.js';

export type ChangeRow = {
  customer_id: string;
  change: 'entered' | 'left';
  effective_at: string;
  decided_at: string;
  rule_version: number;
  cause: string;
};

type Between = { from: string; to: string };

/** Of one customer at one instant the leaving comes first: an interval begins where the last one ended. */
export const changeKey = ({ effective_at, customer_id, change }: ChangeRow): unknown[] => [
  effective_at,
  customer_id,
  change,
];

/** Changes of [from, to). */
export function listChanges(
  ctx: Ctx,
  segment: string,
  { from, to }: Between,
  { after, limit }: PageRequest,
): Promise<ChangeRow[]> {
  const [at, customerId, change] = (after ?? []) as string[];
  const beyond = (column: SQL, inclusive: boolean) =>
    at === undefined
      ? sql`true`
      : sql`(${column}, m.customer_id) ${sql.raw(inclusive ? '>=' : '>')} (${at}::timestamptz, ${customerId}::uuid)`;
  const part = (kind: ChangeRow['change'], columns: SQL, instant: SQL) => sql`
    (select m.customer_id, ${kind}::text as change, ${columns} from memberships m
     where m.segment = ${segment} and ${instant} >= ${from} and ${instant} < ${to} and ${memberInReach(ctx)}
       and ${beyond(instant, kind === 'entered' && change === 'left')}
     order by ${instant}, m.customer_id limit ${limit + 1})`;
  return ctx.database.rows<ChangeRow>(sql`
    select customer_id, change, effective_at, decided_at, rule_version, cause from (
      ${part(
        'left',
        sql`m.left_at as effective_at, m.left_decided_at as decided_at, m.left_rule_version as rule_version, m.left_cause as cause`,
        sql`m.left_at`,
      )}
      union all
      ${part('entered', sql`m.entered_at, m.decided_at, m.rule_version, m.cause`, sql`m.entered_at`)}
    ) changes
    order by effective_at, customer_id, change desc limit ${limit + 1}`);
}
