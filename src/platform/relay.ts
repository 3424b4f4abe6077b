/**
 * Gives events their place in the one order that readers page through. It works alone, under an advisory lock of
 * its own transaction: a sequence is visible only when all before it are, and there are no gaps. Within a
 * customer the order is that of the effective instants, which never go back.
 */
import { sql } from 'drizzle-orm';
import type { Database } from '../db/client.js';

const batchSize = 1000;

export type RelayedEvent = { id: string; type: string; traceparent: string | null };

/** Sequences what waits, a batch. Returns what it was, empty where nothing waited or another relays. */
export function relayEvents(database: Database): Promise<RelayedEvent[]> {
  return database.begin(async (tx) => {
    const [lock] = await tx.rows<{ taken: boolean }>(
      sql`select pg_try_advisory_xact_lock(hashtextextended('clientele_relay', 0)) as taken`,
    );
    if (lock?.taken !== true) return [];
    return tx.named<RelayedEvent>(
      'relay_events',
      `with waiting as (
         select id, row_number() over (order by occurred_at, subject_version, id) as place
         from (select id, occurred_at, subject_version from outbox where sequence is null
               order by occurred_at, subject_version, id limit $1) as first
       ), head as (
         update outbox_head set sequence = sequence + (select count(*) from waiting)
         where id = 1 and exists (select from waiting)
         returning sequence - (select count(*) from waiting) as base
       )
       update outbox set sequence = head.base + waiting.place
       from waiting, head where outbox.id = waiting.id
       returning outbox.id, outbox.type, outbox.traceparent`,
      [batchSize],
    );
  });
}

/** Runs the relay until it is told to stop. `onEvents` hears what was sequenced, after the commit. */
export function startRelay(
  database: Database,
  onEvents: (events: readonly RelayedEvent[]) => void,
  onError: (error: unknown) => void,
): { stop(): Promise<void> } {
  let stopped = false;
  const idleMilliseconds = 50;
  const loop = async () => {
    while (!stopped) {
      let found = false;
      try {
        const events = await relayEvents(database);
        found = events.length > 0;
        if (found) onEvents(events);
      } catch (error) {
        onError(error);
        await pause(1000);
      }
      if (!found) await pause(idleMilliseconds);
    }
  };
  const pause = (milliseconds: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  let wakeUp: () => void = () => undefined;
  const running = loop();
  return {
    async stop() {
      stopped = true;
      wakeUp();
      await running;
    },
  };
}
