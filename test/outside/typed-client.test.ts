/** Clients are made from the document: they compile, and they work. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import { here, root, run } from './run.js';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.stop());

test('openapi-typescript and openapi-fetch: types compile strictly, and a flow runs', async () => {
  await mkdir(here('generated'), { recursive: true });
  const made = await run(here('node_modules/.bin/openapi-typescript'), [
    path.join(root, 'openapi/openapi.json'),
    '--output',
    here('generated/api.ts'),
  ]);
  expect(made.code, made.output).toBe(0);
  const config = {
    extends: '../../../tsconfig.json',
    compilerOptions: { rootDir: '../../..', skipLibCheck: false, types: ['node'] },
    include: ['../typed-flow.ts', 'api.ts'],
    exclude: [],
  };
  await writeFile(here('generated/tsconfig.json'), JSON.stringify(config));
  const compiled = await run(path.join(root, 'node_modules/.bin/tsc'), ['-p', here('generated')]);
  expect(compiled.output).toBe('');
  // not by name: it compiles only when the types have been made
  const { typedFlow } = (await import(here('typed-flow.ts'))) as {
    typedFlow: (baseUrl: string, key: string) => Promise<{ id: string }>;
  };
  const seen = await typedFlow(t.origin, t.client.secret ?? '');
  expect(seen).toEqual({
    id: expect.any(String),
    city: '上海',
    staleCode: 'stale_version',
    foundId: seen.id,
    pageSize: 1,
    firstFact: expect.any(String),
  });
});
