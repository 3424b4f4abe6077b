/** No row of a customer is left behind by a merge: each table that has a `customer_id` is answered for by one feature. */
import { is } from 'drizzle-orm';
import { getTableConfig, PgTable } from 'drizzle-orm/pg-core';
import { expect, test } from 'vitest';
import * as tables from '../../src/db/tables/index.js';
import { reassignments } from '../../src/merges/reassignments.js';

test('every table with a customer_id is answered for by one feature', () => {
  const ofCustomers = Object.values<unknown>(tables)
    .filter((table): table is PgTable => is(table, PgTable))
    .map((table) => getTableConfig(table))
    .filter(({ columns }) => columns.some(({ name }) => name === 'customer_id'))
    .map(({ name }) => name);
  expect(ofCustomers.length).toBeGreaterThan(15);
  expect(reassignments.flatMap((each) => each.tables).sort()).toEqual(ofCustomers.sort());
});
