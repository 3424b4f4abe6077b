/** A database whose statements are explained as they are asked, each with what it read. */
import { type SQL, sql } from 'drizzle-orm';
import { compileQuery, type Database, type Reader, type Tx } from '../src/db/client.js';

export type Plan = {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Actual Rows': number;
  'Shared Hit Blocks': number;
  'Shared Read Blocks': number;
  Plans?: Plan[];
};
export type Explained = { Plan: Plan; 'Execution Time': number; 'Planning Time': number };

export const nodesOf = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];

type Run = (text: string, params?: unknown[]) => Promise<{ rows: unknown[] }>;

async function explain(run: Run, query: SQL, found: Explained[]): Promise<void> {
  const { sql: text, params } = compileQuery(query);
  const { rows } = await run(`explain (analyze, buffers, format json) ${text}`, params);
  found.push((rows as { 'QUERY PLAN': [Explained] }[])[0]?.['QUERY PLAN'][0] as Explained);
}

/** What a statement writes is taken back before it is run for good. */
function explainingTx(tx: Tx, found: Explained[]): Tx {
  const run: Run = (text, params) => tx.client.query(text, params);
  const explained =
    <T>(work: (query: SQL) => Promise<T>) =>
    async (query: SQL): Promise<T> => {
      await tx.run(sql`savepoint explained`);
      await explain(run, query, found);
      await tx.run(sql`rollback to savepoint explained`);
      return work(query);
    };
  return {
    ...tx,
    rows: explained(tx.rows) as Reader['rows'],
    run: explained(tx.run),
    rowsWithin: (seconds, query) =>
      explained((each) => tx.rowsWithin(seconds, each))(query) as Promise<never>,
  };
}

export function explaining(database: Database, found: Explained[]): Database {
  return {
    ...database,
    rows: async (query) => {
      const result = await database.rows(query);
      await explain((text, params) => database.pool.query(text, params), query, found);
      return result as never;
    },
    begin: (work, isolation) => database.begin((tx) => work(explainingTx(tx, found)), isolation),
  };
}

const sum = (found: readonly Explained[], of: (one: Explained) => number) =>
  found.reduce((total, one) => total + of(one), 0);

/** 8 kB each. */
export const blocksOf = (found: readonly Explained[]): number =>
  sum(found, ({ Plan: top }) => top['Shared Hit Blocks'] + top['Shared Read Blocks']);
export const executionOf = (found: readonly Explained[]) => sum(found, (one) => one['Execution Time']);
export const planningOf = (found: readonly Explained[]) => sum(found, (one) => one['Planning Time']);

/** Blocks from which on a table that is read from end to end is more than a small one. */
const smallMax = 50;

/** The large tables that are read from end to end. */
export const endToEnd = (found: readonly Explained[], large: RegExp): string[] => [
  ...new Set(
    found
      .flatMap((one) => nodesOf(one.Plan))
      .filter((one) => one['Node Type'] === 'Seq Scan' && large.test(one['Relation Name'] ?? ''))
      .filter((one) => one['Shared Hit Blocks'] + one['Shared Read Blocks'] > smallMax)
      .map((one) => one['Relation Name'] as string),
  ),
];

export const indexesOf = (found: readonly Explained[]): string[] => [
  ...new Set(found.flatMap((one) => nodesOf(one.Plan)).flatMap((one) => one['Index Name'] ?? [])),
];
