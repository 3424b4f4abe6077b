/**
 * What customers held at the end of each day, measured over days: their average, the last, the least and the greatest,
 * each rounded once, at its end, to the minor unit. A day on which nothing stands counts as zero; where no day has a
 * value there is no measure. An average is that of `average-sql.ts`: its days, owners and rates are the same.
 */
import { Big } from 'big.js';
import { type SQL, sql } from 'drizzle-orm';
import { Temporal } from 'temporal-polyfill';
import { rateMaxAgeDays } from '../money/rate-of-day.js';
import { converted, minorUnits } from '../platform/currencies.js';
import { instantOf, microsOf } from '../platform/instants.js';
import type { CountedDays } from '../rules/calendar.js';
import type { Daily } from '../rules/facts.js';
import type { Moment } from '../rules/moment.js';
import type { CustomerPicture, HoldingPart } from '../rules/picture.js';
import type { BalanceMeasure } from '../rules/schema.js';
import type { Frame, Source } from '../rules/statement.js';
import { type Attribution, standsOn, weightOn } from './attribution.js';
import { dayValues, quotient, withBalancesSince } from './average-sql.js';
import { assetCategories, liabilityCategories } from './categories.js';
import { type AverageDays, countedMonth } from './months.js';

export type CountingPolicy = { attribution: Attribution; average_days: AverageDays };

/** Of what: the signed sum over some categories, which is known where any of `known` is valued. */
type Summed = { name: string; categories: readonly string[]; known: readonly string[]; sign: 1 | -1 };

const all: readonly string[] = [...assetCategories, ...liabilityCategories];

const summed: readonly Summed[] = [
  { name: 'aum', categories: assetCategories, known: all, sign: 1 },
  { name: 'liabilities', categories: liabilityCategories, known: all, sign: -1 },
  { name: 'net', categories: all, known: all, sign: 1 },
  ...all.map((name): Summed => ({ name, categories: [name], known: [name], sign: 1 })),
];

export function dailyOfBalance(name: string, policy: CountingPolicy): Daily {
  const balance = summed.find((one) => one.name === name);
  if (balance === undefined) throw new Error(`no balance ${name}`);
  return {
    name,
    sql: (frame, measure, days) => measuredSql(balance, policy, frame, measure, days),
    value: (picture, moment, measure, days) => {
      const values = valuesOfDays(balance, policy.attribution, picture, moment, days);
      return values === undefined ? null : measured(values, measure, divisorOf(policy, moment, days), moment);
    },
    goesOn: {
      sql: (frame, days) => goesOnSql(balance, policy.attribution, frame, days),
      value: (picture, days) =>
        picture.holdings.some(
          (one) => balance.known.includes(one.category) && goesOn(one, policy.attribution, days),
        ),
    },
  };
}

function divisorOf({ average_days: policy }: CountingPolicy, { today }: Moment, days: CountedDays): number {
  if (days.months.length === 0) return lengthOf(days);
  return days.months.reduce((sum, month) => sum + (countedMonth(month, today, policy)?.divisor ?? 0), 0);
}

const lengthOf = ({ first, until }: CountedDays): number =>
  Temporal.PlainDate.from(first).until(until, { largestUnit: 'days' }).days;

const infinity = sql.raw(`'infinity'::date`);
const listed = (categories: readonly string[]) => sql`${sql.param(categories)}::text[]`;

/** Days as instants, as sources are told from when on they are read. */
const microsOfDay = (day: string): number => microsOf(`${day}T00:00:00Z`);
const dayOfMicros = (since: number | null): string => instantOf(since ?? 0).slice(0, 10);

/** Rows of `dayValues`, from the first day of any window up to today: one reading for all windows. */
const valuesSource = (attribution: Attribution, { currency, today }: Moment): Source => ({
  name: 'balances by day',
  customerId: sql.raw('v.customer_id'),
  rows: (since, customer) => {
    const owners = customer === undefined ? sql`true` : sql`p.customer_id = ${customer}`;
    const days = { first: dayOfMicros(since), until: today };
    return sql`from (${dayValues({ days, attribution, currency }, owners)}) as v where true`;
  },
});

/** A row for each day on which a balance becomes another: what it is from then on, up to the next. */
const seriesSource = ({ name, categories, known, sign }: Summed, values: Source): Source => ({
  name: `${values.name}: ${name}`,
  customerId: sql.raw('d.customer_id'),
  rows: (since, customer) => sql`
    from (
      select c.customer_id, c.day as since, sum(sum(c.change)) over (partition by c.customer_id order by c.day) as total,
        coalesce(lead(c.day) over (partition by c.customer_id order by c.day), ${infinity}) as until
      from (
        select w.customer_id, e.day, e.change
        from (select v.customer_id, v.since, v.until, ${sql.raw(String(sign))} *
            case when v.category = any(${listed(categories)}) then v.worth else 0 end as worth
          ${values.rows(since, customer)} and v.worth is not null and v.category = any(${listed(known)})) as w
        cross join lateral (values (${dayOfMicros(since)}::date, 0), (w.since, w.worth), (w.until, -w.worth)) as e(day, change)
      ) as c group by c.customer_id, c.day
    ) as d where true`,
});

/** Whether the rows of an alias lie, in part, in the window. */
const overlaps = (alias: 'v' | 'd', { first, until }: CountedDays): SQL =>
  sql`${sql.raw(alias)}.since < ${until}::date and ${sql.raw(alias)}.until > ${first}::date`;

function measuredSql(
  balance: Summed,
  policy: CountingPolicy,
  frame: Frame,
  measure: BalanceMeasure,
  days: CountedDays,
): SQL {
  const divisor = divisorOf(policy, frame.moment, days);
  if (divisor === 0) return sql`null::numeric`;
  const { name, known, sign } = balance;
  const values = valuesSource(policy.attribution, frame.moment);
  const source = measure === 'min' || measure === 'max' ? seriesSource(balance, values) : values;
  const [key, since] = [`${days.first} ${days.until}`, microsOfDay(days.first)];
  const isKnown = sql`v.category = any(${listed(known)}) and ${overlaps('v', days)}`;
  const valued = frame.count(
    values,
    `valued ${known.join(' ')} ${key}`,
    () => sql`count(v.worth) filter (where ${isKnown})`,
    since,
  );
  const column = frame.column(
    source,
    `${measure} ${name} ${key}`,
    () => aggregateSql(balance, measure, days),
    since,
  );
  const digits = minorUnits(frame.moment.currency);
  const amount = source === values ? sql`(${sql.raw(String(sign))} * coalesce(${column}, 0))` : column;
  const rounded =
    measure === 'average' ? quotient(amount, divisor, digits) : sql`round(${amount}, ${digits}::integer)`;
  return sql`(case when ${valued} > 0 then ${rounded} end)`;
}

function aggregateSql({ categories }: Summed, measure: BalanceMeasure, days: CountedDays): SQL {
  const [first, until] = [sql`${days.first}::date`, sql`${days.until}::date`];
  const isCounted = sql`v.category = any(${listed(categories)})`;
  switch (measure) {
    case 'average':
      return sql`sum(v.worth * (least(v.until, ${until}) - greatest(v.since, ${first})))
        filter (where ${isCounted} and ${overlaps('v', days)})`;
    case 'end':
      return sql`sum(v.worth) filter (where ${isCounted} and v.since < ${until} and v.until >= ${until})`;
    default:
      return sql`${sql.raw(measure)}(d.total) filter (where ${overlaps('d', days)})`;
  }
}

function goesOnSql({ known }: Summed, attribution: Attribution, frame: Frame, days: CountedDays): SQL {
  const roles =
    attribution === 'primary_owner'
      ? sql`p.role = 'primary_owner'`
      : sql`(p.role = 'primary_owner' or p.role = 'joint_owner' and p.customer_id <> p.owner_id)`;
  const end = sql`least(coalesce(s.ends_on, ${infinity}), coalesce(b.to_date, ${infinity}),
    case when h.status = 'closed' then h.closed_on else ${infinity} end)`;
  const source: Source = {
    name: 'balances that go on',
    customerId: sql.raw('s.customer_id'),
    rows: (since, customer) => {
      const owner = customer === undefined ? sql`` : sql` and p.customer_id = ${customer}`;
      const owned = sql`(select p.* from holding_parties p where ${roles}${owner})`;
      return sql`from ${withBalancesSince(owned, dayOfMicros(since))}
        join holdings h on h.customer_id = s.owner_id and h.id = s.holding_id
        where b.amount is not null and ${end} > greatest(s.starts_on, b.from_date)`;
    },
  };
  const last = frame.column(
    source,
    known.join(' '),
    () => sql`max(${end}) filter (where h.category = any(${listed(known)}))`,
    microsOfDay(days.first),
  );
  return sql`${last} > ${days.first}::date`;
}

const earlierOf = (days: readonly (string | null)[]): string | null =>
  days.filter((day) => day !== null).sort()[0] ?? null;

const closingOf = ({ status, closed_on }: HoldingPart) => (status === 'closed' ? closed_on : null);

function goesOn(holding: HoldingPart, attribution: Attribution, { first }: CountedDays): boolean {
  const { owner, balances } = holding;
  if (attribution === 'primary_owner' && owner.role !== 'primary_owner') return false;
  return balances.some((one) => {
    const end = earlierOf([owner.ends_on, one.to_date, closingOf(holding)]);
    const begin = [first, owner.starts_on ?? first, one.from_date].sort().at(-1) as string;
    return one.amount !== null && (end === null || end > begin);
  });
}

/** What the balance was at the end of each day; undefined where none of them has a value. */
function valuesOfDays(
  { categories, known, sign }: Summed,
  attribution: Attribution,
  picture: CustomerPicture,
  moment: Moment,
  { first, until }: CountedDays,
): Big[] | undefined {
  const values: Big[] = [];
  let isValued = false;
  for (let day = first; day < until; day = dayAfter(day)) {
    const worths = picture.holdings.flatMap((one) => {
      const worth = known.includes(one.category) ? worthOn(one, day, attribution, picture, moment) : null;
      return worth === null ? [] : [{ category: one.category, worth }];
    });
    isValued ||= worths.length > 0;
    values.push(
      total(worths.filter((one) => categories.includes(one.category)).map((one) => one.worth)).times(sign),
    );
  }
  return isValued ? values : undefined;
}

const dayAfter = (day: string) => Temporal.PlainDate.from(day).add({ days: 1 }).toString();
const total = (amounts: readonly Big[]) => amounts.reduce((sum, each) => sum.plus(each), new Big(0));

/** What a holding was worth to its owner at the end of a day; null where it is not known, or was not. */
function worthOn(
  holding: HoldingPart,
  day: string,
  attribution: Attribution,
  { ratesOfDays }: CustomerPicture,
  { currency }: Moment,
): Big | null {
  const { owner, balances } = holding;
  if (attribution === 'primary_owner' && owner.role !== 'primary_owner') return null;
  const closed = closingOf(holding);
  if (!standsOn(owner, day) || (closed !== null && closed <= day)) return null;
  const stated = balances.find((one) => one.from_date <= day && (one.to_date === null || one.to_date > day));
  if (stated === undefined || stated.amount === null) return null;
  const weight = weightOn(attribution, owner, day).times('0.01');
  if (stated.currency === currency) return new Big(stated.amount).times(weight);
  const oldest = Temporal.PlainDate.from(day).subtract({ days: rateMaxAgeDays }).toString();
  const rate = ratesOfDays
    .filter(
      (one) => one.currency === stated.currency && one.business_date <= day && one.business_date > oldest,
    )
    .sort((left, right) => (left.business_date < right.business_date ? 1 : -1))[0];
  return rate === undefined ? null : new Big(converted(stated.amount, rate.rate, currency)).times(weight);
}

function measured(
  values: readonly Big[],
  measure: BalanceMeasure,
  divisor: number,
  { currency }: Moment,
): string {
  const digits = minorUnits(currency);
  const ascending = [...values].sort((left, right) => left.cmp(right));
  const of = { end: values.at(-1), min: ascending[0], max: ascending.at(-1) };
  if (measure === 'average') return averageOf(total(values), divisor, digits);
  return textOf((of[measure] as Big).round(digits, Big.roundHalfUp));
}

/** Exact, halves away from zero, of a quotient that may have no end. */
function averageOf(sum: Big, divisor: number, digits: number): string {
  const twice = sum.abs().times(new Big(10).pow(digits)).times(2).plus(divisor);
  const units = twice.minus(twice.mod(2 * divisor)).div(2 * divisor);
  const average = units.div(new Big(10).pow(digits));
  return textOf(sum.lt(0) ? average.times(-1) : average);
}

/** Zero has no sign. */
const textOf = (amount: Big) => (amount.eq(0) ? '0' : amount.toFixed());
