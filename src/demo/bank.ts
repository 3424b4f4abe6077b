/** The whole bank, as it is sent. */
import { makeCustomers } from './customers.js';
import { type DemoHolding, makeHoldings } from './holdings.js';
import type { DemoCustomer, World } from './world.js';

export type BankOptions = { seed: number; customers: number; until: string; currency: string };
export type DemoBank = { customers: DemoCustomer[]; holdings: Map<DemoCustomer, DemoHolding[]> };

export function makeBank({ seed, customers, until }: BankOptions, balanceDay: string): DemoBank {
  const world: World = makeCustomers({ seed, customers, until });
  const holdings = new Map(
    world.customers.map((customer) => [customer, makeHoldings(world, customer, balanceDay)]),
  );
  return { customers: world.customers, holdings };
}
