/**
 * The domain's time. It is the real time, but in a sandbox, where it was set once and runs on from there. The
 * sandbox's setting lives in the database, so that API and workers agree; it is read anew for every context.
 */
import { type SQL, sql } from 'drizzle-orm';
import type { Reader, Tx } from '../db/client.js';

export type Clock = { now(): Promise<string> };

/** Microseconds of the real clock would be invented: milliseconds are what it gives. */
export const realNow = (): string => new Date().toISOString();

export const realClock: Clock = { now: async () => realNow() };

/** The event after which everything that time decides is looked at anew. */
export const clockMoved = 'sandbox_clock.moved';

/** Where the sandbox's clock stands at a real instant. */
const standing = (real: string): SQL =>
  sql`select greatest(domain_instant, domain_instant + (${real}::timestamptz - real_instant)) as now
    from sandbox_clock where id = 1`;

/** A clock that starts at `startAt` the first time, and runs. */
export function sandboxClock(reader: Reader, startAt: string | undefined): Clock {
  return {
    async now() {
      const real = realNow();
      const [row] = await reader.rows<{ now: string }>(standing(real));
      if (row !== undefined) return row.now;
      await setSandboxClock(reader, startAt ?? real, real);
      return startAt ?? real;
    },
  };
}

/** Whether the database was ever read by the clock of a sandbox. */
export async function hasSandboxClock(reader: Reader): Promise<boolean> {
  return (await reader.rows(sql`select from sandbox_clock where id = 1`)).length > 0;
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

/** Moves the sandbox's clock to what `target` makes of where it stands. Of several movers each begins where the last one ended. */
export async function moveSandboxClock(
  tx: Tx,
  target: (present: string) => string,
): Promise<{ from: string; to: string }> {
  await tx.rows(sql`select from sandbox_clock where id = 1 for update`);
  const real = realNow();
  const [row] = await tx.rows<{ now: string }>(standing(real));
  if (row === undefined) throw new Error('the sandbox has no clock yet');
  const to = target(row.now);
  await setSandboxClock(tx, to, real);
  return { from: row.now, to };
}
