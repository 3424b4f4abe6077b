/**
 * Runs a few lines against the service's modules in a process of their own, for tests that kill it. The sources
 * are transpiled, not checked, into the cache below node_modules, from where packages resolve as they do for `dist`.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import ts from 'typescript';

const root = path.resolve(import.meta.dirname, '../..');
/** where a project's own sources and migrations lie: this one's, or those of another release */
const here = { sources: path.join(root, 'src'), migrations: path.join(root, 'migrations') };
export type Release = typeof here;

const cache = path.join(root, 'node_modules/.cache/clientele-sources');
const compilerOptions = {
  module: ts.ModuleKind.ESNext,
  target: ts.ScriptTarget.ES2023,
  verbatimModuleSyntax: true,
};

export type Child = {
  process: ChildProcessWithoutNullStreams;
  /** Resolves with the next line that starts with `word`, or rejects when the process ends before it. */
  line(word: string): Promise<string>;
  ended: Promise<{ code: number | null; signal: string | null }>;
  /** what it printed and nobody waited for */
  said(): string;
};

/** Starts a process with `body` as an ES module; it finds `src/x/y.ts` as `./x/y.js`. */
export async function startChild(
  body: string,
  options: {
    detached?: boolean;
    uid?: number;
    gid?: number;
    env?: NodeJS.ProcessEnv;
    release?: Release;
  } = {},
) {
  const script = path.join(
    await transpileSources(options.release ?? here),
    `child-${Math.random().toString(36).slice(2)}.mjs`,
  );
  await writeFile(script, body);
  const child = spawn(process.execPath, [script], { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
  const errors: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk.toString()));
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) =>
    child.once('exit', (code, signal) => {
      rmSync(script, { force: true });
      resolve({ code, signal });
    }),
  );
  const lines: string[] = [];
  const waiting: { word: string; resolve(line: string): void }[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    const index = waiting.findIndex(({ word }) => line.startsWith(word));
    if (index >= 0) waiting.splice(index, 1)[0]?.resolve(line);
    else lines.push(line);
  });
  const line = async (word: string) => {
    const index = lines.findIndex((seen) => seen.startsWith(word));
    if (index >= 0) return lines.splice(index, 1)[0] as string;
    const seen = new Promise<string>((resolve) => waiting.push({ word, resolve }));
    const failed = ended.then(({ code, signal }) => {
      throw new Error(`the process ended (${code ?? signal}) before "${word}": ${errors.join('')}`);
    });
    return Promise.race([seen, failed]);
  };
  const said = () => [...lines, ...errors].join('\n');
  return { process: child, line, ended, said } satisfies Child;
}

const transpiled = new Map<string, Promise<string>>();

/** The directory of the transpiled sources: one per state of them, shared by test files and runs. */
function transpileSources(release: Release): Promise<string> {
  const known = transpiled.get(release.sources) ?? transpile(release);
  transpiled.set(release.sources, known);
  return known;
}

async function transpile({ sources, migrations }: Release): Promise<string> {
  const names = (await readdir(sources, { recursive: true })).filter((name) => name.endsWith('.ts')).sort();
  const files = await Promise.all(
    names.map(async (name) => ({ name, text: await readFile(path.join(sources, name), 'utf8') })),
  );
  const state = createHash('sha256')
    .update(JSON.stringify([migrations, files]))
    .digest('hex')
    .slice(0, 16);
  const folder = path.join(cache, state);
  const target = path.join(folder, 'src');
  if (existsSync(target)) return target;
  await mkdir(folder, { recursive: true });
  // the service looks for its migrations two folders above its modules
  await symlink(migrations, path.join(folder, 'migrations')).catch(() => undefined);
  const unfinished = path.join(folder, `src.${process.pid}`);
  for (const { name, text } of files) {
    const file = path.join(unfinished, name.replace(/\.ts$/, '.js'));
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, ts.transpileModule(text, { compilerOptions }).outputText);
  }
  await writeFile(path.join(unfinished, 'package.json'), '{"type":"module"}');
  await rename(unfinished, target).catch(() => rm(unfinished, { recursive: true }));
  return target;
}
