/**
 * Wake-ups between the code that raises them and the queue, which may be slow or away: whoever raises one never
 * waits. At most one add per key is under way; what is raised meanwhile is added once more when it ends, since the
 * job of the first may have run already. So it holds no more than there are keys, however long the queue is away.
 */
import { setTimeout as sleep } from 'node:timers/promises';

export type WakeBuffer = {
  raise(key: string): void;
  /** Resolves when everything raised so far has reached the queue. */
  settled(): Promise<void>;
  size(): number;
  /** Gives up what is not yet in the queue: schedules find it again. */
  close(): void;
};

/** @param send adds the wake-up of a key; it may reject, or not settle for as long as the queue is away. */
export function wakeBuffer(
  send: (key: string) => Promise<void>,
  onFailure: (error: unknown) => void,
): WakeBuffer {
  const underWay = new Map<string, { again: boolean; done: Promise<void> }>();
  const closed = new AbortController();

  const deliver = async (key: string) => {
    for (let pause = 250; !closed.signal.aborted; pause = Math.min(pause * 2, 5_000)) {
      try {
        return await send(key);
      } catch (error) {
        if (!closed.signal.aborted) onFailure(error);
        await sleep(pause, undefined, { signal: closed.signal }).catch(() => {});
      }
    }
  };

  const start = (key: string) => {
    const entry = { again: false, done: Promise.resolve() };
    underWay.set(key, entry);
    entry.done = deliver(key).then(() => {
      underWay.delete(key);
      if (entry.again && !closed.signal.aborted) return start(key);
    });
    return entry.done;
  };

  return {
    raise(key) {
      const entry = underWay.get(key);
      if (entry) entry.again = true;
      else if (!closed.signal.aborted) void start(key);
    },
    async settled() {
      await Promise.all([...underWay.values()].map(({ done }) => done));
    },
    size: () => underWay.size,
    close: () => closed.abort(),
  };
}
