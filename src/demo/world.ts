/** What the parts of the bank are made of, and the world in which they are made. */
import type { City } from './places.js';
import type { Random } from './random.js';

/** How somebody deals with the bank. */
export type Habit = 'digital' | 'mixed' | 'branch' | 'silent';

export type Identifier = { scheme: string; value: string };
export type ContactPoint = {
  kind: 'phone' | 'email' | 'address';
  value?: string;
  address?: Record<string, unknown>;
  label: string;
  primary?: boolean;
};
/** `role` is what the other one is to this one. */
export type Relation = { to: DemoCustomer; role: string; startsOn?: string };

export type DemoCustomer = {
  index: number;
  /** its number in core banking; of a second record, its number in that other system */
  number: Identifier;
  kind: 'person' | 'organization';
  source: string;
  name: {
    full_name?: string;
    family_name?: string;
    given_name?: string;
    legal_name?: string;
    short_name?: string;
  };
  /** of birth or of founding */
  bornOn: string;
  gender?: 'female' | 'male';
  language: string;
  city: City;
  district: string;
  branch: string;
  manager: string | undefined;
  joinedOn: string;
  identifiers: Identifier[];
  contactPoints: ContactPoint[];
  attributes: Record<string, unknown>;
  relations: Relation[];
  habit: Habit;
  /** what they have with the bank, and what comes in a month, in whole units of the currency */
  wealth: number;
  income: number;
  /** the day from which they fade away, for those who do */
  fadesFrom: string | undefined;
  /** a second record has no holdings and does nothing */
  isSecondRecord: boolean;
};

export type World = {
  seed: number;
  /** the first day of the month in which the two years end: what is long ago is counted from it */
  anchor: string;
  customers: DemoCustomer[];
  /** identifiers that are given already */
  taken: Set<string>;
};

/** Core banking numbers carry the seed: two seeds are two sets of customers. */
export const coreNumber = (world: World, index: number): Identifier => ({
  scheme: 'core_banking',
  value: `D${world.seed}N${String(index + 1).padStart(6, '0')}`,
});

/** Somebody of those who are there already, if a few tries find one who fits. */
export function someone(
  world: World,
  random: Random,
  fits: (customer: DemoCustomer) => boolean,
): DemoCustomer | undefined {
  for (let tries = 0; tries < 40 && world.customers.length > 0; tries += 1) {
    const one = random.pick(world.customers);
    if (fits(one)) return one;
  }
  return undefined;
}

/** An identifier that nobody has yet. */
export function untaken(world: World, make: (attempt: number) => string): string {
  for (let attempt = 0; ; attempt += 1) {
    const value = make(attempt);
    if (world.taken.has(value)) continue;
    world.taken.add(value);
    return value;
  }
}

export const ageOf = (world: World, customer: { bornOn: string }): number =>
  Number(world.anchor.slice(0, 4)) - Number(customer.bornOn.slice(0, 4));
