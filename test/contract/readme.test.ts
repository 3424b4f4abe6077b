/** The README's tour is run as it is written, but for the address and the key: its lines stay true. */
import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';

const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
const tour = /## A tour of five minutes\n([\s\S]*?)\n## /.exec(readme)?.[1] ?? '';
const blocks = [...tour.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, lines]) => lines ?? '');

const hasShell = ['bash', 'curl'].every((name) => spawnSync(name, ['--version']).status === 0);
if (!hasShell) console.log('bash or curl is missing: the tour of the README is not run');

// biome-ignore lint/suspicious/noExplicitAny: whatever the service answered
type Answer = any;

/** Every line that the tour prints, as the JSON that it is. Where it sleeps, the background work is done. */
async function runTour(app: TestApp): Promise<Answer[]> {
  const worker = createServer((_request, response) => {
    app.drain().then(
      () => response.end(),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  worker.listen(0, '127.0.0.1');
  await once(worker, 'listening');
  const { port } = worker.address() as AddressInfo;
  const script = blocks
    .join('\n')
    .replace(/^export API=.*$/m, `export API=${app.origin}`)
    .replace(/^export KEY=.*$/m, `export KEY=${app.client.secret}`);
  expect(script).toContain(app.origin);
  expect(script).toContain(app.client.secret);
  const sleep = `sleep() { curl -fsS http://127.0.0.1:${port}; }`;
  try {
    const lines = ['-eu', '-o', 'pipefail', '-c', `${sleep}\n${script}`];
    const { stdout, stderr } = await promisify(execFile)('bash', lines);
    expect(stderr).toBe('');
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Answer);
  } finally {
    worker.closeAllConnections();
    worker.close();
  }
}

describe.runIf(hasShell)('the tour of the README', () => {
  let app: TestApp;
  let answers: Answer[];
  const find = (fits: (answer: Answer) => unknown) => answers.filter(fits);

  beforeAll(async () => {
    app = await startTestApp({ startAt: new Date().toISOString() });
    answers = await runTour(app);
  });
  afterAll(() => app.stop());

  test('has an answer without a problem for each call', () => {
    const calls = blocks.join('\n').match(/^(call|curl) /gm) ?? [];
    expect(answers).toHaveLength(calls.length);
    expect(find(({ status }) => status >= 400)).toEqual([]);
  });

  test('shows a customer who is found, and wealthy', () => {
    const [segments] = find(({ evaluated_at, data }) => evaluated_at !== undefined && data !== undefined);
    expect(segments.data.map(({ segment }: Answer) => segment)).toContain('high_net_worth');
    const [profile] = find(({ totals }) => totals !== undefined);
    expect(profile).toMatchObject({ customer: { full_name: '王小明' }, totals: { net: '1250000.00' } });
    const searches = find(({ truncated }) => truncated !== undefined);
    expect(searches.map(({ data }) => data[0]?.customer.full_name)).toEqual(['王小明', '王小明']);
  });

  test('shows less to the other key', () => {
    const [masked] = find(({ kind, full_name }) => kind === 'person' && full_name !== undefined);
    expect(masked).toMatchObject({ full_name: '王**', birth_date: '1990-**-**' });
  });

  test('shows the member of the new segment, the events, and what the import gives back', async () => {
    const { data } = await app.client.get('/v1/segments/shanghai_cards/members');
    expect(data).toHaveLength(1);
    expect(find(({ freshness }) => freshness !== undefined).map((each) => each.data.length)).toEqual([1]);
    const [events] = find(({ next_after }) => next_after !== undefined);
    expect(events.data).toHaveLength(10);
    const [received] = find(({ received_lines }) => received_lines !== undefined);
    expect(received.state).toBe('completed');
    expect(received).toMatchObject({ accepted: 1, rejected: 1 });
    expect(find(({ source_id, line }) => source_id === 'TX-3' || line === 2)).toHaveLength(1);
  });
});

test('every path that the README names is there', async () => {
  const root = new URL('../../', import.meta.url);
  const links = [...readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(([, path]) => path ?? '');
  for (const path of [...links, 'docker-compose.yml', 'Dockerfile']) await readFile(new URL(path, root));
  const scripts = JSON.parse(await readFile(new URL('package.json', root), 'utf8')).scripts;
  const named = [...readme.matchAll(/npm run ([a-z:]+)/g)].map(([, name]) => name ?? '');
  expect(named.filter((name) => !(name in scripts))).toEqual([]);
});
