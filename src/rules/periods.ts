/**
 * `holds_for` says that a condition held in each of the last closed periods: it is that condition once a period, each
 * with its windows, and those of a value of the customer's own, moved back as far. A window of the condition tells the period relative to the one that is looked
 * at: offset 0, or none, is that period itself, -1 the one before it.
 */
import { nameOfPeriod, periodOf } from './calendar.js';
import {
  type HoldsForCondition,
  isLeaf,
  isMeasured,
  type Measured,
  ownValueOf,
  partsOf,
  type Rule,
} from './schema.js';
import type { CalendarUnit } from './window-schema.js';

export type PeriodCondition = { back: number; rule: Rule };

/** The condition of each period, the last that has ended first. Only of a rule that was checked. */
export const periodConditions = ({
  holds_for: { periods, condition },
}: HoldsForCondition): PeriodCondition[] =>
  Array.from({ length: periods }, (_, index) => ({ back: index + 1, rule: movedBack(condition, index + 1) }));

/** 2025-03, or 2025-Q1: the period that lies so many before the one of today. */
export const nameOfBack = (unit: CalendarUnit, back: number, today: string): string =>
  nameOfPeriod(unit, periodOf(unit, -back, today));

function movedBack(rule: Rule, back: number): Rule {
  if ('holds_for' in rule) throw new Error('periods of periods');
  if (!isLeaf(rule)) {
    const { word, parts } = partsOf(rule);
    const moved = parts.map((part) => movedBack(part.rule, back));
    return (word === 'not' ? { not: moved[0] } : { [word]: moved }) as Rule;
  }
  if (!isMeasured(rule)) throw new Error('a condition without a period cannot be moved');
  const own = ownValueOf(rule);
  const moved = movedWindow(rule, back);
  return own === undefined ? moved : { ...moved, value: { ...own, of: movedWindow(own.of, back) } };
}

function movedWindow<T extends Measured>(measured: T, back: number): T {
  if (!('window' in measured) || measured.window === undefined || !('calendar' in measured.window)) {
    throw new Error('a condition without a period cannot be moved');
  }
  const { offset = 0 } = measured.window;
  return { ...measured, window: { ...measured.window, offset: offset - back } };
}
