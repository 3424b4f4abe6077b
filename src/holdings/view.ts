/** A holding as a caller may see it. Masking lives here. */
import { type SQL, sql } from 'drizzle-orm';
import type { Static } from 'typebox';
import { maskIdentifier } from '../customers/masking.js';
import { type Ctx, mayReadSensitive, today } from '../platform/context.js';
import { visibleCustomer } from '../platform/data-scope.js';
import type { CustomerHolding, Holding, HoldingParty } from './schemas.js';

type PartyOut = Static<typeof HoldingParty>;
type HoldingOut = Static<typeof Holding>;

export type HoldingColumns = Omit<HoldingOut, 'number' | 'primary_owner_id' | 'parties'> & { sealed: string };
export type HoldingRecord = HoldingColumns & { parties: PartyOut[] };
export type CustomerHoldingRecord = HoldingColumns &
  Omit<Static<typeof CustomerHolding>, 'holding' | 'share'> & { share: string | null };

/** Of the table `holdings` as h. */
export const holdingColumns: SQL =
  sql.raw(`h.id, h.source, encode(h.number_sealed, 'base64') as sealed, h.category,
  h.product, h.status, h.status_reason, h.currency, h.opened_on, h.closed_on, h.balance, h.balance_date, h.attributes, h.source_time,
  h.recorded_at, h.version`);

const utc = (column: string) => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

/** Stands on the day, or will. Of `holding_parties` as p. */
export const stillStands = (ctx: Ctx): SQL => sql`(p.ends_on is null or p.ends_on > ${today(ctx)}::date)`;

/** The condition on the customer of a party, of `holding_parties` as p. */
export const visibleParty = (ctx: Ctx): SQL =>
  ctx.dataScope === null
    ? sql`true`
    : sql`exists (select from customers c where c.id = p.customer_id and ${visibleCustomer(ctx, 'c')})`;

/** The parties that the caller may see, as JSON, of the holding h. */
export const partiesOfHolding = (ctx: Ctx): SQL => sql`(
  select coalesce(json_agg(json_build_object('id', p.id, 'customer_id', p.customer_id, 'role', p.role,
      'share', p.share::text, 'starts_on', p.starts_on, 'ends_on', p.ends_on, 'recorded_at', ${sql.raw(utc('p.recorded_at'))})
      order by p.id), '[]')
  from holding_parties p where p.holding_id = h.id and ${stillStands(ctx)} and ${visibleParty(ctx)})`;

export function shownNumber(ctx: Ctx, holdingId: string, sealed: string): string {
  const number = ctx.keyring.decrypt(Buffer.from(sealed, 'base64'), `holdings:${holdingId}`);
  return mayReadSensitive(ctx, 'customers') ? number : maskIdentifier(number);
}

export function toHolding(ctx: Ctx, { sealed, parties, ...row }: HoldingRecord): HoldingOut {
  const primary = parties.find((party) => party.role === 'primary_owner' && party.ends_on === null);
  return {
    ...row,
    number: shownNumber(ctx, row.id, sealed),
    primary_owner_id: primary?.customer_id ?? null,
    parties,
  };
}

export function toCustomerHolding(
  ctx: Ctx,
  { party_id, role, share, starts_on, ends_on, sealed, ...row }: CustomerHoldingRecord,
): Static<typeof CustomerHolding> {
  const holding = { ...row, number: shownNumber(ctx, row.id, sealed) };
  return { party_id, role, share, starts_on, ends_on, holding };
}
