/**
 * The domain's time. It is the real time, but in a sandbox, where it was set once and runs on from there. The
 * sandbox's setting lives in the database, so that API and workers agree; it is read anew for every context.
 */
import { sql } from 'drizzle-orm';
import type { Reader } from '../db/client.js';

export type Clock = { now(): Promise<string> };

/** Microseconds of the real clock would be invented: milliseconds are what it gives. */
export const realNow = (): string => new Date().toISOString();

export const realClock: Clock = { now: async () => realNow() };

/** A clock that starts at `startAt` the first time, and runs. */
export function sandboxClock(reader: Reader, startAt: string | undefined): Clock {
  return {
    async now() {
      const real = realNow();
      const [row] = await reader.rows<{ now: string }>(sql`
        select greatest(domain_instant, domain_instant + (${real}::timestamptz - real_instant)) as now
        from sandbox_clock where id = 1`);
      if (row !== undefined) return row.now;
      await setSandboxClock(reader, startAt ?? real, real);
      return startAt ?? real;
    },
  };
}

/** Sets the sandbox's clock, never back: the later of `instant` and its present time stays. */
export async function setSandboxClock(reader: Reader, instant: string, real: string): Promise<void> {
  await reader.rows(sql`
    insert into sandbox_clock as clock (id, domain_instant, real_instant) values (1, ${instant}, ${real})
    on conflict (id) do update set
      domain_instant = greatest(excluded.domain_instant,
        clock.domain_instant + greatest(excluded.real_instant - clock.real_instant, interval '0')),
      real_instant = excluded.real_instant`);
}
