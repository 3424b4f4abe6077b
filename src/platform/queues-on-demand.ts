/** Queues for a process that works on none of them: opened when somebody first looks, and then kept. */
import type { Queues } from './queue.js';

export type QueuesOnDemand = { get(): Promise<Queues>; close(): Promise<void> };

/** A failure to open them is not kept: who asks next tries again. */
export function queuesOnDemand(open: () => Promise<Queues>): QueuesOnDemand {
  let opened: Promise<Queues> | undefined;
  const get = () => {
    opened ??= open().catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
  const close = async () => {
    const queues = await opened?.catch(() => undefined);
    await queues?.close(2);
  };
  return { get, close };
}
