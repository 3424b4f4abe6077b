/**
 * Redis is stopped, killed, or out of memory while writes come in. None of them is refused, since no request waits
 * for the queue; what follows from them is done when Redis is well again, by itself.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cloneDatabase, type TestDatabase } from '../support/database.js';
import { type Ledger, makeSegments, newLedger, writeAll } from '../support/ledger.js';
import { expectAllThereOnce } from '../support/ledger-check.js';
import { hasRedisServer, type RedisServer, startRedis } from '../support/redis-server.js';
import { openServices, type Service, type Services } from '../support/service.js';

describe.skipIf(!hasRedisServer)('Redis', () => {
  let database: TestDatabase;
  let redis: RedisServer;
  let services: Services;
  let api: Service;
  const ledger: Ledger = newLedger();
  let seed = 100;
  const write = () => {
    seed += 1;
    return writeAll(ledger, { seed, writes: 100, client: () => api.client });
  };

  beforeAll(async () => {
    database = await cloneDatabase();
    redis = await startRedis();
    services = await openServices({ DATABASE_URL: database.url, REDIS_URL: redis.url });
    api = await services.start('api');
    await services.start('worker');
    await makeSegments(api.client);
    await write();
  });
  afterAll(async () => {
    await services?.close();
    await redis?.end('SIGKILL');
    await database?.drop();
  });

  test.each([
    ['is stopped', () => redis.end('SIGTERM'), () => redis.start()],
    ['is killed', () => redis.end('SIGKILL'), () => redis.start()],
    [
      'has no memory left',
      () => redis.command('config', 'set', 'maxmemory', '1'),
      () => redis.command('config', 'set', 'maxmemory', '0'),
    ],
  ])(
    '%s',
    async (_what, fault, mend) => {
      await Promise.all([write(), fault()]);
      await write();
      await mend();
      await write();
      await expectAllThereOnce(database.database.pool, api.client, ledger);
      expect(ledger.refused).toEqual({});
    },
    180_000,
  );
});
