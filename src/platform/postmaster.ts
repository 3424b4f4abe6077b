/** Runs one PostgreSQL server process: start, readiness, stop, and what a killed service has left behind. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { open, readFile, readlink, rename, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { availableParallelism, totalmem } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { BaseLogger } from 'pino';
import type { Account, Binaries } from './embedded-binaries.js';

export type Log = Pick<BaseLogger, 'info' | 'warn' | 'error' | 'debug'>;

export type Cluster = {
  dir: string;
  logFile: string;
  binaries: Binaries;
  account: Account;
  log: Log;
};

export type Postmaster = { server: ChildProcess; port: number };

const logLimitBytes = 16 * 1024 * 1024;

/**
 * Starts the server and waits until it answers. It tries again while the remains of a killed server go away:
 * the last of its processes hold on to the shared memory for a moment.
 *
 * @param port 0 takes a free one.
 */
export async function startPostmaster(cluster: Cluster, port: number): Promise<Postmaster> {
  const giveUpAt = Date.now() + 20_000;
  for (;;) {
    const chosen = port === 0 ? await freePort() : port;
    const { server, logStart } = await launch(cluster, chosen);
    const failure = await untilReady(cluster, server, logStart);
    if (failure === undefined) return { server, port: chosen };
    const taken = /Address already in use/.test(failure);
    if (taken && port !== 0) throw new Error(`EMBEDDED_DATABASE_PORT ${port} is taken`);
    const remains = /shared memory block|lock file .* already exists/.test(failure);
    if (!(taken || remains) || Date.now() > giveUpAt)
      throw new Error(
        `the embedded database did not start: ${lastWords(failure) ?? `see ${cluster.logFile}`}`,
      );
    await sleep(100);
  }
}

const lastWords = (written: string) => /(?:FATAL|PANIC): .*/.exec(written)?.[0];

/**
 * Stops the server: a fast shutdown, which ends transactions and writes a checkpoint; when that takes longer
 * than `seconds`, an immediate one, which loses nothing either but makes the next start recover.
 */
export async function stopPostmaster(server: ChildProcess, seconds = 30): Promise<void> {
  if (!isRunning(server)) return;
  server.ref();
  const ended = new Promise((resolve) => server.once('exit', resolve));
  server.kill('SIGINT');
  const timer = setTimeout(() => server.kill('SIGQUIT'), seconds * 1000);
  await ended;
  clearTimeout(timer);
}

export const isRunning = (server: ChildProcess) =>
  server.pid !== undefined && server.exitCode === null && server.signalCode === null;

/** Ends a server that outlived the service which started it, and forgets one that is long gone. */
export async function clearStale({ dir, log }: Cluster): Promise<void> {
  const file = path.join(dir, 'postmaster.pid');
  const content = await readFile(file, 'utf8').catch(() => undefined);
  if (content === undefined) return;
  const pid = Number(content.split('\n')[0]);
  if (!(await isServerOf(dir, pid))) {
    // Its number may belong to another process by now, which would keep the server from starting.
    await rm(file, { force: true });
    return;
  }
  log.warn({ pid }, 'a database server of a killed service is still running: stopping it');
  for (const [signal, seconds] of [['SIGINT', 30] as const, ['SIGQUIT', 10] as const]) {
    send(pid, signal);
    const giveUpAt = Date.now() + seconds * 1000;
    while (Date.now() < giveUpAt) {
      if (!(await isServerOf(dir, pid))) return;
      await sleep(25);
    }
  }
  throw new Error(`the database server of a killed service does not stop: process ${pid} on ${dir}`);
}

/** Whether the process is a PostgreSQL server on this very directory, which is its working directory. */
async function isServerOf(dir: string, pid: number): Promise<boolean> {
  if (!Number.isSafeInteger(pid) || pid < 2) return false;
  if (process.platform === 'linux') {
    const [executable, workingDir] = await Promise.all(
      ['exe', 'cwd'].map((link) => readlink(`/proc/${pid}/${link}`).catch(() => '')),
    );
    return workingDir === dir && path.basename(executable ?? '').startsWith('postgres');
  }
  const ps = promisify(execFile)('ps', ['-o', 'command=', '-p', String(pid)]);
  const command = await ps.then(({ stdout }) => stdout).catch(() => '');
  return command.includes('postgres') && command.includes(dir);
}

function send(pid: number, signal: NodeJS.Signals) {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/**
 * Spawns the server in a session of its own: Ctrl-C in a terminal goes to the whole process group, and the
 * database must outlive what is still being drained. It logs to a file, so that the death of this process does
 * not take its output away.
 */
async function launch({ dir, logFile, binaries, account }: Cluster, port: number) {
  if (((await stat(logFile).catch(() => undefined))?.size ?? 0) > logLimitBytes)
    await rename(logFile, `${logFile}.1`);
  const output = await open(logFile, 'a', 0o600);
  const logStart = (await output.stat()).size;
  try {
    const flags = Object.entries(settings()).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const server = spawn(
      path.join(binaries.home, 'bin', 'postgres'),
      ['-D', dir, '-p', String(port), ...flags],
      {
        ...account,
        env: binaries.env,
        cwd: '/',
        detached: true,
        stdio: ['ignore', output.fd, output.fd],
      },
    );
    server.on('error', () => {});
    server.unref();
    return { server, logStart };
  } finally {
    await output.close();
  }
}

/** Waits for the server's own word that it takes connections; returns its log when it ended instead. */
async function untilReady(
  { dir, logFile, log }: Cluster,
  server: ChildProcess,
  logStart: number,
): Promise<string | undefined> {
  const startedAt = Date.now();
  let reportAt = startedAt + 10_000;
  while (isRunning(server)) {
    const lines = (await readFile(path.join(dir, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
    if (Number(lines[0]) === server.pid && lines[7]?.trim() === 'ready') return undefined;
    if (Date.now() > reportAt) {
      reportAt = Date.now() + 10_000;
      const seconds = Math.round((Date.now() - startedAt) / 1000);
      log.info({ seconds }, 'the embedded database is still recovering');
    }
    await sleep(15);
  }
  return (await readFile(logFile)).subarray(logStart).toString();
}

/**
 * Settings for one bank on one machine that other programs use too. Nothing trades durability for speed. What
 * is logged holds no statements and no details, since both hold personal data.
 */
function settings(): Record<string, string | number> {
  const mebibyte = 1024 * 1024;
  const memory = Math.floor(Math.min(totalmem(), process.constrainedMemory() || Infinity) / mebibyte);
  const share = (part: number, least: number, most: number) =>
    `${Math.round(Math.min(Math.max(memory / part, least), most))}MB`;
  return {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: 200,
    shared_buffers: share(8, 64, 1024),
    effective_cache_size: share(2, 256, 65_536),
    work_mem: share(512, 8, 32),
    maintenance_work_mem: share(32, 64, 512),
    fsync: 'on',
    full_page_writes: 'on',
    synchronous_commit: 'on',
    max_wal_size: '2GB',
    min_wal_size: '128MB',
    checkpoint_timeout: '10min',
    wal_compression: 'on',
    random_page_cost: 1.1,
    max_parallel_workers_per_gather: Math.min(2, availableParallelism() - 1),
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_min_messages: 'warning',
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
    log_checkpoints: 'off',
  };
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
