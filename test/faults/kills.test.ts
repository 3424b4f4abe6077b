/**
 * API and workers are killed at random points while thousands of writes come in. `FAULT_WRITES` says how many,
 * `FAULT_SEED` which, and when the kills come.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { randomOf } from '../../src/demo/random.js';
import { cloneDatabase, type TestDatabase } from '../support/database.js';
import { killInRounds } from '../support/kills.js';
import { makeSegments, newLedger, writeAll } from '../support/ledger.js';
import { expectAllThereOnce } from '../support/ledger-check.js';
import { openServices, type Service, type Services } from '../support/service.js';

const writes = Number(process.env.FAULT_WRITES ?? 10_000);
const seed = Number(process.env.FAULT_SEED ?? 1);
const rounds = Math.max(2, Math.round(writes / 2000));
const patience = 240_000 + writes * 100;

let database: TestDatabase;
let services: Services;
beforeAll(async () => {
  database = await cloneDatabase();
  services = await openServices({ DATABASE_URL: database.url });
});
afterAll(async () => {
  await services?.close();
  await database?.drop();
});

test(
  `nothing of ${writes} writes is lost or doubled, seed ${seed}`,
  async () => {
    const random = randomOf('kills', seed);
    const apis = [await services.start('api'), await services.start('api')] as const;
    const workers = [await services.start('worker'), await services.start('worker')] as const;
    await makeSegments(apis[0].client);
    const ledger = newLedger();
    let next = 0;
    // in turn, as a load balancer that has not noticed yet
    const client = () => (apis[next++ % apis.length] as Service).client;
    const writing = writeAll(ledger, { seed, writes, client, mayBreak: true });

    const kills = (pair: readonly Service[]) =>
      killInRounds(pair, { done: () => ledger.writes, total: writes, rounds, random, patience });
    await Promise.all([writing, kills(apis), kills(workers)]);
    expect(ledger.refused.broken).toBeGreaterThan(0);
    await expectAllThereOnce(database.database.pool, apis[0].client, ledger);
  },
  patience,
);
