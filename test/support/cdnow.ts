/** The published sample of CDNOW: what its customers bought in 78 weeks from 1997-01-01. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Statistics } from '../../src/models/statistics.js';

const sample = path.resolve(import.meta.dirname, '../../../shared/data/cdnow/CDNOW_sample.txt');
export const hasCdnow = existsSync(sample);

const dayOf = (date: string) =>
  Date.UTC(Number(date.slice(0, 4)), Number(date.slice(4, 6)) - 1, Number(date.slice(6, 8))) / 86_400_000;
/** the end of week 39 */
const lastDay = dayOf('19970930');
/** as the statistics were published */
const weeks = (days: number) => Math.round((days / 7) * 100) / 100;

export type CdnowCustomer = Statistics & {
  /** of a repeat purchase within the first 39 weeks; 0 where there is none */
  value: number;
  /** purchases in weeks 40 to 78 */
  later: number;
};

/** Purchases within one day are one. */
export function readCdnow(): CdnowCustomer[] {
  const days = new Map<string, Map<number, number>>();
  for (const line of readFileSync(sample, 'utf8').trim().split('\n')) {
    const [, customer = '', date = '', , dollars = ''] = line.trim().split(/\s+/);
    const own = days.get(customer) ?? new Map<number, number>();
    own.set(dayOf(date), (own.get(dayOf(date)) ?? 0) + Number(dollars));
    days.set(customer, own);
  }
  return [...days.values()].map((own) => {
    const ascending = [...own.keys()].sort((one, other) => one - other);
    const first = ascending[0] as number;
    const repeats = ascending.slice(1).filter((day) => day <= lastDay);
    const spent = repeats.reduce((sum, day) => sum + (own.get(day) as number), 0);
    return {
      frequency: repeats.length,
      recency: weeks((repeats.at(-1) ?? first) - first),
      age: weeks(lastDay - first),
      value: repeats.length === 0 ? 0 : spent / repeats.length,
      later: ascending.filter((day) => day > lastDay).length,
    };
  });
}
