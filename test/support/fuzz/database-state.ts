/** All that the database holds, as one text a table: a request that is refused must leave it as it was. */
import type pg from 'pg';

/** What is written beside requests, and says nothing of what they did. */
const besides: Record<string, string[]> = {
  // noted by the process every few seconds, whoever calls and whatever comes of it
  api_keys: ['last_used_at'],
};

export type DatabaseState = Record<string, string>;

/** Made once a database: its tables are looked up. */
export async function stateReader(pool: pg.Pool): Promise<() => Promise<DatabaseState>> {
  const { rows: tables } = await pool.query<{ name: string }>(`
    select quote_ident(relname) as name from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition order by 1`);
  const parts = tables.map(({ name }) => {
    const left = (besides[name] ?? []).map((column) => ` - '${column}'`).join('');
    const row = left === '' ? 't::text' : `(to_jsonb(t)${left})::text`;
    return `select '${name}' as name, count(*) || ' rows, ' || coalesce(sum(hashtextextended(${row}, 0)), 0) as state from ${name} t`;
  });
  const statement = { name: 'state_of_all', text: parts.join(' union all ') };
  return async () => {
    const { rows } = await pool.query<{ name: string; state: string }>(statement);
    return Object.fromEntries(rows.map(({ name, state }) => [name, state]));
  };
}

/** The tables in which something is different. */
export const differences = (before: DatabaseState, after: DatabaseState): string[] =>
  Object.keys(after).filter((name) => before[name] !== after[name]);
