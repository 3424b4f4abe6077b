/** Writes decided holdings, one statement a table. Their keys and all their parties are locked by now. */
import { isDeepStrictEqual } from 'node:util';
import { sql } from 'drizzle-orm';
import { array, json, type Tx } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { newId } from '../platform/ids.js';
import { moveHistory, originOfHolding } from './balances.js';
import { type HoldingState, ownerOf } from './changes.js';
import type { Group } from './resolution.js';

type Decided = Group & { after: HoldingState };
type InstantOf = (customerId: string) => string;

export async function writeHoldings(
  tx: Tx,
  ctx: Ctx,
  groups: readonly Group[],
  instantOf: InstantOf,
): Promise<void> {
  const decided = groups.filter((group): group is Decided => group.after !== undefined);
  if (decided.length === 0) return;
  const known = decided.filter((group) => group.before !== undefined);
  const moved = known.filter((group) => group.before?.customerId !== ownerOf(group.after));
  await moveHoldings(tx, moved);
  await insertHoldings(
    tx,
    ctx,
    decided.filter((group) => group.before === undefined),
    instantOf,
  );
  await updateHoldings(tx, known, instantOf);
  await writeParties(tx, decided, instantOf);
  await writeStatuses(tx, decided, instantOf);
  if (moved.length > 0) {
    await tx.run(sql`update holding_parties p set owner_id = m.customer_id from ${placesOf(moved)}
      where p.holding_id = m.id and p.owner_id <> m.customer_id`);
  }
}

const placesOf = (groups: readonly Decided[]) => sql`unnest(
  ${array(
    groups.map((group) => group.place.holdingId),
    'uuid',
  )}, ${array(
    groups.map((group) => group.before?.customerId ?? group.place.customerId),
    'uuid',
  )}, ${array(
    groups.map((group) => ownerOf(group.after)),
    'uuid',
  )}) as m(id, former_id, customer_id)`;

/** A holding lives with its primary owner; the owner's id is what rows are distributed by, so they cannot be updated. */
async function moveHoldings(tx: Tx, moved: readonly Decided[]): Promise<void> {
  if (moved.length === 0) return;
  await tx.run(sql`
    with gone as (
      delete from holdings h using ${placesOf(moved)} where h.customer_id = m.former_id and h.id = m.id
      returning m.customer_id as owner_id, h.*
    )
    insert into holdings (customer_id, id, source, number_index, number_sealed, number_key_id, category, product, status,
      status_reason, currency, opened_on, closed_on, balance, balance_date, attributes, source_time, recorded_at, version)
    select owner_id, id, source, number_index, number_sealed, number_key_id, category, product, status,
      status_reason, currency, opened_on, closed_on, balance, balance_date, attributes, source_time, recorded_at, version
    from gone`);
  await moveHistory(tx, placesOf(moved));
  await tx.run(sql`update holding_keys k set customer_id = m.customer_id, origin_customer_id = null from ${placesOf(moved)}
    where k.holding_id = m.id`);
}

const rowOf = ({ place, before, after }: Decided, instantOf: InstantOf) => {
  const { parties: _parties, balances: _balances, statuses: _statuses, ...fields } = after;
  const customer_id = ownerOf(after);
  return {
    ...fields,
    customer_id,
    id: place.holdingId,
    version: (before?.version ?? 0) + 1,
    recorded_at: instantOf(customer_id),
  };
};

const columns =
  sql.raw(`customer_id uuid, id uuid, category text, product text, status text, status_reason text, currency text, opened_on date,
  closed_on date, balance numeric, balance_date date, attributes jsonb, source_time timestamptz, recorded_at timestamptz,
  version bigint`);

async function insertHoldings(
  tx: Tx,
  ctx: Ctx,
  groups: readonly Decided[],
  instantOf: InstantOf,
): Promise<void> {
  if (groups.length === 0) return;
  const rows = groups.map((group) => ({
    ...rowOf(group, instantOf),
    source: group.place.source,
    number_index: group.place.numberIndex,
    number_sealed: ctx.keyring
      .encrypt(group.number ?? '', `holdings:${group.place.holdingId}`)
      .toString('base64'),
  }));
  await tx.run(sql`
    insert into holdings (customer_id, id, source, number_index, number_sealed, number_key_id, category, product, status,
      status_reason, currency, opened_on, closed_on, balance, balance_date, attributes, source_time, recorded_at, version)
    select customer_id, id, source, number_index, decode(number_sealed, 'base64'), ${ctx.keyring.currentKeyId}, category,
      product, status, status_reason, currency, opened_on, closed_on, balance, balance_date, attributes, source_time, recorded_at, version
    from jsonb_to_recordset(${json(rows)}) as r(source text, number_index text, number_sealed text, ${columns})`);
}

async function updateHoldings(tx: Tx, groups: readonly Decided[], instantOf: InstantOf): Promise<void> {
  if (groups.length === 0) return;
  await tx.run(sql`
    update holdings h set category = r.category, product = r.product, status = r.status, status_reason = r.status_reason, currency = r.currency,
      opened_on = r.opened_on, closed_on = r.closed_on, balance = r.balance, balance_date = r.balance_date,
      attributes = r.attributes, source_time = r.source_time, recorded_at = r.recorded_at, version = r.version
    from jsonb_to_recordset(${json(groups.map((group) => rowOf(group, instantOf)))}) as r(${columns})
    where h.customer_id = r.customer_id and h.id = r.id`);
}

async function writeParties(tx: Tx, groups: readonly Decided[], instantOf: InstantOf): Promise<void> {
  const rows = groups.flatMap(({ place, before, after }) => {
    const former = new Map(before?.parties.map((party) => [party.id, party]));
    const owner = ownerOf(after);
    return after.parties
      .filter((party) => !isDeepStrictEqual(former.get(party.id), party))
      .map((party) => ({
        customer_id: party.customerId,
        holding_id: place.holdingId,
        owner_id: owner,
        role: party.role,
        share: party.share,
        starts_on: party.startsOn,
        ends_on: party.endsOn,
        id: party.id,
        recorded_at: instantOf(owner),
      }));
  });
  if (rows.length === 0) return;
  // who ends goes first: the same customer may stand in the same role again
  await tx.run(sql`
    insert into holding_parties (customer_id, holding_id, owner_id, role, share, starts_on, ends_on, id, recorded_at)
    select customer_id, holding_id, owner_id, role, share, starts_on, ends_on, id, recorded_at
    from jsonb_to_recordset(${json(rows)}) as r(customer_id uuid, holding_id uuid, owner_id uuid, role text, share numeric,
      starts_on date, ends_on date, id uuid, recorded_at timestamptz)
    order by ends_on is null, customer_id, id
    on conflict (customer_id, id) do update set share = excluded.share, starts_on = excluded.starts_on,
      ends_on = excluded.ends_on, owner_id = excluded.owner_id, recorded_at = excluded.recorded_at`);
}

async function writeStatuses(tx: Tx, groups: readonly Decided[], instantOf: InstantOf): Promise<void> {
  const rows = groups.flatMap(({ place, after }) => {
    const owner = ownerOf(after);
    return after.statuses.map(({ status, reason, sourceTime }) => ({
      customer_id: owner,
      id: newId(),
      holding_id: place.holdingId,
      status,
      reason,
      source_time: sourceTime,
      recorded_at: instantOf(owner),
    }));
  });
  if (rows.length === 0) return;
  await tx.run(sql`
    insert into holding_statuses (customer_id, id, holding_id, status, reason, source_time, recorded_at,
      origin_customer_id)
    select customer_id, id, holding_id, status, reason, source_time, recorded_at, ${originOfHolding}
    from jsonb_to_recordset(${json(rows)}) as r(customer_id uuid, id uuid, holding_id uuid, status text, reason text,
      source_time timestamptz, recorded_at timestamptz)`);
}
