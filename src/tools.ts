/** Commands that do one thing and end. */
import { buildApp } from './app.js';
import type { Config } from './config.js';
import { loadConfig } from './config.js';
import { loadFacts } from './facts.js';
import { realClock } from './platform/clock.js';
import type { Services } from './platform/context.js';
import { distributeDatabase } from './platform/distribute.js';
import { startEmbedded } from './platform/embedded.js';
import type { Logger } from './platform/log.js';
import { createLog } from './platform/log.js';
import { createMetrics } from './platform/metrics/metrics.js';
import { migrateDatabase } from './platform/migrate.js';

export async function migrateOnly(config: Config, log: Logger): Promise<undefined> {
  const embedded =
    config.databaseUrl === undefined
      ? await startEmbedded({ dataDir: config.dataDir, port: config.embeddedDatabasePort, log })
      : undefined;
  try {
    await migrateDatabase(config.databaseUrl ?? embedded?.url ?? '');
    console.log('The database has the newest schema.');
  } finally {
    await embedded?.stop();
  }
}

/** Only for a cluster that the operator brings: the embedded database is one machine. */
export async function distributeOnly(config: Config): Promise<undefined> {
  if (config.databaseUrl === undefined)
    throw new Error('DATABASE_URL must name the coordinator of a Citus cluster');
  await migrateDatabase(config.databaseUrl);
  const statements = await distributeDatabase(config.databaseUrl);
  for (const statement of statements) console.log(statement);
  console.log(statements.length === 0 ? 'Every table is in its place.' : 'The database is distributed.');
}

/** The OpenAPI document, made without a database: nothing is asked of it. */
export async function openApiDocument(): Promise<object> {
  const services = { bank: { timeZone: 'UTC', currency: 'CNY', country: 'CN' } } as Services;
  const health = { draining: false, checks: {} };
  const config = loadConfig({});
  const app = await buildApp({
    config,
    services,
    clock: realClock,
    log: createLog('silent'),
    facts: loadFacts,
    health,
    metrics: createMetrics(),
    queues: () => Promise.reject(new Error('there are no queues')),
  });
  await app.ready();
  const document = app.swagger();
  await app.close();
  return document;
}

export async function printOpenApi(): Promise<undefined> {
  console.log(JSON.stringify(await openApiDocument(), null, 2));
}
