/**
 * One live service per data directory: a file names the process that holds it, and a file whose process is gone
 * (kill -9, power loss) counts for nothing.
 */
import { execFile } from 'node:child_process';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Takes the lock and returns how to give it back. Throws one line when a live process holds it. */
export async function lockFile(file: string): Promise<() => Promise<void>> {
  const mine = JSON.stringify({ pid: process.pid, started: await startOf(process.pid) });
  for (let attempt = 0; attempt < 20; attempt += 1) {
    try {
      await writeFile(file, mine, { flag: 'wx', mode: 0o600 });
      return () => rm(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const found = await readFile(file, 'utf8').catch(() => undefined);
    if (found === undefined) continue;
    const holder = await liveHolder(found);
    if (holder !== undefined) {
      const dir = path.dirname(file);
      throw new Error(
        `${dir} is in use by a running service (process ${holder}): each needs a data directory of its own`,
      );
    }
    if (found === '' && attempt < 10) await sleep(100);
    else await discard(file, found);
  }
  throw new Error(`${file}: could not be locked`);
}

/** The pid in the lock when that very process, and not a later one with its number, is alive. */
async function liveHolder(content: string): Promise<number | undefined> {
  try {
    const { pid, started } = JSON.parse(content) as { pid: number; started: string };
    return started !== '' && (await startOf(pid)) === started ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** Removes a dead lock. Two starters may both have found it: whoever moves away a newer one puts it back. */
async function discard(file: string, expected: string) {
  const aside = `${file}.${process.pid}`;
  const moved = await rename(file, aside).then(
    () => true,
    () => false,
  );
  if (!moved) return;
  const content = await readFile(aside, 'utf8');
  if (content !== expected) await writeFile(file, content, { flag: 'wx', mode: 0o600 }).catch(() => {});
  await rm(aside, { force: true });
}

/** When a process started, in whatever form the system tells it; empty when there is no such process. */
async function startOf(pid: number): Promise<string> {
  if (!Number.isSafeInteger(pid) || pid < 1) return '';
  if (process.platform === 'linux') {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    // The second field is the name in parentheses, which may hold blanks; the start is field 22. A zombie is gone.
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' ? '' : (fields[18] ?? '');
  }
  const { stdout } = await run('ps', ['-o', 'lstart=', '-p', String(pid)]).catch(() => ({ stdout: '' }));
  return stdout.trim();
}
