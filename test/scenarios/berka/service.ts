/** The service as a bank runs it, in a process of its own that can be killed, on a database that stays. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Child, startChild } from '../../support/child.js';
import { Client } from '../../support/client.js';
import { cloneDatabase } from '../../support/database.js';

const apiKey = 'ck_berka_berka_berka_berka_berka';

export type Bank = {
  client: Client;
  databaseUrl: string;
  /** SIGKILL: nothing is finished, nothing is said */
  kill(): Promise<void>;
  /** starts again, at another port, after a kill */
  restart(): Promise<void>;
  close(): Promise<void>;
};

export async function openBank(): Promise<Bank> {
  const { url, drop } = await cloneDatabase();
  const dataDir = await mkdtemp(path.join(tmpdir(), 'clientele-berka-'));
  let child: Child;
  const start = async () => {
    child = await startChild(`process.argv[2] = 'start';\nawait import('./main.js');`, {
      env: {
        ...process.env,
        DATABASE_URL: url,
        REDIS_URL: '',
        DATA_DIR: dataDir,
        PORT: '0',
        BOOTSTRAP_API_KEY: apiKey,
        LOG_LEVEL: 'error',
        BANK_CURRENCY: 'CZK',
        BANK_TIME_ZONE: 'Europe/Prague',
        BANK_COUNTRY: 'CZ',
        SANDBOX: 'true',
        SANDBOX_START_AT: '1999-01-01T00:00:00+01:00',
      },
    });
    const line = await child.line('Clientele answers at');
    return new Client(line.replace('Clientele answers at ', ''), apiKey);
  };
  const bank: Bank = {
    client: await start(),
    databaseUrl: url,
    async kill() {
      child.process.kill('SIGKILL');
      await child.ended;
    },
    async restart() {
      bank.client = await start();
    },
    async close() {
      child.process.kill('SIGTERM');
      await child.ended;
      await drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
  return bank;
}
