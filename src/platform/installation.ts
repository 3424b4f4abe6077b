/** The first start writes down what the data is made with; later ones refuse to go on with something else. */
import { sql } from 'drizzle-orm';
import type { Services } from './context.js';

type Row = { index_key_fingerprint: string; currency: string };

/** @throws Error, one line for the operator, where the keys or the currency are not those of the data */
export async function checkInstallation({ database, keyring, bank }: Services): Promise<void> {
  await database.rows(sql`
    insert into installation (id, index_key_fingerprint, currency)
    values (1, ${keyring.indexKeyFingerprint}, ${bank.currency}) on conflict do nothing`);
  const [made] = await database.rows<Row>(
    sql`select index_key_fingerprint, currency from installation where id = 1`,
  );
  if (made?.index_key_fingerprint !== keyring.indexKeyFingerprint) {
    throw new Error(
      'the keys are not those that this database was made with: give ENCRYPTION_KEYS, or the keys.json of its DATA_DIR',
    );
  }
  if (made.currency !== bank.currency) {
    throw new Error(`BANK_CURRENCY must be ${made.currency}: the amounts in this database are valued in it`);
  }
}
