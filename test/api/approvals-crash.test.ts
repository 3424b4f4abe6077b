/** A process that is killed in the midst of a yes leaves what was waiting as it was: the next yes does it, once. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp, testKeys } from '../support/app.js';
import { type Child, startChild } from '../support/child.js';
import { Client } from '../support/client.js';

const secret = 'ck_crash_test_0123456789abcdef';
const children: Child[] = [];
let t: TestApp;
let directory: string;
beforeAll(async () => {
  t = await startTestApp();
  directory = await mkdtemp(path.join(tmpdir(), 'clientele-approvals-'));
});
afterAll(async () => {
  for (const child of children) child.process.kill('SIGKILL');
  await Promise.all(children.map((child) => child.ended));
  await t.stop();
  await rm(directory, { recursive: true, force: true });
});

async function startApi(): Promise<{ child: Child; client: Client }> {
  const env = {
    DATABASE_URL: t.databaseUrl,
    DATA_DIR: directory,
    BOOTSTRAP_API_KEY: secret,
    ENCRYPTION_KEYS: testKeys,
    LOCK_TIMEOUT_SECONDS: '60',
    STATEMENT_TIMEOUT_SECONDS: '60',
    QUERY_TIMEOUT_SECONDS: '90',
    SANDBOX: 'true',
    PORT: '0',
  };
  const child = await startChild(`
    import { loadConfig } from './config.js';
    import { createLog } from './platform/log.js';
    import { runApi } from './processes.js';
    await runApi(loadConfig(${JSON.stringify(env)}), createLog('silent'));`);
  children.push(child);
  const line = await child.line('Clientele answers at');
  return { child, client: new Client(/http:\S+/.exec(line)?.[0] ?? '', secret) };
}

/** Looks at the connections of the API process until it is so. */
async function untilConnections(condition: string, isSo: (count: number) => boolean): Promise<void> {
  for (;;) {
    const { rows } = await t.database.pool.query(`
      select count(*)::int as count from pg_stat_activity
      where datname = current_database() and application_name = 'clientele api' and ${condition}`);
    if (isSo(rows[0].count)) return;
    await sleep(20);
  }
}

test('a kill -9 between the change and its end', async () => {
  const anyVersion = { headers: { 'if-match': '*' } };
  const rule = (city: string) => ({ fact: 'city', op: 'eq', value: city });
  const body = { name: 'Crash', description: '' };
  await t.client.post('/v1/segments', { key: 'crash', ...body, rule: rule('A') }, 201);
  await t.client.put('/v1/approval-policies/putSegment', { required: true }, 200, anyVersion);
  const approval = await t.client.put('/v1/segments/crash', { ...body, rule: rule('B') }, 202, anyVersion);
  const address = `/v1/approvals/${approval.id}`;

  const { child, client } = await startApi();
  const holder = await t.database.pool.connect();
  await holder.query('begin; lock table segment_versions in share mode');
  const yes = client.post(`${address}/approve`, {}).then(
    () => 'answered',
    (error: unknown) => String(error),
  );
  await untilConnections(
    `wait_event_type = 'Lock' and query ilike '%insert into segment_versions%'`,
    (count) => count === 1,
  );
  child.process.kill('SIGKILL');
  expect(await yes).toMatch(/fetch failed/);
  await holder.query('commit');
  holder.release();
  await untilConnections('true', (count) => count === 0);

  expect((await t.client.get(address)).state).toBe('pending');
  expect(await t.client.get('/v1/segments/crash')).toMatchObject({ rule_version: 1, rule: rule('A') });
  const second = await startApi();
  expect(await second.client.post(`${address}/approve`, {})).toMatchObject({ state: 'executed' });
  expect(await t.client.get('/v1/segments/crash')).toMatchObject({ rule_version: 2, rule: rule('B') });
  const { rows } = await t.database.pool.query(
    `select action from audit_entries where subject_id in ('crash', $1) order by id`,
    [approval.id],
  );
  expect(rows.map(({ action }) => action)).toEqual([
    'segment.created',
    'approval.requested',
    'approval.approved',
    'segment.updated',
  ]);
}, 180_000);
