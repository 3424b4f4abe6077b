/** What a file of a business date knows. */
import { bankDays } from '../platform/bank-days.js';
import type { Ctx } from '../platform/context.js';
import { instantOf, microsOf } from '../platform/instants.js';

/** The last instant of a business date at the bank: what a file of it says was known by then. Never ahead of now. */
export function endOfDate(ctx: Pick<Ctx, 'bank' | 'now'>, date: string): string {
  const next = new Date(Date.parse(`${date}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10);
  const end = bankDays(ctx.bank.timeZone).startOf(next) * 1000 - 1;
  return instantOf(Math.min(end, microsOf(ctx.now)));
}
