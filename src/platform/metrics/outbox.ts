/** What the relay has not yet given its place in the feed, and how far the feed is. */
import { sql } from 'drizzle-orm';
import { countedMax, type Measure } from './measures.js';

export const outboxMeasures: Measure[] = [
  {
    name: 'clientele_outbox_unpublished_events',
    help: `Events that have no place in the feed yet, counted up to ${countedMax}.`,
    select: () => sql`
      select null::text, count(*) from (select from outbox where sequence is null limit ${countedMax}) as waiting`,
  },
  {
    name: 'clientele_outbox_oldest_unpublished_seconds',
    help: 'How long ago the oldest event happened that has no place in the feed yet; 0 where none waits.',
    select: (now) => sql`
      select null::text, coalesce(greatest(0, extract(epoch from ${now} - (
        select occurred_at from outbox where sequence is null order by occurred_at limit 1))), 0)`,
  },
  {
    name: 'clientele_feed_head',
    help: 'The sequence of the last event in the feed.',
    select: () => sql`select null::text, sequence from outbox_head where id = 1`,
  },
];
