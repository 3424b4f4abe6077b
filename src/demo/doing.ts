/** Something that a customer or the bank did, as it is made; and the month in which it is made. */
import type { DemoHolding } from './holdings.js';
import type { Random } from './random.js';
import type { Month } from './seasons.js';
import type { DemoCustomer } from './world.js';

export type Doing = {
  type: string;
  day: string;
  /** of the day; where it is missing, the day alone is told */
  second?: number;
  amount?: number;
  direction?: 'in' | 'out';
  initiatedBy?: 'bank' | 'third_party';
  ownTransfer?: true;
  channel?: string;
  holding?: DemoHolding | undefined;
  attributes?: Record<string, unknown>;
};

export type MonthOf = {
  customer: DemoCustomer;
  holdings: readonly DemoHolding[];
  month: Month;
  /** as 2026-01 */
  name: string;
  random: Random;
};
