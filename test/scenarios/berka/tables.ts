/** A look into the tables, beside the API: what it does not answer is not there either. */
import pg from 'pg';

export async function countRows(databaseUrl: string): Promise<Record<string, number>> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, number>>(`
      select (select count(*)::int from customers) as customers, (select count(*)::int from holdings) as holdings,
        (select count(*)::int from holding_parties where ends_on is null) as parties,
        (select count(*)::int from activities where state = 'current') as activities,
        (select count(*)::int from activity_keys) as keys,
        (select sum(count)::int from activity_totals) as totals`);
    return rows[0] ?? {};
  } finally {
    await client.end();
  }
}
