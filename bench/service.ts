/** The product as it is started by anybody: a process of its own, on a directory of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

export const apiKey = 'ck_benchbenchbenchbenchbenchbench';

export type Service = {
  origin: string;
  /** of the embedded database */
  databaseUrl: string;
  dataDir: string;
  pid: number;
  stop(): Promise<void>;
};

export const newDataDir = () => mkdtemp(path.join(tmpdir(), 'clientele-bench-'));

/** One that nobody listens on: benches of several checkouts may run at once. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Starts the service and waits until it is ready. */
export async function startService(dataDir: string): Promise<Service> {
  const port = await freePort();
  const child = spawn(process.execPath, ['dist/main.js', 'start'], {
    env: {
      ...process.env,
      DATABASE_URL: '',
      REDIS_URL: '',
      DATA_DIR: dataDir,
      PORT: String(port),
      BOOTSTRAP_API_KEY: apiKey,
      LOG_LEVEL: 'warn',
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const origin = `http://127.0.0.1:${port}`;
  await waitUntilReady(origin, child);
  return {
    origin,
    databaseUrl: await embeddedUrl(dataDir),
    dataDir,
    pid: child.pid ?? 0,
    stop: async () => {
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

export async function waitUntilReady(origin: string, child: ChildProcess): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the service ended with ${child.exitCode}`);
    try {
      if ((await fetch(`${origin}/readyz`)).ok) return;
    } catch {
      // not listening yet
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The password and the port that the embedded database keeps in its directory. */
async function embeddedUrl(dataDir: string): Promise<string> {
  const password = (await readFile(path.join(dataDir, 'database-password'), 'utf8')).trim();
  const postmaster = await readFile(path.join(dataDir, 'postgres', 'postmaster.pid'), 'utf8');
  return `postgres://clientele:${password}@127.0.0.1:${postmaster.split('\n')[3]}/clientele`;
}

export const removeDataDir = (dataDir: string) => rm(dataDir, { recursive: true, force: true });
