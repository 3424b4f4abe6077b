/** What the queues stand on: BullMQ's PostgreSQL backend in a schema of its own, or Redis. */
import {
  assertSchemaCompatibility,
  type BackendFactory,
  type ConnectionOptions,
  createPostgresBackend,
  LATEST_SCHEMA_VERSION,
  type Processor,
  Queue,
  type QueueOptions,
  runMigrations,
  Worker,
  type WorkerOptions,
} from 'bullmq';
import { Redis } from 'ioredis';
import { Pool, type PoolClient } from 'pg';
import type { Log } from './postmaster.js';
import { withinSeconds } from './within.js';

export type QueueBackend = {
  kind: 'postgresql' | 'redis';
  newQueue(name: string, options: Omit<QueueOptions, 'connection'>): Queue;
  newWorker(name: string, processor: Processor, options: Omit<WorkerOptions, 'connection'>): Worker;
  /** Whether jobs can be added now, as far as is known. */
  isUp(): boolean;
  /** Ends every connection, at the latest after `seconds`. */
  close(seconds: number): Promise<void>;
};

const schema = 'bullmq';

/**
 * One pool for all queues of the process, with a connection that each running worker keeps for LISTEN.
 *
 * Commits do not wait for the disk here: a crash may forget the last wake-ups, which the schedules raise again,
 * and may bring finished ones back, which do their work once anyway.
 */
export async function openPostgresBackend(url: string, workers: number, onError: (error: unknown) => void) {
  const pool = new Pool({
    connectionString: url,
    application_name: 'clientele queues',
    max: workers + 6,
    connectionTimeoutMillis: 5_000,
    query_timeout: 30_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    onConnect: (client) =>
      client.query(
        `set search_path to ${schema}; set synchronous_commit to off; set statement_timeout to '25s'`,
      ),
  });
  // Every queue and worker listens for its errors.
  pool.setMaxListeners(0);
  const clients = new Set<PoolClient>();
  let up = true;
  pool.on('error', (error) => {
    up = false;
    onError(error);
  });
  pool.on('connect', (client) => {
    up = true;
    clients.add(client);
    client.on('error', () => {});
  });
  pool.on('remove', (client) => clients.delete(client));

  try {
    await migrateQueueSchema(pool);
  } catch (error) {
    await pool.end();
    throw error;
  }
  // The classes are typed after Redis' options; on PostgreSQL the connection is the pool.
  const connection = pool as unknown as ConnectionOptions;
  const factory = createPostgresBackend as unknown as BackendFactory;
  const backend: QueueBackend = {
    kind: 'postgresql',
    newQueue: (name, options) => new Queue(name, { ...options, connection }, factory) as unknown as Queue,
    newWorker: (name, processor, options) =>
      new Worker(name, processor, { ...options, connection }, factory) as unknown as Worker,
    isUp: () => up,
    async close(seconds) {
      const ended = pool.end().then(() => true);
      if (await withinSeconds(seconds, ended)) return;
      // A job that does not end holds its worker's connection: cut it, the job is run again elsewhere.
      for (const client of clients) {
        try {
          client.release(true);
        } catch {
          // It was given back just now.
        }
      }
      await withinSeconds(1, ended);
    },
  };
  return backend;
}

/** Creates or updates the queues' tables; without need it changes nothing and asks for no right to. */
async function migrateQueueSchema(pool: Pool) {
  const client = await pool.connect();
  try {
    const version = await assertSchemaCompatibility(client, schema).catch((error: Error) => {
      if (error.name === 'SchemaMigrationRequiredError') return 0;
      throw error;
    });
    if (version < LATEST_SCHEMA_VERSION) await runMigrations(client, schema);
  } finally {
    client.release();
  }
}

/**
 * Redis as the queues' store. Unreachable at the start, it is waited for in the background; one that may evict
 * keys, and so lose jobs in silence, is refused.
 */
export async function openRedisBackend(
  url: string,
  prefix: string,
  log: Log,
  onError: (error: unknown) => void,
) {
  const client = new Redis(url, {
    connectionName: `${prefix}-queues`,
    maxRetriesPerRequest: null,
    connectTimeout: 5_000,
    socketTimeout: 30_000,
    keepAlive: 10_000,
    retryStrategy: (attempt) => Math.min(attempt * 100, 2_000),
    // A replica that was a primary until now: connect again, the name may lead to the new one.
    reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 2 : false),
  });
  // BullMQ makes a second connection for each worker to block on, and while Redis is away it does not end it.
  const clients = [client];
  const duplicate = client.duplicate.bind(client);
  client.duplicate = (options) => {
    const made = duplicate(options);
    clients.push(made);
    return made;
  };
  let refused: Error | undefined;
  client.on('error', onError);
  const checked = new Promise<void>((resolve, reject) => {
    client.on('ready', () => {
      checkEviction(client).then(
        () => {
          refused = undefined;
          resolve();
        },
        (error) => {
          refused = error;
          log.error({ reason: error.message }, 'the queues refuse this Redis');
          reject(error);
        },
      );
    });
  });
  checked.catch(() => {});
  try {
    const reached = await withinSeconds(
      5,
      checked.then(() => true),
    );
    if (!reached) log.warn({}, 'Redis does not answer yet: jobs wait until it does');
  } catch (error) {
    client.disconnect();
    throw error;
  }
  const backend: QueueBackend = {
    kind: 'redis',
    newQueue: (name, options) => new Queue(name, { ...options, prefix, connection: client }),
    newWorker: (name, processor, options) =>
      new Worker(name, processor, { ...options, prefix, connection: client }),
    isUp: () => client.status === 'ready' && refused === undefined,
    async close(seconds) {
      if (client.status === 'ready') await withinSeconds(seconds, client.quit()).catch(() => {});
      for (const each of clients) each.disconnect();
    },
  };
  return backend;
}

async function checkEviction(client: Redis) {
  const policy = /^maxmemory_policy:(\S+)/m.exec(await client.info('memory'))?.[1];
  if (policy !== undefined && policy !== 'noeviction')
    throw new Error(`REDIS_URL: maxmemory-policy is ${policy} and must be noeviction, or jobs are lost`);
}
