/**
 * Cuts: the values at which the order of a whole population is cut, so that the rank of one customer is its own value
 * held against them. A top share of p percent begins at the value in place max(1, floor(n p / 100)) from the top; a
 * share begins beyond p percent at the value in place floor(n p / 100) + 1. Equal values have equal ranks, so what
 * equals a bound is on the same side as the bound itself, however many they are.
 *
 * The population are the customers of whom the fact is not missing, without stubs and merged ones. Cuts are refreshed
 * as a whole and kept with their instant; nothing is ranked before the first refresh.
 */
import { Temporal } from 'temporal-polyfill';
import type { ValueType } from './values.js';

/** Counted from one end of the order; percent have at most two decimals. */
export type Place = { from: 'top' | 'bottom' } & (
  | { percent: number }
  | { count: number }
  | { beyond: number }
);

export type CutDefinition = {
  /** the same cut has the same key */
  key: string;
  fact: string;
  places: readonly Place[];
};

export type Cut = {
  /** when it was refreshed */
  as_of: string;
  population: number;
  /** in the order of the places, as text; null where the population ends before the place */
  bounds: readonly (string | null)[];
};

export type Cuts = ReadonlyMap<string, Cut>;

/** What has an order that ranks can be taken of. */
export const rankedTypes: readonly ValueType[] = ['money', 'number', 'integer', 'date', 'instant'];

export const defaultRefresh = 'PT1H';
export const refreshBounds = ['PT15M', 'P31D'] as const;

/** Whether a duration is within the bounds of how often cuts are refreshed. */
export function isRefreshable(every: string): boolean {
  const relativeTo = Temporal.PlainDate.from('2000-01-01');
  const compare = (left: string, right: string) => Temporal.Duration.compare(left, right, { relativeTo });
  return compare(every, refreshBounds[0]) >= 0 && compare(every, refreshBounds[1]) <= 0;
}

export const hundredthsOf = (percent: number): number => Math.round(percent * 100);

/** How far from its end a place is, from 1; null where a population of that size ends before it. */
export function placeIn(place: Place, population: number): number | null {
  const share = (percent: number) => Math.floor((population * hundredthsOf(percent)) / 10_000);
  if ('count' in place) return Math.min(place.count, population) || null;
  if ('percent' in place) return population === 0 ? null : Math.max(1, share(place.percent));
  const position = share(place.beyond) + 1;
  return position > population ? null : position;
}

/** The bounds of a population whose values are in ascending order. */
export function boundsOf<T>(places: readonly Place[], ascending: readonly T[]): (T | null)[] {
  const { length } = ascending;
  return places.map((place) => {
    const position = placeIn(place, length);
    if (position === null) return null;
    return ascending[place.from === 'top' ? length - position : position - 1] ?? null;
  });
}
