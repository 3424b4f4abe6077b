/** How far the levels are behind what is known. */
import { sql } from 'drizzle-orm';
import { countedMax, type Measure } from '../platform/metrics/measures.js';

export const levelMeasures: Measure[] = [
  {
    name: 'clientele_levels_late_customers',
    help: `Customers whose balances changed backward and who wait to be graded anew, counted up to ${countedMax}.`,
    select: () => sql`
      select null::text, count(*) from (select from late_balances limit ${countedMax}) as waiting`,
  },
  {
    name: 'clientele_levels_round_seconds',
    help: 'How long ago the close or other round that is not done yet was due; 0 where none is under way.',
    select: (now) => sql`
      select null::text, coalesce((select greatest(0, extract(epoch from ${now} - effective_at)) from level_rounds
        where completed_at is null order by number limit 1), 0)`,
  },
];
