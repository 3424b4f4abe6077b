/**
 * Runs a few lines against the service's modules in a process of their own, for tests that kill it. The sources
 * are transpiled, not checked, into the cache below node_modules, from where packages resolve as they do for `dist`.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import ts from 'typescript';

const root = path.resolve(import.meta.dirname, '../..');
const cache = path.join(root, 'node_modules/.cache/clientele-sources', String(process.pid));

export type Child = {
  process: ChildProcessWithoutNullStreams;
  /** Resolves with the next line that starts with `word`, or rejects when the process ends before it. */
  line(word: string): Promise<string>;
  ended: Promise<{ code: number | null; signal: string | null }>;
};

/** Starts a process with `body` as an ES module; it finds `src/x/y.ts` as `./x/y.js`. */
export async function startChild(
  body: string,
  options: { detached?: boolean; uid?: number; gid?: number } = {},
) {
  await transpileSources();
  const script = path.join(cache, `child-${Math.random().toString(36).slice(2)}.mjs`);
  await writeFile(script, body);
  const child = spawn(process.execPath, [script], { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
  const errors: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk.toString()));
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) =>
    child.once('exit', (code, signal) => resolve({ code, signal })),
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
  return { process: child, line, ended } satisfies Child;
}

let transpiled: Promise<void> | undefined;

function transpileSources() {
  transpiled ??= (async () => {
    const names = await readdir(path.join(root, 'src'), { recursive: true });
    for (const name of names.filter((name) => name.endsWith('.ts'))) {
      const file = path.join(root, 'src', name);
      const target = path.join(cache, name.replace(/\.ts$/, '.js'));
      await mkdir(path.dirname(target), { recursive: true });
      const { outputText } = ts.transpileModule(await readFile(file, 'utf8'), {
        compilerOptions: {
          module: ts.ModuleKind.ESNext,
          target: ts.ScriptTarget.ES2023,
          verbatimModuleSyntax: true,
        },
      });
      await writeFile(target, outputText);
    }
    await writeFile(path.join(cache, 'package.json'), '{"type":"module"}');
  })();
  return transpiled;
}
