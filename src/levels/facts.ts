/** What rules may ask of the bank's own grading: the level that a customer has now. It changes with writes alone. */
import { sql } from 'drizzle-orm';
import { customerLevels } from '../db/tables/levels.js';
import type { Fact } from '../rules/facts.js';
import type { Source } from '../rules/statement.js';
import { touchNames } from '../rules/touches.js';

const present: Source = {
  name: 'level',
  customerId: sql`${customerLevels.customerId}`,
  rows: () => sql`from ${customerLevels} where ${customerLevels.toAt} is null`,
};
const touchedBy = [touchNames.level];

/** @param keys those of the model that is published, the lowest first */
export const levelFacts = (keys: readonly string[]): Fact[] => [
  {
    name: 'level',
    type: 'text',
    description:
      "The bank's own grading by monthly average assets; missing before the first month with a balance",
    values: keys,
    touchedBy,
    sql: (frame) => frame.column(present, 'level', () => sql`max(${customerLevels.level})`),
    value: ({ level }) => level?.level ?? null,
  },
  {
    name: 'level.rank',
    type: 'integer',
    unit: 'levels above the lowest',
    description: 'The same as a number: 0 is the lowest level',
    touchedBy,
    sql: (frame) => frame.column(present, 'rank', () => sql`max(${customerLevels.rank})`),
    value: ({ level }) => level?.rank ?? null,
  },
];
