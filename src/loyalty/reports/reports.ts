/**
 * What the books of a programme say: for an auditor who adds up what was posted and comes to the same. Each report is of
 * one snapshot. Everything counts from the instant that it is booked at, and what is due counts from when it is due.
 */
import { Big } from 'big.js';
import { sql } from 'drizzle-orm';
import type { Reader } from '../../db/client.js';
import type { Ctx } from '../../platform/context.js';
import { DomainError } from '../../platform/errors.js';
import { instantOf, microsOf } from '../../platform/instants.js';
import { type ProgrammeContent, readProgramme, type StoredProgramme } from '../programme.js';
import type { Breakage, Liability, Reconciliation, TrialBalance } from './schemas.js';
import { type Sums, sumsBefore } from './sums.js';

/** Reads with the programme, in one snapshot. Throws 404. */
export const reportOf = <T>(
  ctx: Ctx,
  key: string,
  read: (reader: Reader, programme: StoredProgramme) => Promise<T>,
): Promise<T> =>
  ctx.database.begin(async (tx) => read(tx, await readProgramme(tx, key)), 'repeatable read read only');

export const queryProblem = (pointer: string, code: string, message: string) =>
  new DomainError('rule_broken', `${pointer} ${message}.`, {
    errors: [{ in: 'query', pointer, code, message }],
  });

/** The present where nothing is said. Throws 422 for what lies ahead. */
function pastInstant({ now }: Ctx, pointer: string, instant: string | undefined): string {
  if (instant !== undefined && microsOf(instant) > microsOf(now))
    throw queryProblem(pointer, 'in_the_future', 'must not lie ahead');
  return instant ?? now;
}

/** What counts at the instant is what counts before the next one. */
const after = (instant: string) => instantOf(microsOf(instant) + 1);

/** Of all that counts at the instant, that of the instant too. */
export async function sumsAt(reader: Reader, programme: string, instant: string): Promise<Sums> {
  const [sums] = await sumsBefore(reader, programme, [after(instant)]);
  return sums as Sums;
}

export const outstandingOf = ({ lots, debts }: Sums): number => lots + debts;

export function trialBalance(ctx: Ctx, key: string, asOf: string | undefined): Promise<TrialBalance> {
  const instant = pastInstant(ctx, '/as_of', asOf);
  return reportOf(ctx, key, async (reader) => {
    const sums = await sumsAt(reader, key, instant);
    const ledgers = [
      { ledger: 'member' as const, points: outstandingOf(sums) },
      ...(['issued', 'redeemed', 'expired', 'cancelled'] as const).map((ledger) => ({
        ledger,
        points: sums[ledger],
      })),
    ];
    return {
      programme: key,
      as_of: instant,
      ledgers,
      total: ledgers.reduce((total, { points }) => total + points, 0),
      debt: 0 - sums.debts,
    };
  });
}

/** Outstanding x cost per point x (1 - breakage), by the version of the programme that was in force then. */
export function liability(ctx: Ctx, key: string, asOf: string | undefined): Promise<Liability> {
  const instant = pastInstant(ctx, '/as_of', asOf);
  return reportOf(ctx, key, async (reader) => {
    const { version, content } = await versionAt(reader, key, instant);
    const sums = await sumsAt(reader, key, instant);
    const outstanding = outstandingOf(sums);
    const { cost_per_point, breakage } = content;
    return {
      programme: key,
      as_of: instant,
      programme_version: version,
      outstanding,
      cost_per_point,
      breakage,
      currency: ctx.bank.currency,
      liability: decimal(new Big(outstanding).times(cost_per_point).times(new Big(1).minus(breakage))),
    };
  });
}

const decimal = (value: Big) => (value.eq(0) ? '0' : value.toFixed());

/** Throws 422 where there was none yet. */
async function versionAt(
  reader: Reader,
  key: string,
  instant: string,
): Promise<{ version: number; content: ProgrammeContent }> {
  const [row] = await reader.rows<{ version: number; content: ProgrammeContent }>(sql`
    select version, content from loyalty_programme_versions
    where programme = ${key} and created_at <= ${instant} order by version desc limit 1`);
  if (row === undefined) throw queryProblem('/as_of', 'too_early', 'lies before the programme was made');
  return row;
}

/** What was issued during [from, to) is what was redeemed, expired and cancelled, and what is outstanding more than before. */
export function reconciliation(
  ctx: Ctx,
  key: string,
  { from, to }: { from?: string; to?: string },
): Promise<Reconciliation> {
  const end = pastInstant(ctx, '/to', to);
  if (from !== undefined && microsOf(from) > microsOf(end))
    throw queryProblem('/from', 'range', 'must not be after `to`');
  return reportOf(ctx, key, async (reader) => {
    const [first, last] = (await sumsBefore(reader, key, [from ?? '-infinity', end])) as [Sums, Sums];
    const moved = (name: keyof Sums) => last[name] - first[name];
    const during = {
      issued: 0 - moved('issued'),
      redeemed: moved('redeemed'),
      expired: moved('expired'),
      cancelled: moved('cancelled'),
    };
    const outstanding = { before: outstandingOf(first), after: outstandingOf(last) };
    return {
      programme: key,
      from: from ?? null,
      to: end,
      outstanding_before: outstanding.before,
      ...during,
      outstanding_after: outstanding.after,
      difference:
        during.issued -
        (during.redeemed + during.expired + during.cancelled + outstanding.after - outstanding.before),
    };
  });
}

const rateDigits = 6;

export function breakage(ctx: Ctx, key: string, asOf: string | undefined): Promise<Breakage> {
  const instant = pastInstant(ctx, '/as_of', asOf);
  return reportOf(ctx, key, async (reader) => {
    const { content } = await versionAt(reader, key, instant);
    const { issued, expired } = await sumsAt(reader, key, instant);
    return {
      programme: key,
      as_of: instant,
      issued: 0 - issued,
      expired,
      rate: issued === 0 ? null : decimal(new Big(expired).div(0 - issued).round(rateDigits)),
      expected: content.breakage,
    };
  });
}
