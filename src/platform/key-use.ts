/**
 * When each key was last used, to the minute. Requests only note it; what was noted is written every few seconds in
 * one statement, at most once a minute a key however many processes serve it, and at the end.
 */
import { sql } from 'drizzle-orm';
import { array, type Reader } from '../db/client.js';
import { realNow } from './clock.js';
import type { Logger } from './log.js';

export type KeyUse = { note(keyId: string): void; close(): Promise<void> };

const minuteMilliseconds = 60_000;
const flushMilliseconds = 5000;

export function recordKeyUse(reader: Reader, log: Logger): KeyUse {
  /** by key: when it was noted last here */
  const noted = new Map<string, number>();
  const waiting = new Map<string, string>();
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();

  const flush = () => {
    timer = undefined;
    const uses = [...waiting];
    waiting.clear();
    writing = writing
      .then(() => writeUses(reader, uses))
      // nothing depends on it, and the next use says it again
      .catch((error: unknown) => log.warn({ err: error }, 'the last use of keys was not written'));
  };

  return {
    note(keyId) {
      const now = performance.now();
      const last = noted.get(keyId);
      if (last !== undefined && now - last < minuteMilliseconds) return;
      noted.set(keyId, now);
      waiting.set(keyId, realNow());
      timer ??= setTimeout(flush, flushMilliseconds).unref();
    },
    async close() {
      clearTimeout(timer);
      if (waiting.size > 0) flush();
      await writing;
    },
  };
}

/** A key that is being changed, or written by another process, is passed over. */
async function writeUses(reader: Reader, uses: readonly [string, string][]): Promise<void> {
  const ids = uses.map(([id]) => id);
  const instants = uses.map(([, instant]) => instant);
  await reader.rows(sql`
    with used as materialized (
      select k.id, use.at
      from unnest(${array(ids, 'uuid')}, ${array(instants, 'timestamptz')}) as use(id, at)
      join api_keys k on k.id = use.id
      where k.last_used_at is null or k.last_used_at <= use.at - interval '1 minute'
      order by k.id for update of k skip locked
    )
    update api_keys k set last_used_at = used.at from used where k.id = used.id`);
}
