/** All that rules may speak of: features declare their facts, the bank its attributes, schemes and roles. */
import { sql } from 'drizzle-orm';
import { activityFacts } from './activities/facts.js';
import { customerFacts, type Declared } from './customers/facts.js';
import { holdingFacts } from './holdings/facts.js';
import { type FactTable, factTable, type LoadFacts } from './rules/facts.js';

export const allFacts = (declared: Declared): FactTable =>
  factTable([...customerFacts(declared), ...holdingFacts(), ...activityFacts()]);

/** With what is declared now: definitions are few, so they are read anew. */
export const loadFacts: LoadFacts = async (reader) => {
  const [row] = await reader.rows<Declared>(sql`
    select
      (select coalesce(json_agg(json_build_object('name', name, 'description', description, 'json_schema', json_schema) order by name), '[]') from attribute_definitions) as attributes,
      (select coalesce(json_agg(json_build_object('key', key, 'name', name) order by key), '[]') from identifier_schemes) as schemes,
      (select coalesce(json_agg(json_build_object('role', role, 'name', name) order by role), '[]') from relationship_types) as roles`);
  return allFacts(row as Declared);
};
