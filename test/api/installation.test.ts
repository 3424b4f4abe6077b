import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkInstallation } from '../../src/platform/installation.js';
import { parseKeys } from '../../src/platform/key-file.js';
import { createKeyring } from '../../src/platform/secrets.js';
import { testKeyring } from '../support/app.js';
import { cloneDatabase, type TestDatabase } from '../support/database.js';

let db: TestDatabase;
beforeAll(async () => {
  db = await cloneDatabase();
});
afterAll(() => db.drop());

const bank = { timeZone: 'Asia/Shanghai', currency: 'CNY', country: 'CN' };
const key = (byte: number) => Buffer.alloc(32, byte).toString('base64');

test('a database is not read with other keys, nor valued in another currency', async () => {
  const services = { database: db.database, keyring: testKeyring(), bank };
  await checkInstallation(services);
  await checkInstallation(services);
  const otherIndex = createKeyring(parseKeys(`k1:${key(1)},index:${key(9)},token:${key(3)}`));
  await expect(checkInstallation({ ...services, keyring: otherIndex })).rejects.toThrow(/ENCRYPTION_KEYS/);
  // the encryption key may be changed: older ones stay readable
  const rotated = createKeyring(parseKeys(`k2:${key(7)},k1:${key(1)},index:${key(2)},token:${key(3)}`));
  await checkInstallation({ ...services, keyring: rotated });
  await expect(checkInstallation({ ...services, bank: { ...bank, currency: 'EUR' } })).rejects.toThrow(/CNY/);
});
