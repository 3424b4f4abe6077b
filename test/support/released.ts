/** The last release: its processes and this one's run side by side while a bank upgrades. */
import { execFile } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
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

/** Its sources and migrations, in a folder below `folder`. */
export async function unpackRelease(folder: string): Promise<Release> {
  const target = path.join(folder, 'release');
  const archive = `${target}.tar`;
  await mkdir(target, { recursive: true });
  await run('git', ['archive', '--output', archive, releasedCommit, 'src', 'migrations'], { cwd: root });
  await run('tar', ['-xf', archive, '-C', target]);
  await rm(archive);
  return { sources: path.join(target, 'src'), migrations: path.join(target, 'migrations') };
}
