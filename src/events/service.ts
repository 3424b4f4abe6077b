/** Reading the feed: by pages, where one may wait for the next, and the form in which an event goes out. */
import type { Static } from 'typebox';
import { DomainError } from '../platform/errors.js';
import type { EventFilter, EventPage, EventRow, Feed, Wanted } from './feed.js';
import type { CloudEvent } from './schemas.js';

/** What an event's type begins with when it goes out. */
const namespace = 'clientele.';

/** What of the feed is looked through for one request, when what is wanted is rare. */
const searchMilliseconds = 5000;
/** Within this time a process that stops, or a caller that went away, is noticed. */
const noticeMilliseconds = 1000;

type Waiting = { seconds: number; isStopping: () => boolean };

/**
 * Events after a sequence, in order. Where there are none yet, waits for the first. `head` is how far the feed was
 * read.
 */
export async function readEvents(feed: Feed, wanted: Wanted, waiting: Waiting): Promise<EventPage> {
  const begun = performance.now();
  const deadline = begun + waiting.seconds * 1000;
  let { after } = wanted;
  for (;;) {
    const page = await feed.page({ ...wanted, after });
    after = page.head;
    const left = deadline - performance.now();
    if (page.events.length > 0 || waiting.isStopping()) return page;
    if (page.isEnd ? left <= 0 : performance.now() > begun + searchMilliseconds) return page;
    if (page.isEnd && !(await waitFor(feed, after, deadline, waiting.isStopping))) return page;
  }
}

async function waitFor(feed: Feed, after: number, deadline: number, isStopping: () => boolean) {
  for (;;) {
    const left = deadline - performance.now();
    if (left <= 0 || isStopping()) return false;
    if (await feed.waitBeyond(after, Math.min(left, noticeMilliseconds))) return true;
  }
}

/**
 * The filter of a query: `type` has types and prefixes, separated by commas, as they go out. Throws where there is
 * none among `known`, since whoever waited for it would wait for ever.
 */
export function filterOf(query: { type?: string; subject?: string }, known: readonly string[]): EventFilter {
  const asked = query.type === undefined ? [] : query.type.split(',');
  const types = asked.map((type) => type.slice(namespace.length));
  const isKnown = (type: string) =>
    known.some((one) => (type.endsWith('.') ? one.startsWith(type) : one === type));
  if (!types.every(isKnown)) {
    const message = 'names no event that there is';
    throw new DomainError('malformed_request', `The parameter type ${message}.`, {
      errors: [
        {
          in: 'query',
          pointer: '/type',
          code: 'unknown',
          message,
          allowed: known.map((one) => `${namespace}${one}`),
        },
      ],
    });
  }
  return { types, subject: query.subject };
}

export function toCloudEvent(row: EventRow): Static<typeof CloudEvent> {
  return {
    specversion: '1.0',
    id: row.id,
    source: '/clientele',
    type: `${namespace}${row.type}`,
    subject: row.subject,
    time: row.occurred_at,
    sequence: String(row.sequence),
    datacontenttype: 'application/json',
    ...(row.traceparent === null ? {} : { traceparent: row.traceparent }),
    data: row.data,
  };
}
