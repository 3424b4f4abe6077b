/**
 * PostgreSQL 18 from the package registry, for a machine that has nothing else: made in the data directory at
 * the first start, reachable on the loopback address only, stopped with the service and recovered after a crash.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmod,
  chown,
  lstat,
  mkdir,
  open,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { type Account, databaseAccount, findBinaries, reachable, sharedHome } from './embedded-binaries.js';
import {
  type Cluster,
  clearStale,
  isRunning,
  type Log,
  type Postmaster,
  startPostmaster,
  stopPostmaster,
} from './postmaster.js';
import { lockFile } from './process-lock.js';

export type Embedded = {
  /** Connection string of the database `clientele`, as its owner. */
  url: string;
  version: string;
  /** Stops the server and gives the data directory free. Call it last, after everything has drained. */
  stop(): Promise<void>;
};

const name = 'clientele';

/**
 * Starts the embedded database in `dataDir`, making it when there is none.
 *
 * Throws one line for the operator when the binaries are not installed, when another live service uses
 * `dataDir`, when the port is taken, or when the data was made by another major version.
 */
export async function startEmbedded(options: { dataDir: string; port: number; log: Log }): Promise<Embedded> {
  if (process.platform === 'win32')
    throw new Error('the embedded database is not for Windows: set DATABASE_URL');
  const dataDir = await openDataDir(options.dataDir);
  const unlock = await lockFile(path.join(dataDir, 'service.pid'));
  try {
    const password = await keptPassword(path.join(dataDir, 'database-password'));
    const cluster = await openCluster(dataDir, password, options.log);
    await clearStale(cluster);
    const server = await supervise(cluster, options.port);
    const url = `postgres://${name}:${password}@127.0.0.1:${server.port}/${name}`;
    try {
      await ensureDatabase(url);
    } catch (error) {
      await server.stop();
      throw error;
    }
    let stopping: Promise<void> | undefined;
    const stop = () => {
      stopping ??= server.stop().finally(unlock);
      return stopping;
    };
    return { url, version: cluster.binaries.version, stop };
  } catch (error) {
    await unlock();
    throw error;
  }
}

async function openDataDir(configured: string): Promise<string> {
  await mkdir(path.dirname(path.resolve(configured)), { recursive: true });
  await mkdir(configured, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  const dataDir = await realpath(configured);
  // As root the server runs under another account, which must be able to pass through; every file is 600.
  const { mode, uid } = await stat(dataDir);
  if (process.getuid?.() === 0 && uid === 0) await chmod(dataDir, mode | 0o011);
  return dataDir;
}

async function keptPassword(file: string): Promise<string> {
  const kept = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (kept) return kept.trim();
  const password = randomBytes(24).toString('base64url');
  await writeFile(file, `${password}\n`, { mode: 0o600, flush: true });
  return password;
}

async function openCluster(dataDir: string, password: string, log: Log): Promise<Cluster> {
  const link = path.join(dataDir, 'postgres');
  const account = await databaseAccount(dataDir, link);
  const binaries = await findBinaries(account, dataDir);
  const opened = (dir: string): Cluster => ({
    dir,
    logFile: path.join(dataDir, 'postgres.log'),
    binaries,
    account,
    log,
  });
  if (!(await lstat(link).catch(() => undefined))) {
    const dir = await placeFor(dataDir, account, log);
    await createCluster(opened(dir), password);
    if (dir !== link) {
      await symlink(dir, link);
      await syncDirectory(dataDir);
    }
    return opened(dir);
  }
  const dir = await realpath(link).catch(() => {
    throw new Error(
      `${link} points to a directory that is not there: bring it back, or use another DATA_DIR`,
    );
  });
  const made = await readFile(path.join(dir, 'PG_VERSION'), 'utf8').catch((error: Error) => {
    throw new Error(`${dir} is not a database that this account may use: ${error.message}`);
  });
  if (!binaries.version.startsWith(`${made.trim()}.`))
    throw new Error(
      `${dir} was made by PostgreSQL ${made.trim()}, this is ${binaries.version}: set DATABASE_URL`,
    );
  return opened(dir);
}

/** The data directory, or for root, where the account cannot enter it (as under /root), a place that it can. */
async function placeFor(dataDir: string, account: Account, log: Log): Promise<string> {
  if (!account || (await reachable(account, dataDir))) return path.join(dataDir, 'postgres');
  const place = path.join(sharedHome, `data-${randomBytes(6).toString('hex')}`);
  log.warn(
    { place },
    'the account of the database cannot enter DATA_DIR: its files are here, DATA_DIR links there',
  );
  return place;
}

async function syncDirectory(dir: string) {
  const handle = await open(dir);
  await handle.sync().finally(() => handle.close());
}

/** Makes the cluster aside and moves it in place when it is whole and on disk, so that a crash leaves no half. */
async function createCluster({ dir, binaries, account }: Cluster, password: string) {
  const unfinished = `${dir}.new`;
  const passwordFile = `${dir}.password`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(path.dirname(dir), { recursive: true, mode: 0o755 });
  await mkdir(unfinished, { mode: 0o700 });
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (account) {
    for (const owned of [unfinished, passwordFile]) await chown(owned, account.uid, account.gid);
  }
  // The builtin provider orders and folds text alike on every system. The C library's LC_CTYPE matters beside it:
  // with C, pg_trgm sees no letters in Chinese text. Not every system knows its UTF-8 form by the same name.
  const [first, second] = ['C.UTF-8', 'en_US.UTF-8'].map((locale) => () => {
    const flags = [
      '--encoding=UTF8',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--no-instructions',
    ];
    const access = [`--username=${name}`, '--auth=scram-sha-256', `--pwfile=${passwordFile}`];
    return promisify(execFile)(
      path.join(binaries.home, 'bin', 'initdb'),
      [`--pgdata=${unfinished}`, `--locale=${locale}`, ...flags, ...access],
      { ...account, env: binaries.env, cwd: '/' },
    );
  });
  try {
    await first?.().catch((error: Error & { stderr?: string }) => {
      if (/locale/.test(error.stderr ?? '')) return second?.();
      throw error;
    });
    await rename(unfinished, dir);
    await syncDirectory(path.dirname(dir));
  } finally {
    await rm(passwordFile, { force: true });
  }
}

/** Keeps the server running: one that ends by itself is started again, on the same port. */
async function supervise(cluster: Cluster, wantedPort: number) {
  const { port, ...first }: Postmaster = await startPostmaster(cluster, wantedPort);
  let { server } = first;
  let restarting: Promise<void> | undefined;
  const stopped = new AbortController();

  const restart = async () => {
    for (let pause = 250; !stopped.signal.aborted; pause = Math.min(pause * 2, 10_000)) {
      await sleep(pause, undefined, { signal: stopped.signal }).catch(() => {});
      if (stopped.signal.aborted) return;
      try {
        ({ server } = await startPostmaster(cluster, port));
        return watch();
      } catch (error) {
        cluster.log.error({ reason: (error as Error).message }, 'the embedded database is down');
      }
    }
  };
  const watch = () => {
    const onExit = () => {
      if (stopped.signal.aborted) return;
      cluster.log.error({}, 'the embedded database ended by itself: starting it again');
      restarting = restart();
    };
    if (isRunning(server)) server.once('exit', onExit);
    else onExit();
  };
  // Should the process exit without having called stop, the server is at least told to.
  const lastResort = () => void server.kill('SIGINT');
  process.once('exit', lastResort);
  watch();

  return {
    port,
    async stop() {
      stopped.abort();
      await restarting;
      await stopPostmaster(server);
      process.removeListener('exit', lastResort);
    },
  };
}

/**
 * A new cluster comes with an empty database `postgres`, which becomes ours: creating another one takes a third
 * of a second. Not done at creation, since a crash may come between the two.
 */
async function ensureDatabase(url: string) {
  const missing = await withClient(url, async () => false).catch((error: { code?: string }) => {
    if (error.code === '3D000') return true;
    throw error;
  });
  if (!missing) return;
  const maintenance = new URL(url);
  maintenance.pathname = '/template1';
  await withClient(maintenance.href, (client) => client.query(`alter database postgres rename to ${name}`));
}

async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
