/** Operations on holdings. Each returns the holding's record, which the view turns into what the caller sees. */
import { sql } from 'drizzle-orm';
import type { Static } from 'typebox';
import { loadDefinitions } from '../customers/definitions.js';
import { getCustomer } from '../customers/service.js';
import type { Reader, Tx } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { brokenRules, notFound } from '../platform/errors.js';
import type { PageRequest } from '../platform/pagination.js';
import { transact } from '../platform/transact.js';
import type { Ignored } from './changes.js';
import { resolveHoldings } from './keys.js';
import { prepareChange, prepareHolding } from './preparation.js';
import type { HoldingItem } from './resolution.js';
import type { HoldingParty, HoldingPatch, HoldingStatusEntry, HoldingUpsertIn } from './schemas.js';
import { upsertHoldings } from './upsert.js';
import {
  type CustomerHoldingRecord,
  type HoldingRecord,
  holdingColumns,
  partiesOfHolding,
  stillStands,
  visibleParty,
} from './view.js';

export type HoldingValue = {
  outcome: 'created' | 'updated' | 'unchanged';
  ignored_fields: Ignored[];
  record: HoldingRecord;
};

/** Reads one holding of which any present party lies in the caller's data scope. Throws the one 404. */
export async function getHolding(
  ctx: Ctx,
  id: string,
  reader: Reader = ctx.database,
): Promise<HoldingRecord> {
  const mayBeSeen =
    ctx.dataScope === null
      ? sql`true`
      : sql`exists (select from holding_parties p where p.holding_id = h.id and ${stillStands(ctx)} and ${visibleParty(ctx)})`;
  const [record] = await reader.rows<HoldingRecord>(sql`
    select ${holdingColumns}, ${partiesOfHolding(ctx)} as parties
    from holding_keys k join holdings h on h.customer_id = k.customer_id and h.id = k.holding_id
    where k.holding_id = ${id} and ${mayBeSeen}`);
  if (record === undefined) throw notFound('holding');
  return record;
}

/** Reads the holding that has the number at the source. */
export async function lookupHolding(
  ctx: Ctx,
  reference: { source: string; number: string },
): Promise<HoldingRecord> {
  const [found] = await resolveHoldings(ctx.database, ctx.keyring, [reference]);
  if (found === undefined) throw notFound('holding');
  return getHolding(ctx, found.holdingId);
}

/** A page of the roles in which a customer stands to holdings, in the order in which they were recorded. */
export async function listCustomerHoldings(
  ctx: Ctx,
  customerId: string,
  filters: { include_ended: boolean },
  page: PageRequest,
): Promise<CustomerHoldingRecord[]> {
  await getCustomer(ctx, customerId);
  const conditions = [
    sql`p.customer_id = ${customerId}`,
    ...(filters.include_ended ? [] : [stillStands(ctx)]),
    ...(page.after === undefined ? [] : [sql`p.id > ${page.after[0]}::uuid`]),
  ];
  return ctx.database.rows<CustomerHoldingRecord>(sql`
    select p.id as party_id, p.role, p.share, p.starts_on, p.ends_on, ${holdingColumns}
    from holding_parties p join holdings h on h.customer_id = p.owner_id and h.id = p.holding_id
    where ${sql.join(conditions, sql` and `)} order by p.id limit ${page.limit + 1}`);
}

/** A page of all who stand or stood in a role to a holding. */
export async function listParties(
  ctx: Ctx,
  holdingId: string,
  page: PageRequest,
): Promise<Static<typeof HoldingParty>[]> {
  await getHolding(ctx, holdingId);
  const after = page.after === undefined ? sql`true` : sql`p.id > ${page.after[0]}::uuid`;
  return ctx.database.rows(sql`
    select p.id, p.customer_id, p.role, p.share, p.starts_on, p.ends_on, p.recorded_at
    from holding_parties p where p.holding_id = ${holdingId} and ${visibleParty(ctx)} and ${after}
    order by p.id limit ${page.limit + 1}`);
}

/** A page of the statuses that a holding came into, the latest first. */
export async function listStatuses(
  ctx: Ctx,
  holdingId: string,
  page: PageRequest,
): Promise<Static<typeof HoldingStatusEntry>[]> {
  await getHolding(ctx, holdingId);
  const before = page.after === undefined ? sql`true` : sql`s.id < ${page.after[0]}::uuid`;
  return ctx.database.rows(sql`
    select s.id, s.status, s.reason, s.source_time, s.recorded_at
    from holding_keys k join holding_statuses s on s.customer_id = k.customer_id and s.holding_id = k.holding_id
    where k.holding_id = ${holdingId} and ${before} order by s.id desc limit ${page.limit + 1}`);
}

/** Writes one item in a transaction of its own. Throws what refuses it. */
export async function writeHolding(
  ctx: Ctx,
  itemOf: (tx: Tx) => Promise<HoldingItem>,
): Promise<HoldingValue> {
  return transact(ctx, async (tx) => {
    const { outcomes, audit, events } = await upsertHoldings(tx, ctx, [await itemOf(tx)]);
    const [result] = outcomes;
    if (result?.ok !== true) throw result?.error ?? notFound('holding');
    const record = await getHolding(ctx, result.holdingId, tx);
    return { value: { outcome: result.outcome, ignored_fields: result.ignored, record }, audit, events };
  });
}

export const worldOf = async (tx: Reader, ctx: Ctx) => ({
  keyring: ctx.keyring,
  bank: ctx.bank,
  now: ctx.now,
  definitions: await loadDefinitions(tx),
});

/** Creates the holding, or updates the one that has the number at the source. Race-safe. */
export const upsertHolding = (ctx: Ctx, input: HoldingUpsertIn): Promise<HoldingValue> =>
  writeHolding(ctx, async (tx) => {
    const { key, prepared, problems } = prepareHolding(await worldOf(tx, ctx), input);
    if (problems.length > 0) throw brokenRules(problems);
    return { key, prepared };
  });

/** Changes what is stated; null clears. `versions` are those that If-Match names. */
export const patchHolding = (
  ctx: Ctx,
  id: string,
  versions: number[] | undefined,
  patch: Static<typeof HoldingPatch>,
): Promise<HoldingValue> =>
  writeHolding(ctx, async (tx) => ({
    key: { holdingId: id.toLowerCase() },
    versions,
    prepared: prepareChange(await worldOf(tx, ctx), patch, [], true),
  }));
