/** How the bank counts what its customers hold. Another way concerns everybody: all are marked, in batches. */
import { sql } from 'drizzle-orm';
import type { Reader } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { checkVersion } from '../platform/http/versions.js';
import { transact } from '../platform/transact.js';
import { markManyCustomers } from '../reviews/service.js';
import type { BalancePolicyIn, BalancePolicyRow } from './balance-schemas.js';

const columns = sql.raw(
  'attribution, average_days, version, updated_at, marked_at is not null as customers_marked',
);

export async function readBalancePolicy(reader: Reader, lock = sql``): Promise<BalancePolicyRow> {
  const [row] = await reader.rows<BalancePolicyRow>(sql`select ${columns} from balance_policy ${lock}`);
  if (row === undefined) throw new Error('the balance policy is missing: the database is not migrated');
  return row;
}

/** Throws 412 where the version is another. */
export function putBalancePolicy(
  ctx: Ctx,
  versions: number[] | undefined,
  { attribution, average_days }: BalancePolicyIn,
): Promise<BalancePolicyRow> {
  return transact(ctx, async (tx) => {
    const before = await readBalancePolicy(tx, sql`for update`);
    checkVersion(versions, before.version);
    if (before.attribution === attribution && before.average_days === average_days) {
      return { value: before, audit: [] };
    }
    await tx.run(sql`update balance_policy set attribution = ${attribution}, average_days = ${average_days},
      version = version + 1, updated_at = ${ctx.now}, marked_to = null, marked_at = null`);
    const data = { version: before.version + 1 };
    const type = 'balance_policy.updated';
    const details = { ...data, attribution, average_days };
    return {
      value: await readBalancePolicy(tx),
      audit: [{ action: type, subjectType: 'balance_policy', details }],
      events: [{ type, subject: 'balance_policy', subjectVersion: 0, occurredAt: ctx.now, data }],
    };
  });
}

const stepSize = 4000;

/** Marks the next customers in the order of their ids, until all are. False where all are. */
export function markForPolicy(ctx: Ctx): Promise<boolean> {
  return transact(ctx, async (tx) => {
    const [policy] = await tx.rows<{ marked_to: string | null }>(
      sql`select marked_to from balance_policy where marked_at is null for update skip locked`,
    );
    if (policy === undefined) return { value: false, audit: [] };
    const after = policy.marked_to === null ? sql`true` : sql`id > ${policy.marked_to}::uuid`;
    const rows = await tx.rows<{ id: string }>(
      sql`select id from customers where ${after} and merged_into is null order by id limit ${stepSize}`,
    );
    const ids = rows.map((row) => row.id);
    await markManyCustomers(tx, ctx, ids, ['holdings']);
    await tx.run(sql`update balance_policy set marked_to = ${ids.at(-1) ?? policy.marked_to},
      marked_at = ${ids.length < stepSize ? ctx.now : null}`);
    return { value: true, audit: [] };
  });
}
