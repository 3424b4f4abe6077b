import { execFile } from 'node:child_process';
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Embedded, startEmbedded } from '../../src/platform/embedded.js';
import { startChild } from '../support/child.js';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const log = pino({ level: 'silent' });
const isRoot = process.getuid?.() === 0;
let dataDir: string;
let running: Embedded[];

beforeEach(async () => {
  dataDir = await realpath(await mkdtemp(path.join(tmpdir(), 'clientele-')));
  await chmod(dataDir, 0o755);
  running = [];
});

afterEach(async () => {
  for (const embedded of running) await embedded.stop();
  await rm(dataDir, { recursive: true, force: true });
});

async function start(dir = dataDir) {
  const embedded = await startEmbedded({ dataDir: dir, port: 0, log });
  running.push(embedded);
  return embedded;
}

/** A service in a process of its own that holds the embedded database. */
async function startOwner(options: { detached?: boolean } = {}) {
  const owner = await startChild(
    `
    import { startEmbedded } from './platform/embedded.js';
    const log = { info() {}, warn() {}, error() {}, debug() {} };
    const embedded = await startEmbedded({ dataDir: ${JSON.stringify(dataDir)}, port: 0, log });
    process.on('SIGINT', async () => {
      const { Client } = await import('pg');
      const client = new Client({ connectionString: embedded.url });
      await client.connect();
      const { rows } = await client.query('select 1 as still_there');
      await client.end();
      await embedded.stop();
      console.log('drained ' + JSON.stringify(rows));
    });
    process.stdin.resume();
    process.once('SIGINT', () => process.stdin.destroy());
    // last, since who reads it may send the signal at once
    console.log('url ' + embedded.url);
    `,
    options,
  );
  const url = (await owner.line('url ')).slice(4);
  return { ...owner, url };
}

async function query<Row = Record<string, unknown>>(url: string, sql: string): Promise<Row[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(sql)).rows as Row[];
  } finally {
    await client.end();
  }
}

const postmasterPid = async () =>
  Number((await readFile(path.join(dataDir, 'postgres/postmaster.pid'), 'utf8')).split('\n')[0]);

/** Dead but not yet waited for counts as dead: not every machine has an init that collects orphans. */
async function isAlive(pid: number) {
  const { stdout } = await promisify(execFile)('ps', ['-o', 'stat=', '-p', String(pid)]).catch(() => ({
    stdout: '',
  }));
  return stdout !== '' && !stdout.startsWith('Z');
}

describe('the embedded database', () => {
  it('starts on an empty directory, sees letters in Chinese text, and keeps what was committed', async () => {
    const first = await start(path.join(dataDir, 'not', 'yet'));
    expect(first.version).toMatch(/^18\./);
    await query(first.url, 'create extension pg_trgm');
    const [row] = await query(
      first.url,
      `select cardinality(show_trgm('张')) as trigrams, current_database() as name, version() as version,
              current_setting('listen_addresses') as listens, current_setting('unix_socket_directories') as sockets,
              current_setting('fsync') as fsync, current_setting('synchronous_commit') as commits`,
    );
    expect(row).toMatchObject({
      name: 'clientele',
      listens: '127.0.0.1',
      sockets: '',
      fsync: 'on',
      commits: 'on',
    });
    expect(row?.trigrams).toBeGreaterThan(0);
    expect(row?.version).toContain(`PostgreSQL ${first.version}`);
    await query(first.url, 'create table kept as select 42 as answer');
    await first.stop();

    const second = await start(path.join(dataDir, 'not', 'yet'));
    expect(await query(second.url, 'select answer from kept')).toEqual([{ answer: 42 }]);
  });

  it('keeps a random password for its owner alone, and lets nobody in without it', async () => {
    const { url } = await start();
    const file = path.join(dataDir, 'database-password');
    const password = (await readFile(file, 'utf8')).trim();
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(new URL(url).password).toBe(password);
    expect(password.length).toBeGreaterThanOrEqual(32);
    const guess = new URL(url);
    guess.password = 'clientele';
    await expect(query(guess.href, 'select 1')).rejects.toThrow(/password authentication failed/);
    expect((await readdir(dataDir)).filter((name) => /password/.test(name))).toEqual(['database-password']);
  });

  it('refuses a second service on the same directory and does not disturb the first', async () => {
    const owner = await startOwner();
    const refusal = await startEmbedded({ dataDir, port: 0, log }).catch((error: Error) => error.message);
    expect(refusal).toBe(
      `${dataDir} is in use by a running service (process ${owner.process.pid}): each needs a data directory of its own`,
    );
    expect(await query(owner.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    owner.process.kill('SIGINT');
    expect(await owner.ended).toEqual({ code: 0, signal: null });
    await start();
    await expect(startEmbedded({ dataDir, port: 0, log })).rejects.toThrow(`process ${process.pid}`);
  });

  it('recovers when the service was killed and left its server behind', async () => {
    const owner = await startOwner();
    await query(owner.url, 'create table kept as select 42 as answer');
    const left = await postmasterPid();
    owner.process.kill('SIGKILL');
    await owner.ended;
    expect(await isAlive(left)).toBe(true);

    const { url } = await start();
    expect(await isAlive(left)).toBe(false);
    expect(await query(url, 'select answer from kept')).toEqual([{ answer: 42 }]);
  });

  it('recovers when both were killed', async () => {
    const owner = await startOwner();
    await query(owner.url, 'create table kept as select 42 as answer');
    const left = await postmasterPid();
    owner.process.kill('SIGKILL');
    process.kill(left, 'SIGKILL');
    await owner.ended;

    const { url } = await start();
    expect(await query(url, 'select answer from kept')).toEqual([{ answer: 42 }]);
  });

  it('leaves a stranger alone that got the number of a server long gone', async () => {
    const { stop } = await start();
    await stop();
    const stranger = await startChild('setInterval(() => {}, 1000); console.log("up");');
    await stranger.line('up');
    await writeFile(
      path.join(dataDir, 'postgres/postmaster.pid'),
      `${stranger.process.pid}\n${dataDir}/postgres\n1\n5432\n\n127.0.0.1\n  1 1\nready   \n`,
    );
    await writeFile(
      path.join(dataDir, 'service.pid'),
      JSON.stringify({ pid: stranger.process.pid, started: 'another time' }),
    );
    const { url } = await start();
    expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(await isAlive(stranger.process.pid as number)).toBe(true);
    stranger.process.kill('SIGKILL');
    await stranger.ended;
  });

  it('is still there while the service drains after Ctrl-C in a terminal, and gone afterwards', async () => {
    const owner = await startOwner({ detached: true });
    const server = await postmasterPid();
    // What a terminal does: the signal goes to the whole foreground process group.
    process.kill(-(owner.process.pid as number), 'SIGINT');
    expect(await owner.line('drained ')).toBe('drained [{"still_there":1}]');
    expect(await owner.ended).toEqual({ code: 0, signal: null });
    expect(await isAlive(server)).toBe(false);
    expect(await readdir(dataDir)).not.toContain('service.pid');
  });

  it('comes back on the same port when its server dies under a running service', async () => {
    const { url } = await start();
    await query(url, 'create table kept as select 42 as answer');
    const server = await postmasterPid();
    process.kill(server, 'SIGKILL');
    await expect
      .poll(() => query(url, 'select answer from kept').catch(() => []), { timeout: 20_000, interval: 100 })
      .toEqual([{ answer: 42 }]);
    expect(await postmasterPid()).not.toBe(server);
  });

  it('finishes what a crash during creation left undone', async () => {
    await mkdir(path.join(dataDir, 'postgres.new'), { recursive: true });
    await writeFile(path.join(dataDir, 'postgres.new', 'half'), '');
    const { url } = await start();
    expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(await readdir(dataDir)).not.toContain('postgres.new');
  });

  it('does not start empty where its files should be but are not', async () => {
    await symlink(path.join(dataDir, 'elsewhere'), path.join(dataDir, 'postgres'));
    await expect(start()).rejects.toThrow(/points to a directory that is not there/);
  });

  it('says which setting is wrong when its port is taken', async () => {
    const { url } = await start();
    const port = Number(new URL(url).port);
    const other = path.join(dataDir, 'other');
    await expect(startEmbedded({ dataDir: other, port, log })).rejects.toThrow(
      `EMBEDDED_DATABASE_PORT ${port} is taken`,
    );
  });

  it.runIf(isRoot)('runs where root keeps its files and no other account may enter', async () => {
    await chmod(dataDir, 0o700);
    const inside = path.join(dataDir, 'project', '.data');
    const { url, stop } = await start(inside);
    const place = await realpath(path.join(inside, 'postgres'));
    try {
      expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }]);
      expect((await stat(place)).uid).not.toBe(0);
      expect((await stat(dataDir)).mode & 0o777).toBe(0o700);
    } finally {
      await stop();
      await rm(place, { recursive: true });
    }
  });
});
