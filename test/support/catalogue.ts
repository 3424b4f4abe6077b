/** Holds events against the catalogue: whatever a test makes the service tell is declared, with that data. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import type { Database } from '../../src/db/client.js';
import { eventTypes } from '../../src/events/catalogue.js';

const ajv = new Ajv2020({ strict: false, allErrors: true });
formats.default(ajv);
const validators = new Map(Object.entries(eventTypes).map(([type, { data }]) => [type, ajv.compile(data)]));

/** What is wrong with the events of a database: the first of each kind, empty where all are as declared. */
export async function undeclaredEvents(database: Database): Promise<string[]> {
  const { rows } = await database.pool.query<{ type: string; data: unknown }>(
    'select type, data from outbox order by id limit 50000',
  );
  const wrong = new Set<string>();
  for (const { type, data } of rows) {
    const validate = validators.get(type);
    if (validate === undefined) wrong.add(`${type} is not in the catalogue`);
    else if (!validate(data)) wrong.add(`${type}: ${ajv.errorsText(validate.errors)}`);
  }
  return [...wrong];
}
