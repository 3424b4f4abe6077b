/**
 * Where a table's rows live once the database is distributed over several machines (Citus): with their customer, by a
 * key of their own, on every machine, or on the coordinator alone. A contract test fails on a table that is not placed
 * or that could not live where it is placed.
 */
import { getTableName, is } from 'drizzle-orm';
import { type ForeignKey, getTableConfig, PgTable } from 'drizzle-orm/pg-core';
import * as tables from './tables/index.js';

export type Placement =
  /** with all else of its customer */
  | { kind: 'customer'; column: 'id' | 'customer_id' }
  /** what leads from a key to a customer, and is asked for before the customer is known */
  | { kind: 'key'; column: string }
  /** definitions: read with every row of a customer, changed seldom */
  | { kind: 'reference' }
  /** of the service itself, on the coordinator */
  | { kind: 'local' };

const keys: Record<string, string> = {
  activity_keys: 'source_id',
  activity_reversals: 'source_id',
  activity_versions: 'source_id',
  holding_keys: 'number_index',
  identifier_keys: 'value_index',
  loyalty_openings: 'reference',
};

const references = new Set([
  'attribute_definitions',
  'balance_policy',
  'exchange_rates',
  'branches',
  'identifier_schemes',
  'latest_rates',
  'level_models',
  'loyalty_earn_rule_versions',
  'loyalty_earn_rules',
  'loyalty_programme_versions',
  'loyalty_programmes',
  'loyalty_tier_models',
  'loyalty_reward_versions',
  'loyalty_rewards',
  'relationship_types',
  'segment_versions',
  'segments',
  'sources',
  'staff',
]);

export type PlacedTable = {
  name: string;
  placement: Placement;
  foreignKeys: readonly ForeignKey[];
};

/** All tables, in the order in which they are to be placed: what is referred to comes first. */
export function placedTables(): PlacedTable[] {
  const order: Placement['kind'][] = ['reference', 'customer', 'key', 'local'];
  return Object.values<unknown>(tables)
    .filter((value): value is PgTable => is(value, PgTable))
    .map(placed)
    .sort(
      (a, b) =>
        order.indexOf(a.placement.kind) - order.indexOf(b.placement.kind) ||
        Number(b.name === 'customers') - Number(a.name === 'customers') ||
        (a.name < b.name ? -1 : 1),
    );
}

function placed(table: PgTable): PlacedTable {
  const { columns, foreignKeys } = getTableConfig(table);
  const name = getTableName(table);
  const own = keys[name];
  const placement: Placement =
    name === 'customers'
      ? { kind: 'customer', column: 'id' }
      : own !== undefined
        ? { kind: 'key', column: own }
        : references.has(name)
          ? { kind: 'reference' }
          : columns.some((column) => column.name === 'customer_id')
            ? { kind: 'customer', column: 'customer_id' }
            : { kind: 'local' };
  return { name, placement, foreignKeys };
}
