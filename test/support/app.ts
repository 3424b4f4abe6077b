/** The service as tests use it: real HTTP, real PostgreSQL, background work on demand, a clock that tests move. */
import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { expect } from 'vitest';
import { buildApp } from '../../src/app.js';
import { type Config, loadConfig } from '../../src/config.js';
import type { Database } from '../../src/db/client.js';
import { loadFacts } from '../../src/facts.js';
import { insertKey } from '../../src/platform/api-keys.js';
import { realNow, sandboxClock, setSandboxClock } from '../../src/platform/clock.js';
import { type Ctx, type DataScope, type Services, systemContext } from '../../src/platform/context.js';
import type { Health } from '../../src/platform/http/health.js';
import { newId } from '../../src/platform/ids.js';
import { workUntilDone } from '../../src/platform/jobs.js';
import { parseKeys } from '../../src/platform/key-file.js';
import { createLog, type Logger } from '../../src/platform/log.js';
import { openQueues } from '../../src/platform/queue.js';
import { queuesOnDemand } from '../../src/platform/queues-on-demand.js';
import { relayEvents } from '../../src/platform/relay.js';
import type { Scope } from '../../src/platform/scopes.js';
import { createKeyring } from '../../src/platform/secrets.js';
import type { Tracer } from '../../src/platform/tracing/tracer.js';
import { metricsOf } from '../../src/runtime.js';
import { allJobs, type WorkerDeps } from '../../src/worker.js';
import { undeclaredEvents } from './catalogue.js';
import { Client } from './client.js';
import { keepContract, type OpenApi } from './contract.js';
import { type CloneOptions, cloneDatabase } from './database.js';

const key = (byte: number) => Buffer.alloc(32, byte).toString('base64');
/** Fixed keys: what tests write can be read by the next context. */
export const testKeys = `k1:${key(1)},index:${key(2)},token:${key(3)}`;
export const testKeyring = () => createKeyring(parseKeys(testKeys));

export type TestApp = {
  app: FastifyInstance;
  origin: string;
  services: Services;
  database: Database;
  databaseUrl: string;
  config: Config;
  deps: WorkerDeps;
  health: Health;
  /** with the scope `admin` */
  client: Client;
  /** a client with other scopes, or another reach */
  clientWith(scopes: readonly Scope[], dataScope?: DataScope): Promise<Client>;
  /** a system context at the present instant of the clock */
  context(): Promise<Ctx>;
  /** relay and all background work until nothing is due */
  drain(): Promise<void>;
  /** moves the clock forward */
  travelTo(instant: string): Promise<void>;
  now(): Promise<string>;
  stop(): Promise<void>;
};

export type TestOptions = CloneOptions & {
  env?: Record<string, string>;
  log?: Logger;
  /** where the clock begins */
  startAt?: string;
  /** where traces are recorded */
  tracer?: Tracer;
  /** of the queues that the dashboard shows, on Redis */
  queuePrefix?: string;
  /** what a test provokes, and so is logged as an error; anything else of the kind fails the file */
  provokes?: RegExp;
};

export async function startTestApp(options: TestOptions = {}): Promise<TestApp> {
  const { database, url, drop } = await cloneDatabase(options);
  const config = loadConfig({
    DATABASE_URL: url,
    SANDBOX: 'true',
    PORT: '0',
    // what loads this process is the test itself, and many are refused on purpose
    OVERLOAD_EVENT_LOOP_DELAY_MILLISECONDS: '0',
    FAILED_AUTHENTICATION_LIMIT: '100000',
    ...options.env,
  });
  const bank = { timeZone: config.bankTimeZone, currency: config.bankCurrency, country: config.bankCountry };
  const services: Services = { database, keyring: testKeyring(), bank };
  const clock = sandboxClock(database, options.startAt ?? '2026-03-01T04:00:00Z');
  await clock.now();
  const failures: string[] = [];
  const log =
    options.log ??
    createLog('error', {
      write: (line) => void (options.provokes?.test(line) || failures.push(line)),
    });
  const metrics = metricsOf(database, clock);
  const deps: WorkerDeps = { services, clock, log, facts: loadFacts, metrics, tracer: options.tracer };
  const health: Health = {
    draining: false,
    checks: { database: () => database.ping() },
  };
  const jobs = allJobs(deps);
  const names = jobs.map((job) => job.queue);
  const queues = queuesOnDemand(() =>
    openQueues({
      databaseUrl: url,
      redisUrl: config.redisUrl,
      names,
      log,
      prefix: options.queuePrefix ?? 'clientele-test',
    }),
  );
  const app = await buildApp({ ...deps, config, health, queues: queues.get });
  await app.listen({ host: '127.0.0.1', port: 0, listenTextResolver: () => 'listening' });
  const origin = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  keepContract(origin, app.swagger() as unknown as OpenApi);
  const clientWith: TestApp['clientWith'] = async (scopes, dataScope = null) => {
    const secret = `ck_${randomBytes(24).toString('base64url')}`;
    await database.begin((tx) =>
      insertKey(tx, secret, { name: 'test', scopes, dataScope, expiresAt: null }, realNow()),
    );
    return new Client(origin, secret);
  };
  return {
    app,
    origin,
    services,
    database,
    databaseUrl: url,
    config,
    deps,
    health,
    client: await clientWith(['admin']),
    clientWith,
    context: async () => systemContext(services, 'test', newId(), await clock.now(), log),
    async drain() {
      do {
        for (const job of jobs) await workUntilDone(job, () => false);
      } while ((await relayEvents(database)).length > 0);
    },
    async travelTo(instant) {
      await setSandboxClock(database, instant, realNow());
    },
    now: () => clock.now(),
    async stop() {
      app.server.closeAllConnections();
      await app.close();
      await queues.close();
      const undeclared = await undeclaredEvents(database);
      await drop();
      expect(failures, 'what was logged as an error').toEqual([]);
      expect(undeclared, 'events that are not as the catalogue says').toEqual([]);
    },
  };
}
