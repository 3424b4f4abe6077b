/**
 * Events as a stream (WHATWG server-sent events). The id of each is its sequence, so that a client that comes back
 * says where it was. A stream ends when its process stops, its caller may no longer read, or its reader is too slow:
 * nothing is kept for it, since the feed still has all.
 */
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Reach } from '../platform/context.js';
import { DomainError } from '../platform/errors.js';
import type { EventFilter, EventPage, EventRow, Feed } from './feed.js';
import { toCloudEvent } from './service.js';

export type StreamLimits = { perProcess: number; perCaller: number };

/** The streams of a process: how many there are, and who has them. */
export function streamRegister(limits: StreamLimits) {
  const byCaller = new Map<string, number>();
  let count = 0;
  return {
    count: () => count,
    /** Takes a place, and returns what gives it back. Throws where there is none. */
    enter(caller: string): () => void {
      const own = byCaller.get(caller) ?? 0;
      if (own >= limits.perCaller) {
        throw new DomainError('too_many_streams', `A key has at most ${limits.perCaller} streams.`, {
          retryAfterSeconds: 5,
        });
      }
      if (count >= limits.perProcess) {
        throw new DomainError('unavailable', 'This process has no room for another stream.', {
          retryAfterSeconds: 5,
        });
      }
      count += 1;
      byCaller.set(caller, own + 1);
      let left = false;
      return () => {
        if (left) return;
        left = true;
        count -= 1;
        const others = (byCaller.get(caller) ?? 1) - 1;
        if (others === 0) byCaller.delete(caller);
        else byCaller.set(caller, others);
      };
    },
  };
}

export type StreamSource = {
  feed: Feed;
  after: number;
  filter: EventFilter;
  /** What the caller may see now; undefined when the stream is to end. */
  reach: () => Promise<{ reach: Reach } | undefined>;
  heartbeatMilliseconds: number;
  /** aborted when the caller has gone */
  gone: AbortSignal;
  /** cuts off a reader that takes nothing */
  cut: () => void;
};

const pageSize = 100;
/** How often it is asked whether the stream may go on. */
const askMilliseconds = 1000;
/** What clients wait before they come back. */
const retryMilliseconds = 1000;

export function eventStream(source: StreamSource): Readable {
  return Readable.from(watched(frames(source), source), { objectMode: true, highWaterMark: 1 });
}

async function* frames(source: StreamSource): AsyncGenerator<string> {
  const { feed, filter, gone } = source;
  let { after } = source;
  let quietSince = performance.now();
  yield `retry: ${retryMilliseconds}\n\n`;
  for (;;) {
    const reach = await source.reach();
    if (gone.aborted) return;
    if (reach === undefined) break;
    if (await feed.waitBeyond(after, Math.min(askMilliseconds, source.heartbeatMilliseconds), gone)) {
      const wanted = { after, limit: pageSize, filter, reach: reach.reach };
      const page = (await feed.page(wanted).catch(() => undefined)) ?? (await later(after, gone));
      after = page.head;
      if (page.events.length > 0) {
        yield page.events.map(frameOf).join('');
        quietSince = performance.now();
      }
    }
    if (performance.now() - quietSince >= source.heartbeatMilliseconds) {
      // without data it is no event, but moves the place from which the client goes on
      yield `: still here\nid: ${after}\n\n`;
      quietSince = performance.now();
    }
  }
  yield ': the stream ends here, come back with the last id\n\n';
}

/** A database that is away is waited for: the events are there when it is back. */
async function later(after: number, gone: AbortSignal): Promise<EventPage> {
  await sleep(askMilliseconds, undefined, { signal: gone }).catch(() => undefined);
  return { events: [], head: after, isEnd: false };
}

const frameOf = (row: EventRow) => `id: ${row.sequence}\ndata: ${JSON.stringify(toCloudEvent(row))}\n\n`;

/** The next frame is asked for when the reader has taken the last one: who takes too long is cut off. */
async function* watched(made: AsyncGenerator<string>, source: StreamSource): AsyncGenerator<string> {
  for await (const frame of made) {
    const limit = setTimeout(source.cut, source.heartbeatMilliseconds);
    try {
      yield frame;
    } finally {
      clearTimeout(limit);
    }
  }
}
