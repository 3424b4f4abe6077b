/**
 * Averages of months that have closed are kept by whoever counts with them. A write that changes what was held before
 * the running month says so here, of everybody whose averages it can change and since which day.
 */
import { isDeepStrictEqual } from 'node:util';
import { sql } from 'drizzle-orm';
import { array, type Tx } from '../db/client.js';
import { type Ctx, today } from '../platform/context.js';
import type { HoldingState } from './changes.js';
import type { Party } from './parties.js';
import type { Group } from './resolution.js';

const earliest = '-infinity';
const least = (days: readonly string[]): string | null => days.toSorted()[0] ?? null;

/** Since which day the holding may have counted otherwise; null where it counts as before. */
function changedSince({ before, after }: Group, statedSince: string | undefined): string | null {
  if (after === undefined) return null;
  const days = [
    ...(after.balances === before?.balances ? [] : [statedSince ?? earliest]),
    ...(before === undefined
      ? []
      : [...closingDays(before, after), ...partyDays(before.parties, after.parties)]),
    ...(before !== undefined && before.category !== after.category ? [earliest] : []),
  ];
  return least(days);
}

function closingDays(before: HoldingState, after: HoldingState): string[] {
  const closed = ({ status, closed_on: day }: HoldingState) => (status === 'closed' ? day : null);
  const days = [closed(before), closed(after)];
  return days[0] === days[1] ? [] : days.filter((day) => day !== null);
}

function partyDays(before: readonly Party[], after: readonly Party[]): string[] {
  const changed = after.filter(({ id }) => !before.some((one) => one.id === id));
  const altered = after.flatMap((party) => {
    const former = before.find(({ id }) => id === party.id);
    return former === undefined || isDeepStrictEqual(former, party) ? [] : [{ former, party }];
  });
  return [
    ...changed.map(({ startsOn }) => startsOn ?? earliest),
    ...altered.flatMap(({ former, party }) => {
      const isOnlyEnding = isDeepStrictEqual({ ...former, endsOn: null }, { ...party, endsOn: null });
      const ends = [former.endsOn, party.endsOn].filter((day) => day !== null);
      return isOnlyEnding
        ? ends
        : [least([former.startsOn ?? earliest, party.startsOn ?? earliest]) ?? earliest];
    }),
  ];
}

/** @param statedSince the first day that a group states a balance of */
export async function noteLateBalances(
  tx: Tx,
  ctx: Ctx,
  groups: readonly Group[],
  statedSince: (group: Group) => string | undefined,
): Promise<void> {
  const thisMonth = `${today(ctx).slice(0, 7)}-01`;
  const late = new Map<string, string>();
  for (const group of groups) {
    const since = changedSince(group, statedSince(group));
    if (since === null || since >= thisMonth) continue;
    for (const { customerId } of [...(group.before?.parties ?? []), ...(group.after?.parties ?? [])])
      late.set(customerId, least([since, late.get(customerId) ?? since]) ?? since);
  }
  if (late.size === 0) return;
  await tx.run(sql`
    insert into late_balances as late (customer_id, since_date, cause, marked_at)
    select customer_id, since_date, 'correction', ${ctx.now}::timestamptz
    from unnest(${array([...late.keys()], 'uuid')}, ${array([...late.values()], 'date')}) as l(customer_id, since_date)
    order by customer_id
    on conflict (customer_id) do update set since_date = least(late.since_date, excluded.since_date)`);
}
