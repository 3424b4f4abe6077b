/**
 * The customers of the bank: persons, one organization in eight, and now and then a second record of somebody from
 * another system, as banks have them. Who comes later refers to who came before, never the other way round, so a
 * larger bank begins with the smaller one.
 */
import { makeOrganization } from './organizations.js';
import { makePerson, makeSecondRecord } from './persons.js';
import { randomOf } from './random.js';
import type { DemoCustomer, World } from './world.js';

export function makeCustomers(options: { seed: number; customers: number; until: string }): World {
  const anchor = `${options.until.slice(0, 7)}-01`;
  const world: World = { seed: options.seed, anchor, customers: [], taken: new Set() };
  for (let index = 0; index < options.customers; index += 1) {
    world.customers.push(makeCustomer(world, index));
  }
  return world;
}

function makeCustomer(world: World, index: number): DemoCustomer {
  const random = randomOf(world.seed, 'customer', index);
  if (index % 8 === 2) return makeOrganization(world, index, random);
  const second = index % 60 === 37 ? makeSecondRecord(world, index, random) : undefined;
  return second ?? makePerson(world, index, random);
}
