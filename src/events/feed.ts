/**
 * The feed of what changed here, in the one order that the relay gave it. All who wait in a process look at its head
 * together: one statement at a time however many they are, and what came just now is read once for all of them.
 */
import { sql } from 'drizzle-orm';
import { array, type Database, type Reader } from '../db/client.js';
import type { Reach } from '../platform/context.js';
import { isVisibleEvent, visibleEvent } from '../platform/data-scope.js';

export type EventRow = {
  id: string;
  type: string;
  subject: string;
  occurred_at: string;
  sequence: number;
  data: Record<string, unknown>;
  traceparent: string | null;
  scope_branch: string | null;
  scope_manager: string | null;
  scope_customer: string | null;
  scope_staff: string[] | null;
};

/** Types without `clientele.`; one that ends with a dot is a prefix. An empty list is every type. */
export type EventFilter = { types: readonly string[]; subject: string | undefined };

export type Wanted = { after: number; limit: number; filter: EventFilter; reach: Reach };

/** `head` is how far the feed was read: what the reader does not want or may not see is passed over. */
export type EventPage = { events: EventRow[]; head: number; isEnd: boolean };

export type Feed = {
  page(wanted: Wanted): Promise<EventPage>;
  /** True when there is something after a sequence; false when the time is over, or the waiting was given up. */
  waitBeyond(after: number, milliseconds: number, signal?: AbortSignal): Promise<boolean>;
  close(): void;
};

const lookMilliseconds = 100;
/** How many of the last events a process holds for those who are near the head. */
const tailSize = 1000;
/** How many events one statement looks at: what is wanted may be rare among them. */
const spanSize = 20_000;

type Waiter = { after: number; end: (found: boolean) => void };

export function openFeed(database: () => Database): Feed {
  const waiting = new Set<Waiter>();
  /** all events after `from` up to `head` */
  let tail: { from: number; head: number; rows: EventRow[] } | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const look = async () => {
    try {
      tail = await followed(database(), tail);
      const { head } = tail;
      for (const waiter of [...waiting]) if (waiter.after < head) waiter.end(true);
    } catch {
      // whoever waits goes on waiting, and is told at the next statement of its own
    }
    timer = undefined;
    plan(lookMilliseconds);
  };
  const plan = (milliseconds: number) => {
    if (closed || waiting.size === 0 || timer !== undefined) return;
    timer = setTimeout(look, milliseconds);
  };

  return {
    async page(wanted) {
      if (tail !== undefined && wanted.after >= tail.from && wanted.after < tail.head) {
        return pageOf(tail.rows, tail.head, wanted);
      }
      return readPage(database(), wanted);
    },
    waitBeyond(after, milliseconds, signal) {
      if (tail !== undefined && after < tail.head) return Promise.resolve(true);
      if (closed || signal?.aborted === true) return Promise.resolve(false);
      return new Promise((resolve) => {
        const giveUp = () => waiter.end(false);
        const limit = setTimeout(giveUp, milliseconds);
        const waiter: Waiter = {
          after,
          end(found) {
            waiting.delete(waiter);
            clearTimeout(limit);
            signal?.removeEventListener('abort', giveUp);
            resolve(found);
          },
        };
        signal?.addEventListener('abort', giveUp);
        waiting.add(waiter);
        plan(0);
      });
    },
    close() {
      closed = true;
      clearTimeout(timer);
      for (const waiter of [...waiting]) waiter.end(false);
    },
  };
}

/** The tail as it is now. Too far behind, it begins anew at the head: who needs what came before reads it. */
async function followed(
  reader: Reader,
  tail: { from: number; head: number; rows: EventRow[] } | undefined,
): Promise<{ from: number; head: number; rows: EventRow[] }> {
  const head = await readHead(reader);
  if (tail !== undefined && head <= tail.head) return tail;
  if (tail === undefined || head - tail.head > tailSize) return { from: head, head, rows: [] };
  const rows = [...tail.rows, ...(await readRows(reader, sql`true`, tail.head, head, tailSize))];
  const dropped = rows.splice(0, Math.max(0, rows.length - tailSize));
  return { from: dropped.at(-1)?.sequence ?? tail.from, head, rows };
}

function pageOf(rows: readonly EventRow[], head: number, wanted: Wanted): EventPage {
  const first = rows.findLastIndex((row) => row.sequence <= wanted.after) + 1;
  const events: EventRow[] = [];
  for (const row of rows.slice(first)) {
    if (!isWanted(row, wanted)) continue;
    events.push(row);
    if (events.length === wanted.limit) return { events, head: row.sequence, isEnd: row.sequence === head };
  }
  return { events, head, isEnd: true };
}

function isWanted(row: EventRow, { filter, reach }: Wanted): boolean {
  return (
    isVisibleEvent({ reach }, row) &&
    (filter.subject === undefined || filter.subject === row.subject) &&
    (filter.types.length === 0 ||
      filter.types.some((type) => (type.endsWith('.') ? row.type.startsWith(type) : row.type === type)))
  );
}

async function readPage(reader: Reader, wanted: Wanted): Promise<EventPage> {
  const end = await readHead(reader);
  if (end <= wanted.after) return { events: [], head: wanted.after, isEnd: true };
  const head = Math.min(end, wanted.after + spanSize);
  const events = await readRows(reader, wantedRows(wanted), wanted.after, head, wanted.limit);
  const last = events.at(-1);
  // a full page ends at its last event; else everything up to the head was seen
  const read = events.length === wanted.limit && last !== undefined ? last.sequence : head;
  return { events, head: read, isEnd: read === end };
}

function wantedRows({ filter, reach }: Wanted) {
  const scope = visibleEvent({ reach });
  const exact = filter.types.filter((type) => !type.endsWith('.'));
  const prefixes = filter.types.filter((type) => type.endsWith('.'));
  const types =
    filter.types.length === 0
      ? sql`true`
      : sql`(type = any(${array(exact, 'text')})
          or exists (select from unnest(${array(prefixes, 'text')}) prefix where starts_with(type, prefix)))`;
  const subject = filter.subject === undefined ? sql`true` : sql`subject = ${filter.subject}`;
  return sql`${scope} and ${types} and ${subject}`;
}

async function readHead(reader: Reader): Promise<number> {
  const [row] = await reader.named<{ sequence: number }>(
    'read_outbox_head',
    'select sequence from outbox_head where id = 1',
    [],
  );
  return row?.sequence ?? 0;
}

const readRows = (
  reader: Reader,
  condition: ReturnType<typeof sql>,
  after: number,
  head: number,
  limit: number,
) =>
  reader.rows<EventRow>(sql`
    select id, type, subject, occurred_at, sequence, data, traceparent, scope_branch, scope_manager, scope_customer,
      scope_staff
    from outbox where sequence > ${after} and sequence <= ${head} and ${condition}
    order by sequence limit ${limit}`);
