/** The feed of what changed here, in the one order that the relay gave it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import type { Static } from 'typebox';
import type { Ctx } from '../platform/context.js';
import { visible } from '../platform/data-scope.js';
import type { CloudEvent } from './schemas.js';

type Row = {
  id: string;
  type: string;
  subject: string;
  occurred_at: string;
  sequence: number;
  data: Record<string, unknown>;
};

/** How often a long poll looks at the head of the feed: one row by its key. */
const lookMilliseconds = 100;

type Wanted = { after: number; limit: number; waitSeconds: number; isStopping: () => boolean };

/**
 * Events after a sequence, in order. Where there are none yet, waits for the first, up to `waitSeconds`. `head` is
 * how far the feed was read: events outside the caller's data scope are passed over.
 */
export async function readEvents(ctx: Ctx, wanted: Wanted): Promise<{ events: Row[]; head: number }> {
  const deadline = performance.now() + wanted.waitSeconds * 1000;
  let after = wanted.after;
  for (;;) {
    const head = await readHead(ctx);
    if (head > after) {
      const events = await readAfter(ctx, after, head, wanted.limit);
      const last = events.at(-1);
      // a full page ends at its last event; else everything up to the head was seen
      const read = events.length === wanted.limit && last !== undefined ? last.sequence : head;
      if (events.length > 0) return { events, head: read };
      after = head;
    }
    if (performance.now() >= deadline || wanted.isStopping()) return { events: [], head: after };
    await sleep(lookMilliseconds);
  }
}

async function readHead(ctx: Ctx): Promise<number> {
  const rows = await ctx.database.named<{ sequence: number }>(
    'read_outbox_head',
    'select sequence from outbox_head where id = 1',
    [],
  );
  return rows[0]?.sequence ?? 0;
}

function readAfter(ctx: Ctx, after: number, head: number, limit: number): Promise<Row[]> {
  const scope = visible(ctx, {
    id: sql`scope_customer`,
    branch: sql`scope_branch`,
    manager: sql`scope_manager`,
  });
  return ctx.database.rows<Row>(sql`
    select id, type, subject, occurred_at, sequence, data from outbox
    where sequence > ${after} and sequence <= ${head} and ${scope}
    order by sequence limit ${limit}`);
}

export function toCloudEvent(row: Row): Static<typeof CloudEvent> {
  return {
    specversion: '1.0',
    id: row.id,
    source: '/clientele',
    type: `clientele.${row.type}`,
    subject: row.subject,
    time: row.occurred_at,
    sequence: String(row.sequence),
    datacontenttype: 'application/json',
    data: row.data,
  };
}
