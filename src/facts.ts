/** All that rules may speak of: features declare their facts, the bank its attributes, schemes and roles. */
import { sql } from 'drizzle-orm';
import { activityFacts } from './activities/facts.js';
import { customerFacts, type Declared } from './customers/facts.js';
import type { CountingPolicy } from './holdings/daily.js';
import { holdingFacts } from './holdings/facts.js';
import { levelFacts } from './levels/facts.js';
import { type KnownProgramme, loyaltyFacts } from './loyalty/facts.js';
import type { RfmModel } from './rfm/activity-values.js';
import { rfmFacts } from './rfm/facts.js';
import { type FactTable, factTable, type LoadFacts } from './rules/facts.js';

/** As the bank counts where it has not said otherwise. */
const usual: CountingPolicy = { attribution: 'primary_owner', average_days: 'calendar' };
const usualModel: RfmModel = { types: null, last: 'P1Y' };

/**
 * @param levels the keys of the bank's levels, the lowest first
 * @param programmes of loyalty, in the order in which they were made
 */
export const allFacts = (
  declared: Declared,
  policy: CountingPolicy = usual,
  levels: readonly string[] = [],
  model: RfmModel = usualModel,
  programmes: readonly KnownProgramme[] = [],
): FactTable =>
  factTable([
    ...customerFacts(declared),
    ...holdingFacts(policy),
    ...activityFacts(),
    ...levelFacts(levels),
    ...loyaltyFacts(programmes),
    ...rfmFacts(model),
  ]);

/** With what is declared now: definitions are few, so they are read anew. */
export const loadFacts: LoadFacts = async (reader) => {
  const [row] = await reader.rows<
    Declared & { policy: CountingPolicy; levels: string[]; rfm: RfmModel; programmes: KnownProgramme[] }
  >(sql`
    select
      (select coalesce(json_agg(json_build_object('name', name, 'description', description, 'json_schema', json_schema) order by name), '[]') from attribute_definitions) as attributes,
      (select coalesce(json_agg(json_build_object('key', key, 'name', name) order by key), '[]') from identifier_schemes) as schemes,
      (select coalesce(json_agg(json_build_object('role', role, 'name', name) order by role), '[]') from relationship_types) as roles,
      (select json_build_object('attribution', attribution, 'average_days', average_days) from balance_policy) as policy,
      (select array(select jsonb_array_elements(content -> 'levels') ->> 'key') from level_models
        order by version desc limit 1) as levels,
      (select json_build_object('types', types, 'last', window_last) from rfm_models
        where live_at is not null order by version desc limit 1) as rfm,
      (select coalesce(json_agg(json_build_object('key', p.key, 'tiers', (
          select coalesce(json_agg(t.value ->> 'key' order by t.place), '[]')
          from jsonb_array_elements((select m.content -> 'tiers' from loyalty_tier_models m
            where m.programme = p.key order by m.version desc limit 1)) with ordinality as t(value, place)))
        order by p.created_at, p.key), '[]') from loyalty_programmes p) as programmes`);
  if (row === undefined) throw new Error('nothing is declared');
  return allFacts(row, row.policy, row.levels, row.rfm, row.programmes);
};
