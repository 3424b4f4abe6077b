/**
 * Records exchange rates. A rate of a day that has another takes its place; the former one stays, since activities
 * were valued with it. The request only records: that their holders are to be reviewed, and what is to be valued, is
 * written down with the rates, and done afterwards.
 */
import { Big } from 'big.js';
import { sql } from 'drizzle-orm';
import { array, type Tx } from '../db/client.js';
import type { AuditEntry } from '../platform/audit.js';
import { type Ctx, today } from '../platform/context.js';
import type { FieldProblem } from '../platform/errors.js';
import { newId } from '../platform/ids.js';
import { dateIn } from '../platform/instants.js';
import type { OutboxEvent } from '../platform/outbox.js';
import { rateMaxAgeDays } from './rate-of-day.js';
import { currencyDayText } from './rates.js';
import type { RateStatement } from './schemas.js';

export type RateOutcome = 'recorded' | 'unchanged';
export type RateBatch = { outcomes: RateOutcome[]; audit: AuditEntry[]; events: OutboxEvent[] };

type Standing = { id: string; rate: string };
type NewRate = RateStatement & { id: string; superseded: boolean };

/** What a statement is refused for. */
export function rateProblems(
  { bank, now }: Pick<Ctx, 'bank' | 'now'>,
  rate: RateStatement,
  at = '',
): FieldProblem[] {
  const problem = (field: string, code: string, message: string): FieldProblem => ({
    in: 'body',
    pointer: `${at}/${field}`,
    code,
    message,
  });
  return [
    ...(rate.currency === bank.currency
      ? [problem('currency', 'own_currency', "is the bank's own, which has no rate")]
      : []),
    ...(/[1-9]/.test(rate.rate) ? [] : [problem('rate', 'not_positive', 'must be more than zero')]),
    ...(rate.business_date > dateIn(bank.timeZone, now)
      ? [problem('business_date', 'in_the_future', 'lies after today at the bank')]
      : []),
  ];
}

export async function recordRates(tx: Tx, ctx: Ctx, stated: readonly RateStatement[]): Promise<RateBatch> {
  // rates are few: whoever records some waits for whoever does it already
  await tx.rows(sql`select pg_advisory_xact_lock(hashtextextended('exchange_rates', 0))`);
  const standing = await readStanding(tx, stated);
  const made: NewRate[] = [];
  const gone: string[] = [];
  const outcomes = stated.map((one): RateOutcome => {
    const key = currencyDayText({ currency: one.currency, businessDate: one.business_date });
    const before = standing.get(key);
    if (before !== undefined && new Big(before.rate).eq(one.rate)) return 'unchanged';
    const mine = made.find(({ id }) => id === before?.id);
    if (mine !== undefined) mine.superseded = true;
    else if (before !== undefined) gone.push(before.id);
    const id = newId();
    made.push({ ...one, id, superseded: false });
    standing.set(key, { id, rate: one.rate });
    return 'recorded';
  });
  if (made.length === 0) return { outcomes, audit: [], events: [] };
  await writeRates(tx, ctx, made, gone);
  const currencies = [...new Set(made.map((one) => one.currency))].sort();
  await renewLatest(tx, ctx, currencies);
  await askForValues(tx, made);
  await noteLateRates(tx, ctx, made);
  const details = { count: made.length, currencies };
  return {
    outcomes,
    audit: [{ action: 'exchange_rates.recorded', subjectType: 'exchange_rates', details }],
    events: [
      {
        type: 'exchange_rates.recorded',
        subject: newId(),
        subjectVersion: 0,
        occurredAt: ctx.now,
        data: details,
      },
    ],
  };
}

const pairsOf = (rates: readonly RateStatement[]) => sql`unnest(
  ${array(
    rates.map((one) => one.currency),
    'text',
  )}, ${array(
    rates.map((one) => one.business_date),
    'date',
  )}) as s(currency, business_date)`;

async function readStanding(tx: Tx, stated: readonly RateStatement[]): Promise<Map<string, Standing>> {
  const rows = await tx.rows<Standing & { currency: string; business_date: string }>(sql`
    select distinct x.id, x.rate, x.currency, x.business_date from ${pairsOf(stated)}
    join exchange_rates x using (currency, business_date) where x.superseded_at is null`);
  return new Map(
    rows.map(({ currency, business_date, ...rate }) => [
      currencyDayText({ currency, businessDate: business_date }),
      rate,
    ]),
  );
}

async function writeRates(tx: Tx, ctx: Ctx, made: readonly NewRate[], gone: readonly string[]) {
  await tx.run(
    sql`update exchange_rates set superseded_at = ${ctx.now} where id = any(${array(gone, 'uuid')})`,
  );
  const column = <T>(pick: (rate: NewRate) => T) => made.map(pick);
  await tx.run(sql`
    insert into exchange_rates (id, currency, business_date, rate, source, recorded_at, superseded_at)
    select id, currency, business_date, rate, source, ${ctx.now}, case when superseded then ${ctx.now}::timestamptz end
    from unnest(${array(
      column((one) => one.id),
      'uuid',
    )}, ${array(
      column((one) => one.currency),
      'text',
    )}, ${array(
      column((one) => one.business_date),
      'date',
    )}, ${array(
      column((one) => one.rate),
      'numeric',
    )}, ${array(
      column((one) => one.source),
      'text',
    )}, ${array(
      column((one) => one.superseded),
      'boolean',
    )}) as r(id, currency, business_date, rate, source, superseded)`);
}

/** Holders are to be marked from the first one on: a rate of a former day changes what they held on it. */
async function renewLatest(tx: Tx, ctx: Ctx, currencies: readonly string[]): Promise<void> {
  await tx.run(sql`
    insert into latest_rates as known (currency, rate_id, rate, business_date, changed_at)
    select c.currency, r.id, r.rate, r.business_date, ${ctx.now}::timestamptz
    from unnest(${array(currencies, 'text')}) as c(currency)
    cross join lateral (select id, rate, business_date from exchange_rates x
      where x.currency = c.currency and x.superseded_at is null order by x.business_date desc limit 1) r
    order by c.currency
    on conflict (currency) do update set rate_id = excluded.rate_id, rate = excluded.rate,
      business_date = excluded.business_date, changed_at = excluded.changed_at, marked_to = null, marked_at = null`);
}

/**
 * Days for which the rates hold and of which there are activities without a value: those that this code recorded are
 * written down already, those of the release before it are not.
 */
async function askForValues(tx: Tx, made: readonly RateStatement[]): Promise<void> {
  await tx.run(sql`
    insert into unvalued_days (currency, business_date)
    select distinct s.currency, s.business_date + n from ${pairsOf(made)}, generate_series(0, ${rateMaxAgeDays - 1}::integer) as n
    where exists (select from activities a where a.currency = s.currency and a.business_date = s.business_date + n
      and a.state = 'current' and a.reporting_amount is null and a.amount is not null)
    order by 1, 2 on conflict do nothing`);
}

/** Rates of days before the running month: averages of months that have closed count with them. */
async function noteLateRates(tx: Tx, ctx: Ctx, made: readonly RateStatement[]): Promise<void> {
  const thisMonth = `${today(ctx).slice(0, 7)}-01`;
  const late = made.filter((one) => one.business_date < thisMonth);
  if (late.length === 0) return;
  await tx.run(sql`
    insert into late_rates as late (currency, since_date, marked_at)
    select s.currency, min(s.business_date), ${ctx.now}::timestamptz from ${pairsOf(late)}
    group by s.currency order by s.currency
    on conflict (currency) do update set since_date = least(late.since_date, excluded.since_date), marked_to = null`);
}
