/** How many customers wait for a review, and for how long. */
import { sql } from 'drizzle-orm';
import { bucketCount } from '../db/tables/reviews.js';
import { countedMax, type Measure } from '../platform/metrics/measures.js';

export const reviewMeasures: Measure[] = [
  {
    name: 'clientele_review_backlog_customers',
    help: `Customers that wait for a review, counted up to ${countedMax}.`,
    select: () => sql`
      select null::text, count(*) from (
        select from review_state where marked_at is not null limit ${countedMax}) as waiting`,
  },
  {
    name: 'clientele_review_backlog_oldest_seconds',
    help: 'How long the customer has waited that was marked for review first; 0 where none waits.',
    select: (now) => sql`
      select null::text, coalesce(greatest(0, extract(epoch from ${now} - min(first.marked_at))), 0)
      from generate_series(0, ${bucketCount - 1}::int) as buckets(bucket), lateral (
        select marked_at from review_state where bucket = buckets.bucket and marked_at is not null
        order by marked_at limit 1) as first`,
  },
];
