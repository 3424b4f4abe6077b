/** One worker on one queue: runs the handler, survives its backend, and drains within a bound. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job, Worker } from 'bullmq';
import type { Log } from './postmaster.js';
import type { QueueBackend } from './queue-backend.js';
import { withinSeconds } from './within.js';

export type Wake = {
  /** What was woken; `undefined` is the whole queue. */
  bucket: string | undefined;
  /** W3C `traceparent` of what it was raised for, where traces are recorded. */
  traces: readonly string[];
  /** 1 at first, more when it failed before. */
  attempt: number;
  /** Aborted at shutdown: end at the next safe point, the rest is woken again. */
  signal: AbortSignal;
};

export type Handler = (wake: Wake) => Promise<void>;

export type WorkerSettings = {
  queue: string;
  concurrency: number;
  handler: Handler;
  /** How long a worker may be silent before its jobs are given to another. */
  lockSeconds?: number;
};

export type RunningWorker = {
  /** Takes no new job and waits for those that run; false when they did not end within `seconds`. */
  close(seconds: number): Promise<boolean>;
};

const errorBurst = 5;

export function startWorker(
  backend: QueueBackend,
  settings: WorkerSettings,
  wake: (bucket: string | undefined) => void,
  log: Log,
  onError: (error: unknown) => void,
): RunningWorker {
  const stopping = new AbortController();
  const running = new Set<Promise<void>>();
  const queueLog = { queue: settings.queue };

  const handle = async (job: Job) => {
    const { bucket, traces = [] } = job.data as { bucket?: string; traces?: string[] };
    if (job.name === 'tick') return wake(undefined);
    if (stopping.signal.aborted) return wake(bucket);
    try {
      await settings.handler({ bucket, traces, attempt: job.attemptsMade + 1, signal: stopping.signal });
    } catch (err) {
      log.error({ ...queueLog, bucket, attempt: job.attemptsMade + 1, err }, 'job failed');
      // The queue keeps the message and the stack, and those of a database error hold values.
      throw withoutValues(err);
    }
    // It may have ended early for the shutdown: what is left is for the next process.
    if (stopping.signal.aborted) wake(bucket);
  };
  const processor = (job: Job) => {
    const run = handle(job);
    const settled = run.catch(() => {}).finally(() => running.delete(settled));
    running.add(settled);
    return run;
  };

  const started = begin(backend, settings, processor, stopping.signal, onError);

  return {
    async close(seconds) {
      stopping.abort();
      const closed = started.then(async (worker) => {
        await worker?.pause(true);
        await Promise.all(running);
        // Waiting for a store that is away would never end.
        await worker?.close(!backend.isUp());
        return true;
      });
      const drained = (await withinSeconds(seconds, closed)) ?? false;
      if (!drained) stopRenewal(await withinSeconds(0, started));
      return drained;
    },
  };
}

/** A worker that cannot close goes on renewing the locks of its jobs, and keeps the process alive for it. */
function stopRenewal(worker: Worker | undefined) {
  void (worker as unknown as { lockManager: { close(): Promise<void> } } | undefined)?.lockManager.close();
}

/** A worker whose first contact with the backend failed never recovers: it is replaced until one is ready. */
async function begin(
  backend: QueueBackend,
  { queue, concurrency, lockSeconds = 10 }: WorkerSettings,
  processor: (job: Job) => Promise<void>,
  stopping: AbortSignal,
  onError: (error: unknown) => void,
): Promise<Worker | undefined> {
  for (let pause = 250; !stopping.aborted; pause = Math.min(pause * 2, 5_000)) {
    const worker = backend.newWorker(queue, processor, {
      autorun: false,
      concurrency,
      lockDuration: lockSeconds * 1000,
      stalledInterval: lockSeconds * 500,
      // Handlers do their work once however often they run, so a job that was cut short many times still runs.
      maxStalledCount: 1000,
      runRetryDelay: 1000,
    });
    worker.on('error', (error) => {
      onError(error);
      slowDown(worker, stopping);
    });
    try {
      await Promise.race([worker.waitUntilReady(), aborted(stopping)]);
      worker.run().catch(onError);
      return worker;
    } catch (error) {
      if (!stopping.aborted) onError(error);
      void worker.close(true).catch(() => {});
      await sleep(pause, undefined, { signal: stopping }).catch(() => {});
    }
  }
  return undefined;
}

const aborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });

const recentErrors = new WeakMap<Worker, number>();

/** Told anything but "connection refused", BullMQ asks again at once, and loops as long as that is the answer. */
function slowDown(worker: Worker, stopping: AbortSignal) {
  const count = (recentErrors.get(worker) ?? 0) + 1;
  recentErrors.set(worker, count);
  if (count !== errorBurst) return;
  void worker.pause(true).catch(() => {});
  setTimeout(() => {
    recentErrors.set(worker, 0);
    if (!stopping.aborted) void worker.resume();
  }, 1000).unref();
}

function withoutValues(error: unknown): Error {
  const { name = 'Error', code } = (error ?? {}) as { name?: string; code?: unknown };
  const safe = new Error(typeof code === 'string' ? `${name} ${code}` : name);
  delete safe.stack;
  return safe;
}
