/** PostgreSQL doing the same statements with nothing in front: pgbench, which comes with its server packages. */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

function program(): string {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort().reverse() : [];
  const found = versions.map((one) => path.join(debian, one, 'bin/pgbench')).find((one) => existsSync(one));
  return found ?? 'pgbench';
}

/** Transactions a second of a script, each statement prepared once a connection. */
export async function pgbench(
  databaseUrl: string,
  script: string,
  { clients, transactions }: { clients: number; transactions: number },
): Promise<number> {
  const folder = await mkdtemp(path.join(tmpdir(), 'clientele-pgbench-'));
  try {
    const file = path.join(folder, 'script.sql');
    await writeFile(file, script);
    const each = Math.ceil(transactions / clients);
    const { stdout } = await run(program(), [
      ...['--no-vacuum', '--protocol=prepared', `--client=${clients}`, '--jobs=2'],
      ...[`--transactions=${each}`, `--file=${file}`, databaseUrl],
    ]);
    const tps = /^tps = ([\d.]+)/m.exec(stdout)?.[1];
    const failed = /^number of failed transactions: (\d+)/m.exec(stdout)?.[1];
    if (tps === undefined || (failed !== undefined && failed !== '0')) throw new Error(`pgbench: ${stdout}`);
    return Number(tps);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
