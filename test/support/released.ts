/** The last release: its processes and this one's run side by side while a bank upgrades. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Release } from './child.js';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../..');

/** The commit whose document is `openapi/released.json`; a release moves both. */
export const releasedCommit = 'bff7ac20ad229743baa15f663fe869d62c105000';

/** Without the history (an archive, a shallow clone) there is no former release to run. */
export const isReleaseThere = (): Promise<boolean> =>
  run('git', ['cat-file', '-e', `${releasedCommit}^{commit}`], { cwd: root }).then(
    () => true,
    () => false,
  );

/** Its sources and migrations, in the cache below node_modules: what is made of them there points to them. */
export async function unpackRelease(): Promise<Release> {
  const target = path.join(root, 'node_modules/.cache/clientele-releases', releasedCommit);
  if (!existsSync(target)) {
    const unfinished = `${target}.${process.pid}`;
    const archive = `${unfinished}.tar`;
    await mkdir(unfinished, { recursive: true });
    await run('git', ['archive', '--output', archive, releasedCommit, 'src', 'migrations'], { cwd: root });
    await run('tar', ['-xf', archive, '-C', unfinished]);
    await rm(archive);
    await rename(unfinished, target).catch(() => rm(unfinished, { recursive: true }));
  }
  return { sources: path.join(target, 'src'), migrations: path.join(target, 'migrations') };
}
