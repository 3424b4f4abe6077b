/** How far values lag behind the rates. */
import { sql } from 'drizzle-orm';
import type { Measure } from '../platform/metrics/measures.js';

export const moneyMeasures: Measure[] = [
  {
    name: 'clientele_unmarked_rate_currencies',
    help: 'Currencies whose holders are not all marked for review since their latest rate.',
    select: () => sql`select null::text, count(*) from latest_rates where marked_at is null`,
  },
  {
    name: 'clientele_unvalued_currency_days',
    help: 'Currencies and business dates of which there are activities without a value.',
    select: () => sql`select null::text, count(*) from unvalued_days`,
  },
];
