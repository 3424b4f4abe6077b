/** Opens what the commands share, and closes it again in the opposite order. */
import type { Config } from './config.js';
import { type Database, openDatabase } from './db/client.js';
import { loadFacts } from './facts.js';
import { measures } from './measures.js';
import { ensureBootstrapKey } from './platform/api-keys.js';
import { type Clock, hasSandboxClock, realClock, sandboxClock } from './platform/clock.js';
import type { Services } from './platform/context.js';
import { startEmbedded } from './platform/embedded.js';
import { checkInstallation } from './platform/installation.js';
import type { Logger } from './platform/log.js';
import { measureDatabase, measurePool } from './platform/metrics/measures.js';
import { createMetrics, type Metrics } from './platform/metrics/metrics.js';
import { migrateDatabase } from './platform/migrate.js';
import { openQueues, type Queues } from './platform/queue.js';
import { loadKeyring } from './platform/secrets.js';
import { allJobs, type WorkerDeps } from './worker.js';

export type Runtime = WorkerDeps & {
  config: Config;
  databaseUrl: string;
  /** what it runs on, for the operator */
  database: string;
  /** closes everything that was opened here */
  close(): Promise<void>;
};

type Closer = () => Promise<unknown>;

export type RuntimeOptions = {
  config: Config;
  log: Logger;
  part: string;
  poolSize: number;
  migrate: boolean;
};

/** Database (embedded where none is named), migrations where asked for, keys, clock. */
export async function openRuntime(options: RuntimeOptions): Promise<Runtime> {
  const { config, log } = options;
  const closers: Closer[] = [];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const tracer = await openTracer(config, log);
    if (tracer !== undefined) closers.push(() => tracer.close());
    const embedded =
      config.databaseUrl === undefined
        ? await startEmbedded({ dataDir: config.dataDir, port: config.embeddedDatabasePort, log })
        : undefined;
    if (embedded !== undefined) closers.push(() => embedded.stop());
    const databaseUrl = config.databaseUrl ?? embedded?.url ?? '';
    if (options.migrate) await migrateDatabase(databaseUrl);
    const keyring = await loadKeyring({ encryptionKeys: config.encryptionKeys, dataDir: config.dataDir });
    const database = openDatabase({
      url: databaseUrl,
      poolSize: options.poolSize,
      applicationName: `clientele ${options.part}`,
      statementTimeoutSeconds: config.statementTimeoutSeconds,
      lockTimeoutSeconds: config.lockTimeoutSeconds,
      poolTimeoutSeconds: config.poolTimeoutSeconds,
      queryTimeoutSeconds: config.queryTimeoutSeconds,
      onError: (error) => log.warn({ err: error }, 'a database connection was lost'),
    });
    closers.push(() => database.close());
    const bank = {
      timeZone: config.bankTimeZone,
      currency: config.bankCurrency,
      country: config.bankCountry,
    };
    const services: Services = { database, keyring, bank };
    await checkInstallation(services);
    if (!config.sandbox && (await hasSandboxClock(database))) {
      log.warn(
        'this database was a sandbox, whose clock counts with SANDBOX=true only: its data may lie in the future',
      );
    }
    const clock: Clock = config.sandbox ? sandboxClock(database, config.sandboxStartAt) : realClock;
    const name =
      embedded === undefined
        ? describeUrl(databaseUrl)
        : `embedded PostgreSQL ${embedded.version} in ${config.dataDir}`;
    const metrics = metricsOf(database, clock);
    const made = { config, services, clock, log, facts: loadFacts, metrics, tracer };
    return { ...made, databaseUrl, database: name, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Loaded where a collector is configured: who has none does not pay for it. */
async function openTracer({ otelExporterOtlpEndpoint: endpoint }: Config, log: Logger) {
  if (endpoint === undefined) return undefined;
  const { openTelemetry } = await import('./platform/tracing/open-telemetry.js');
  return openTelemetry({ endpoint, log });
}

/** Metrics of a process, with what is read from its database. */
export function metricsOf(database: Database, clock: Clock): Metrics {
  const metrics = createMetrics();
  measurePool(metrics, database);
  measureDatabase(metrics, { database, clock }, measures);
  return metrics;
}

/** Where it is, without who it is. */
function describeUrl(url: string): string {
  const { hostname, port, pathname } = new URL(url);
  return `PostgreSQL at ${hostname}:${port || 5432}${pathname}`;
}

/** The queues of all background work. */
export function openJobQueues(runtime: Runtime): Promise<Queues> {
  const { config, log, databaseUrl } = runtime;
  const names = allJobs(runtime).map((job) => job.queue);
  return openQueues({ databaseUrl, redisUrl: config.redisUrl, names, log });
}

/** Makes the first key. Returns its secret where it is to be shown. */
export function firstKey({ services, config }: Runtime): Promise<string | undefined> {
  return services.database.begin((tx) => ensureBootstrapKey(tx, config.bootstrapApiKey));
}
