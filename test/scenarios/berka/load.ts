/** What the bank declares before it sends anything, and the load of all but the transactions. */
import { expect } from 'vitest';
import type { Client } from '../../support/client.js';
import { customerLines, holdingLines, scheme } from './bank.js';
import type { BerkaFiles } from './files.js';
import { importAll } from './imports.js';

export async function declareBank(client: Client): Promise<void> {
  await client.put(
    `/v1/identifier-schemes/${scheme}`,
    { name: 'Client number of the Berka bank', normaliser: 'none', sensitive: false, path_safe: true },
    201,
  );
  await client.put(
    '/v1/attributes/region',
    {
      description: 'Region of the district',
      json_schema: { type: 'string', maxLength: 40 },
      sensitivity: 'internal',
      searchable: true,
    },
    201,
  );
}

export async function loadCustomersAndHoldings(client: Client, files: BerkaFiles): Promise<void> {
  const customers = await importAll(client, 'customers', customerLines(files));
  expect(customers).toMatchObject({ accepted: 5369, duplicates: 0, rejected: 0 });
  const holdings = await importAll(client, 'holdings', holdingLines(files));
  expect(holdings).toMatchObject({ accepted: 4500 + 892 + 682, duplicates: 0, rejected: 0 });
}
