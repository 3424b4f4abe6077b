/**
 * Balances by day, measured over the days of a window that are over: a day's balance is that at its end. What may be
 * measured is declared beside the facts, by the feature that holds the balances.
 */
import { sql } from 'drizzle-orm';
import { countedDays } from './calendar.js';
import type { Quantity, SeenQuantity } from './conditions.js';
import { type Daily, dailyOf, type FactTable } from './facts.js';
import { type Moment, startOfDay } from './moment.js';
import type { CustomerPicture } from './picture.js';
import type { BalanceMeasure, MeasuredBalance, Operator } from './schema.js';
import type { Frame } from './statement.js';
import { jsonSql, operatorsOf } from './values.js';

/** An average is seldom a decimal that could be listed. */
export const balanceOperators = (measure: BalanceMeasure): readonly Operator[] =>
  operatorsOf.money.filter((op) => measure !== 'average' || (op !== 'in' && op !== 'not_in'));

/** Of a condition that was checked. */
function dailyFor({ balance }: MeasuredBalance, facts: FactTable): Daily {
  const found = dailyOf(facts).get(balance);
  if (found === undefined) throw new Error(`no balance ${balance}`);
  return found.daily;
}

export function balanceQuantity(measured: MeasuredBalance, facts: FactTable, frame: Frame): Quantity {
  const daily = dailyFor(measured, facts);
  const { balance, measure, window } = measured;
  const days = countedDays(window, frame.moment.today);
  const amount = frame.value(`balance:${JSON.stringify([balance, measure, window])}`, () =>
    daily.sql(frame, measure, days),
  );
  const renewed = () => sql`case when ${daily.goesOn.sql(frame, days)} then ${days.renewed}::date end`;
  return {
    type: 'money',
    amount,
    value: jsonSql('money', amount),
    instants: [],
    days: frame.looksAhead ? [renewed()] : [],
  };
}

export function balanceSeen(
  measured: MeasuredBalance,
  facts: FactTable,
  picture: CustomerPicture,
  moment: Moment,
): SeenQuantity {
  const daily = dailyFor(measured, facts);
  const days = countedDays(measured.window, moment.today);
  return {
    type: 'money',
    value: daily.value(picture, moment, measured.measure, days),
    nextChange: daily.goesOn.value(picture, days) ? startOfDay(days.renewed, moment.timeZone) : null,
  };
}
