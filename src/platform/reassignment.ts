/**
 * What a feature does with its rows when one customer turns out to be another: each feature brings its own
 * `Reassignment`, and the merge carries them out in one transaction. The id of a customer is where its rows live, so
 * they are moved by deleting and inserting; each keeps the customer that it came to first as its `origin_customer_id`,
 * and by that a revert finds what is to go back.
 */
import { getTableColumns, getTableName, type SQL, sql } from 'drizzle-orm';
import type { PgTable } from 'drizzle-orm/pg-core';
import { array, json, type Tx } from '../db/client.js';
import type { Ctx } from './context.js';

export type Sides = {
  survivorId: string;
  mergedId: string;
  /** the merged customer, and all that were merged into it before */
  origins: readonly string[];
};

/** A row as JSON, with the names of its columns. */
export type StoredRow = Record<string, unknown>;

/** What a merge has to give up or change, so that a revert can put it back. */
export type Kept = {
  /** rows that could not stand beside the survivor's */
  dropped: { table: string; row: StoredRow }[];
  /** rows that changed: `key` finds one after the revert, and it is set back where it is as the merge left it */
  altered: { table: string; key: StoredRow; before: StoredRow; after: StoredRow }[];
  /** what else a feature has to remember for its revert, as JSON */
  notes: Record<string, unknown>;
};

export type Reassignment = {
  /** tables with a `customer_id` that it answers for */
  tables: readonly string[];
  /** Moves all that is the merged customer's. Returns how many rows of each kind moved. */
  merge(tx: Tx, ctx: Ctx, sides: Sides, kept: Kept): Promise<Record<string, number>>;
  /** Moves back what came from the merged customer, and what was stated of it since. */
  revert(tx: Tx, ctx: Ctx, sides: Sides, kept: Kept): Promise<Record<string, number>>;
};

const columnsOf = (table: PgTable) => Object.values(getTableColumns(table)).map(({ name }) => name);
const nameOf = (table: PgTable) => sql.raw(getTableName(table));

export type Values = Record<string, SQL>;

/** How rows go one way or the other: whose they are, which of them go, and what changes of each, of `gone`. */
export type Way = { from: string; which: SQL; values: Values };

export const wayThere = ({ survivorId, mergedId }: Sides): Way => ({
  from: mergedId,
  which: sql`true`,
  values: {
    customer_id: sql`${survivorId}::uuid`,
    origin_customer_id: sql`coalesce(gone.origin_customer_id, ${mergedId}::uuid)`,
  },
});

export const wayBack = (sides: Sides): Way => ({
  from: sides.survivorId,
  which: cameFrom(sides),
  values: {
    customer_id: sql`${sides.mergedId}::uuid`,
    origin_customer_id: sql`nullif(gone.origin_customer_id, ${sides.mergedId}::uuid)`,
  },
});

/** The condition on rows of the survivor's that they came from the merged customer, of a table by an alias or alone. */
export const cameFrom = ({ origins }: Pick<Sides, 'origins'>, alias?: string): SQL =>
  sql`${sql.raw(alias === undefined ? '' : `${alias}.`)}origin_customer_id = any(${array(origins, 'uuid')})`;

/** Writes what `gone`, of the statement that this is part of, has deleted of a table. */
export function insertGone(table: PgTable, values: Values): SQL {
  const columns = columnsOf(table);
  const list = columns.map((name) => values[name] ?? sql.raw(`gone.${name}`));
  return sql`insert into ${nameOf(table)} (${sql.raw(columns.join(', '))}) select ${sql.join(list, sql`, `)} from gone`;
}

const move = (tx: Tx, table: PgTable, { from, which, values }: Way): Promise<number> =>
  tx.run(sql`
    with gone as (delete from ${nameOf(table)} where customer_id = ${from} and ${which} returning *)
    ${insertGone(table, values)}`);

/**
 * Moves the merged customer's rows of a table to the survivor. `values` are those of columns that change on the way,
 * `which` says which rows where not all of them move.
 */
export function moveRows(
  tx: Tx,
  table: PgTable,
  sides: Sides,
  values: Values = {},
  which?: SQL,
): Promise<number> {
  const way = wayThere(sides);
  return move(tx, table, { ...way, which: which ?? way.which, values: { ...way.values, ...values } });
}

/** Moves rows that came from the merged customer back to it. */
export const moveRowsBack = (tx: Tx, table: PgTable, sides: Sides): Promise<number> =>
  move(tx, table, wayBack(sides));

/** Deletes rows of a table, and keeps them. `condition` speaks of it as `t`. */
export async function dropRows(tx: Tx, table: PgTable, kept: Kept, condition: SQL): Promise<void> {
  const rows = await tx.rows<{ row: StoredRow }>(
    sql`delete from ${nameOf(table)} t where ${condition} returning to_jsonb(t) as row`,
  );
  kept.dropped.push(...rows.map(({ row }) => ({ table: getTableName(table), row })));
}

/** Puts back what a merge gave up or changed, where nobody has touched it since. */
export async function putBack(tx: Tx, { dropped, altered }: Omit<Kept, 'notes'>): Promise<void> {
  for (const { table, row } of dropped) {
    const name = sql.raw(table);
    await tx.run(sql`
      insert into ${name} select * from jsonb_populate_record(null::${name}, ${json(row)}) on conflict do nothing`);
  }
  for (const { table, key, before, after } of altered) {
    const name = sql.raw(table);
    const columns = Object.keys(before);
    const found = Object.keys(key).map((column) => sql.raw(`t.${column} = former.${column}`));
    const untouched = columns.map((column) => sql.raw(`t.${column} is not distinct from left_as.${column}`));
    await tx.run(sql`
      update ${name} t set ${sql.raw(columns.map((column) => `${column} = former.${column}`).join(', '))}
      from jsonb_populate_record(null::${name}, ${json({ ...key, ...before })}) former,
        jsonb_populate_record(null::${name}, ${json({ ...key, ...after })}) left_as
      where ${sql.join([...found, ...untouched], sql` and `)}`);
  }
}
