/** Connections to the database, from their opening to their end. */
import { sql } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { openDatabase } from '../../src/db/client.js';
import { cloneDatabase } from '../support/database.js';

test('when a database is closed, none of its connections is left at the server', async () => {
  const { database, url, drop } = await cloneDatabase();
  const failures: Error[] = [];
  for (let round = 0; round < 5; round += 1) {
    const applicationName = `closing ${round}`;
    const closing = openDatabase({
      url,
      poolSize: 20,
      applicationName,
      statementTimeoutSeconds: 10,
      lockTimeoutSeconds: 10,
      poolTimeoutSeconds: 10,
      queryTimeoutSeconds: 10,
      onError: (error) => failures.push(error),
    });
    await Promise.all(Array.from({ length: 20 }, () => closing.rows(sql`select pg_sleep(.01)`)));
    const left = () =>
      database.rows(sql`select pid from pg_stat_activity where application_name = ${applicationName}`);
    expect(await left()).toHaveLength(20);
    await closing.close();
    expect(await left()).toEqual([]);
  }
  expect(failures).toEqual([]);
  await drop();
});
