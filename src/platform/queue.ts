/**
 * The queues say when to look, PostgreSQL says what must happen. A job is a wake-up: it names a queue and perhaps a
 * bucket of it and the traces that it belongs to, and carries nothing else. Wake-ups that nobody has acted on yet are
 * one; one that arrives while its predecessor runs makes it run once more. Schedules wake a queue from time to time,
 * so whatever a signal should have said and did not is found at the next one.
 */
import type { Queue } from 'bullmq';
import type { Log } from './postmaster.js';
import { openPostgresBackend, openRedisBackend, type QueueBackend } from './queue-backend.js';
import { type RunningWorker, startWorker, type WorkerSettings } from './queue-worker.js';
import { wakeBuffer } from './wake-buffer.js';
import { withinSeconds } from './within.js';

export type { Handler, Wake } from './queue-worker.js';

export type QueueCounts = { waiting: number; active: number; retrying: number; failed: number };

export type Queues = {
  kind: 'postgresql' | 'redis';
  names: readonly string[];
  /**
   * Raises a wake-up and returns at once, whatever state the queue is in. Call it after the commit.
   * @param traces W3C `traceparent` of what it is raised for
   */
  wake(queue: string, bucket?: string, traces?: readonly string[]): void;
  /** Runs the handler for each wake-up of the queue, in this process, until `close`. */
  runWorker(settings: WorkerSettings): void;
  /** Wakes the queue every so many seconds: once for all processes that ask for it. */
  schedule(queue: string, everySeconds: number): void;
  counts(): Promise<Record<string, QueueCounts>>;
  /** The queues themselves, to look at. Throws at once where their store is known to be away. */
  look(): Promise<Queue[]>;
  /** Whether nothing is raised, waiting, running or to be retried. */
  isIdle(): Promise<boolean>;
  isUp(): boolean;
  /**
   * Ends within `seconds`: takes no new jobs, tells running ones to end, waits for them. False when some did not
   * end; they are run again by another process once their lock has expired.
   */
  close(seconds?: number): Promise<boolean>;
};

export type QueueSettings = {
  databaseUrl: string;
  /** Set: on Redis, else on PostgreSQL. */
  redisUrl?: string | undefined;
  names: readonly string[];
  log: Log;
  /** Prefix of the keys on Redis. */
  prefix?: string;
};

const jobOptions = {
  attempts: 5,
  backoff: { type: 'exponential', delay: 1000 },
  removeOnComplete: true,
  removeOnFail: { count: 100, age: 7 * 24 * 3600 },
};

/** Throws when the database does not answer, or when Redis could evict jobs. */
export async function openQueues({ databaseUrl, redisUrl, names, log, prefix = 'clientele' }: QueueSettings) {
  const complain = paced(log);
  const backend =
    redisUrl === undefined
      ? await openPostgresBackend(databaseUrl, names.length, complain)
      : await openRedisBackend(redisUrl, prefix, log, complain);
  const queues = keptQueues(backend, names, complain);
  const workers: RunningWorker[] = [];
  const schedules = keptSchedules(queues.get, complain);
  let closing: Promise<boolean> | undefined;

  const buffer = wakeBuffer(async (key, traces) => {
    const [name = '', bucket] = key.split(' ');
    await addWake(await queues.get(name), bucket, traces);
  }, complain);

  const known = (name: string) => {
    if (!names.includes(name)) throw new Error(`there is no queue ${name}`);
    return name;
  };
  const wake: Queues['wake'] = (name, bucket, traces) => {
    if (bucket !== undefined && !/^[\w.-]{1,100}$/.test(bucket)) throw new Error(`not a bucket: ${bucket}`);
    buffer.raise(bucket === undefined ? known(name) : `${known(name)} ${bucket}`, traces);
  };

  const counts = async () => {
    const asked = names.map(async (name) => [name, await count(await queues.get(name))] as const);
    const answered = await withinSeconds(5, Promise.all(asked));
    if (!answered) throw new Error('the job queue does not answer');
    return Object.fromEntries(answered);
  };

  const close = async (seconds: number) => {
    schedules.close();
    const drained = await Promise.all(workers.map((worker) => worker.close(seconds * 0.7)));
    await withinSeconds(seconds * 0.1, buffer.settled());
    buffer.close();
    await withinSeconds(seconds * 0.1, queues.close());
    await backend.close(seconds * 0.1);
    return drained.every(Boolean);
  };

  const opened: Queues = {
    kind: backend.kind,
    names,
    wake,
    runWorker(settings) {
      const raise = (bucket: string | undefined) => wake(settings.queue, bucket);
      workers.push(startWorker(backend, { ...settings, queue: known(settings.queue) }, raise, log, complain));
    },
    schedule: (name, everySeconds) => schedules.start(known(name), everySeconds),
    counts,
    look: () => lookAt(backend, () => names.map(queues.get)),
    async isIdle() {
      if (buffer.size() > 0) return false;
      const all = Object.values(await counts());
      return (
        all.every(({ waiting, active, retrying }) => waiting + active + retrying === 0) && buffer.size() === 0
      );
    },
    isUp: backend.isUp,
    close(seconds = 10) {
      closing ??= close(seconds);
      return closing;
    },
  };
  return opened;
}

/** Commands for a Redis that is away would pile up; PostgreSQL's pool gives each of them up by itself. */
async function lookAt(backend: QueueBackend, get: () => Promise<Queue>[]): Promise<Queue[]> {
  if (backend.kind === 'redis' && !backend.isUp()) throw new Error('the job queue is away');
  return Promise.all(get());
}

/** Added while one waits, it is that one; added while one runs, it is kept and runs after it. */
async function addWake(queue: Queue, bucket: string | undefined, traces: readonly string[]) {
  const id = bucket === undefined ? 'wake' : `wake-${bucket}`;
  const data = { ...(bucket === undefined ? {} : { bucket }), ...(traces.length === 0 ? {} : { traces }) };
  await queue.add('wake', data, { deduplication: { id, keepLastIfActive: true } });
}

/**
 * Each process keeps the time, and of the ticks that they add in one interval the first counts. BullMQ's own job
 * schedulers are not used: on PostgreSQL, two processes that start at once can end the chain of ticks for good.
 */
function keptSchedules(get: (name: string) => Promise<Queue>, complain: (error: unknown) => void) {
  const timers: NodeJS.Timeout[] = [];
  return {
    start(name: string, everySeconds: number) {
      const ttl = Math.round(everySeconds * 900);
      let adding = false;
      const tick = async () => {
        // While the store is away an add may not settle: one is enough.
        if (adding) return;
        adding = true;
        try {
          await (await get(name)).add('tick', {}, { attempts: 1, deduplication: { id: 'tick', ttl } });
        } catch (error) {
          complain(error);
        } finally {
          adding = false;
        }
      };
      timers.push(setInterval(tick, everySeconds * 1000).unref());
      void tick();
    },
    close() {
      for (const timer of timers) clearInterval(timer);
    },
  };
}

async function count(queue: Queue): Promise<QueueCounts> {
  const states = await queue.getJobCounts('waiting', 'active', 'delayed', 'failed');
  const { waiting = 0, active = 0, delayed = 0, failed = 0 } = states;
  return { waiting, active, retrying: delayed, failed };
}

/** The queue objects, made when first needed: one that found its store away never recovers and is made anew. */
function keptQueues(backend: QueueBackend, names: readonly string[], complain: (error: unknown) => void) {
  const kept = new Map<string, Promise<Queue>>();

  const make = async (name: string) => {
    const queue = backend.newQueue(name, {
      defaultJobOptions: jobOptions,
      streams: { events: { maxLen: 100 } },
    });
    queue.on('error', complain);
    try {
      await queue.waitUntilReady();
      return queue;
    } catch (error) {
      kept.delete(name);
      void queue.close().catch(() => {});
      throw error;
    }
  };

  return {
    get(name: string) {
      if (!names.includes(name)) throw new Error(`there is no queue ${name}`);
      const queue = kept.get(name) ?? make(name);
      kept.set(name, queue);
      return queue;
    },
    async close() {
      await Promise.allSettled([...kept.values()].map(async (queue) => (await queue).close()));
    },
  };
}

/** A store that is away fails everything at once and again and again: one line in ten seconds says it. */
function paced(log: Log) {
  let silentUntil = 0;
  return (error: unknown) => {
    if (performance.now() < silentUntil) return;
    silentUntil = performance.now() + 10_000;
    log.warn({ err: error }, 'the job queue has a problem');
  };
}
