/** Imports that are under way, and how long the first of them has waited for its turn. */
import { sql } from 'drizzle-orm';
import type { Measure } from '../platform/metrics/measures.js';

export const importMeasures: Measure[] = [
  {
    name: 'clientele_imports_open',
    help: 'Imports that have not ended, by their state.',
    label: 'state',
    select: () => sql`
      select states.state, count(imports.id) from (values ('receiving'), ('queued'), ('running')) as states(state)
      left join imports on imports.state = states.state and imports.state in ('receiving', 'queued', 'running')
      group by states.state`,
  },
  {
    name: 'clientele_imports_queued_oldest_seconds',
    help: 'How long ago the import was begun that has been queued for longest; 0 where none waits.',
    select: (now) => sql`
      select null::text, coalesce(greatest(0, extract(epoch from ${now} - min(created_at))), 0)
      from imports where state = 'queued'`,
  },
];
