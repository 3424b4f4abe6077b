/** The processes that stay: API, worker, and both in one. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { type AppDeps, buildApp } from './app.js';
import type { Config } from './config.js';
import type { Health } from './platform/http/health.js';
import type { Logger } from './platform/log.js';
import { serveMetrics } from './platform/metrics/page.js';
import { measureQueues } from './platform/metrics/queues.js';
import type { Queues } from './platform/queue.js';
import { queuesOnDemand } from './platform/queues-on-demand.js';
import { firstKey, openJobQueues, openRuntime, type Runtime } from './runtime.js';
import { buildWorkers } from './worker.js';

export type Running = { stop(): Promise<void> };

/** Everything on one machine: makes the database where none is named, and brings it up to date. */
export async function runStart(config: Config, log: Logger): Promise<Running> {
  const runtime = await openRuntime({
    config,
    log,
    part: 'service',
    poolSize: config.databasePoolSize,
    migrate: true,
  });
  return running(runtime, { api: true, worker: true });
}

/** The API alone. The database must be at the newest schema. */
export async function runApi(config: Config, log: Logger): Promise<Running> {
  const runtime = await openRuntime({
    config,
    log,
    part: 'api',
    poolSize: config.databasePoolSize,
    migrate: false,
  });
  return running(runtime, { api: true, worker: false });
}

/** The worker alone. */
export async function runWorker(config: Config, log: Logger): Promise<Running> {
  const runtime = await openRuntime({
    config,
    log,
    part: 'worker',
    poolSize: config.workerPoolSize,
    migrate: false,
  });
  return running(runtime, { api: false, worker: true });
}

async function running(runtime: Runtime, parts: { api: boolean; worker: boolean }): Promise<Running> {
  const stops: (() => Promise<unknown>)[] = [() => runtime.close()];
  const stop = async () => {
    for (const one of stops.splice(0).reverse()) await one();
  };
  try {
    const shown = await showMetrics(runtime);
    stops.push(shown.close);
    const queues = parts.worker ? await openJobQueues(runtime) : undefined;
    if (queues !== undefined) {
      stops.push(() => queues.close(runtime.config.drainTimeoutSeconds));
      measureQueues(runtime.metrics, queues);
      const workers = buildWorkers({ ...runtime, queues });
      stops.push(() => workers.stop());
    }
    if (parts.api) {
      const looked = queuesOnDemand(() => openJobQueues(runtime));
      stops.push(looked.close);
      const look = queues === undefined ? looked.get : async () => queues;
      stops.push(await listen(runtime, { queues, look }, shown.at));
    } else {
      const metrics = shown.at === undefined ? '' : ` Metrics at ${shown.at}.`;
      console.log(
        `Worker runs on ${runtime.database}, jobs on ${jobsOn(queues)}.${metrics} Stop with Ctrl-C.`,
      );
    }
    return { stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

const jobsOn = (queues: Queues | undefined) => (queues?.kind === 'redis' ? 'Redis' : 'PostgreSQL');

/** The metrics on a port of their own, where there is to be one. */
async function showMetrics({ config, metrics }: Runtime): Promise<{ at?: string; close(): Promise<void> }> {
  const { host, metricsPort: port } = config;
  if (port === undefined) return { close: async () => undefined };
  const page = await serveMetrics(metrics, { host, port });
  return { at: `http://${host}:${page.port}/metrics`, close: page.close };
}

/** Listens, and tells the operator where. Returns what ends it without dropping a request. */
async function listen(
  runtime: Runtime,
  { queues, look }: { queues: Queues | undefined; look: () => Promise<Queues> },
  metricsAt: string | undefined,
): Promise<() => Promise<void>> {
  const { config, services } = runtime;
  const health: Health = {
    draining: false,
    checks: { database: () => services.database.ping() },
  };
  const app = await buildApp({ ...runtime, health, queues: look } satisfies AppDeps);
  const address = await app.listen({
    host: config.host,
    port: config.port,
    listenTextResolver: () => 'listening',
  });
  // made last: a start that fails must not make a key that nobody was shown
  const secret = await firstKey(runtime);
  const lines = [
    `Clientele answers at ${address}`,
    `  Swagger UI   ${address}/docs`,
    `  Runs on      ${runtime.database}`,
    ...(queues === undefined ? [] : [`  Jobs on      ${jobsOn(queues)}`]),
    ...(metricsAt === undefined ? [] : [`  Metrics      ${metricsAt}`]),
    ...(config.sandbox ? [`  Sandbox      its clock stands at ${await runtime.clock.now()}`] : []),
    ...(secret === undefined ? [] : [`  API key      ${secret}   (shown this once)`]),
    '  Stop         Ctrl-C',
  ];
  console.log(lines.join('\n'));
  return () => drain(app, health, config);
}

/**
 * A connection that is closed while its client sends the next request loses that request. So for a while every
 * reply says `Connection: close` and readiness is gone, while all is answered as before; then nothing new is
 * taken, and idle connections are closed until none is left or the time is over.
 */
async function drain(app: FastifyInstance, health: Health, config: Config): Promise<void> {
  health.draining = true;
  await sleep(config.drainDelaySeconds * 1000);
  const idle = setInterval(() => app.server.closeIdleConnections(), 100);
  const last = setTimeout(() => app.server.closeAllConnections(), config.drainTimeoutSeconds * 1000);
  await app.close();
  clearInterval(idle);
  clearTimeout(last);
}
