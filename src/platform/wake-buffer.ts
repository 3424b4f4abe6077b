/**
 * Wake-ups between the code that raises them and the queue, which may be slow or away: whoever raises one never
 * waits. At most one add per key is under way; what is raised meanwhile is added once more when it ends, since the
 * job of the first may have run already. So it holds no more than there are keys, however long the queue is away.
 */
import { setTimeout as sleep } from 'node:timers/promises';

export type WakeBuffer = {
  /** @param traces those of what raised it; of many, the first are kept */
  raise(key: string, traces?: readonly string[]): void;
  /** Resolves when everything raised so far has reached the queue. */
  settled(): Promise<void>;
  size(): number;
  /** Gives up what is not yet in the queue: schedules find it again. */
  close(): void;
};

/** So many of those that woke a job are named by it. */
const tracesMax = 8;

type Entry = { again: readonly string[] | undefined; done: Promise<void> };

/** @param send adds the wake-up of a key; it may reject, or not settle for as long as the queue is away. */
export function wakeBuffer(
  send: (key: string, traces: readonly string[]) => Promise<void>,
  onFailure: (error: unknown) => void,
): WakeBuffer {
  const underWay = new Map<string, Entry>();
  const closed = new AbortController();

  const deliver = async (key: string, traces: readonly string[]) => {
    for (let pause = 250; !closed.signal.aborted; pause = Math.min(pause * 2, 5_000)) {
      try {
        return await send(key, traces);
      } catch (error) {
        if (!closed.signal.aborted) onFailure(error);
        await sleep(pause, undefined, { signal: closed.signal }).catch(() => {});
      }
    }
  };

  const start = (key: string, traces: readonly string[]): Promise<void> => {
    const entry: Entry = { again: undefined, done: Promise.resolve() };
    underWay.set(key, entry);
    entry.done = deliver(key, traces).then(() => {
      underWay.delete(key);
      if (entry.again && !closed.signal.aborted) return start(key, entry.again);
    });
    return entry.done;
  };

  return {
    raise(key, traces = []) {
      const entry = underWay.get(key);
      if (entry) entry.again = [...new Set([...(entry.again ?? []), ...traces])].slice(0, tracesMax);
      else if (!closed.signal.aborted) void start(key, traces.slice(0, tracesMax));
    },
    async settled() {
      await Promise.all([...underWay.values()].map(({ done }) => done));
    },
    size: () => underWay.size,
    close: () => closed.abort(),
  };
}
