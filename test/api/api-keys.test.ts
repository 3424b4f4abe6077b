/** API keys: made, read, rotated with an overlap, ended, and what is kept of their use. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDatabase } from '../../src/db/client.js';
import { ensureBootstrapKey, keyAuthenticator } from '../../src/platform/api-keys.js';
import { recordKeyUse } from '../../src/platform/key-use.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { Client } from '../support/client.js';
import { aCustomer } from '../support/factories.js';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.stop());

// biome-ignore lint/suspicious/noExplicitAny: whatever the service answered
type Key = any;

const made = (stated: Record<string, unknown> = {}): Promise<Key> =>
  t.client.post(
    '/v1/api-keys',
    { name: 'test', scopes: ['customers:read', 'customers:write'], ...stated },
    201,
  );
const rotated = (id: string, body?: object): Promise<Key> => t.client.post(`/v1/api-keys/${id}/rotate`, body);
const statusOf = async (secret: string) =>
  (await new Client(t.origin, secret).request('GET', '/v1/customers?limit=1')).status;
const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString();

describe('a key', () => {
  test('is read without its secret, and found nowhere', async () => {
    const key = await made({ data_scope: { manager: 'RM1' }, expires_at: '2099-01-01T00:00:00Z' });
    const { secret, ...shown } = key;
    expect(await t.client.get(`/v1/api-keys/${key.id}`)).toEqual(shown);
    expect(shown).toMatchObject({
      rotated_at: null,
      former_secret_until: null,
      last_used_at: null,
      revoked_at: null,
      data_scope: { manager: 'RM1' },
    });
    const { data } = await t.client.get('/v1/api-keys?limit=200');
    expect(data).toContainEqual(shown);
    const { rows } = await t.database.pool.query(`select to_jsonb(k)::text as row from api_keys k
      union all select to_jsonb(a)::text from audit_entries a`);
    expect(rows.length).toBeGreaterThan(2);
    expect(JSON.stringify([data, rows])).not.toContain(secret);
    await t.client.problem('GET', '/v1/api-keys/01a20f85-d334-7342-8ae8-7073e642d9b7', 'not_found');
  });

  test('is made by administrators of the whole bank alone, so none has more than its maker', async () => {
    const body = { name: 'more', scopes: ['admin'] };
    const notAdmin = await t.clientWith(['customers:read', 'customers:write', 'definitions:write']);
    await notAdmin.problem('POST', '/v1/api-keys', 'insufficient_scope', body);
    const bound = await t.clientWith(['admin'], { branches: ['0101'] });
    await bound.problem('POST', '/v1/api-keys', 'bank_wide', body);
    const { id } = await made();
    await bound.problem('POST', `/v1/api-keys/${id}/rotate`, 'bank_wide', {});
  });

  test('ends at its instant, though it is remembered', async () => {
    const { secret } = await made({ expires_at: inSeconds(0.7) });
    expect(await statusOf(secret)).toBe(200);
    await sleep(800);
    expect(await statusOf(secret)).toBe(401);
  });

  test('that ends within the second is remembered for no longer than it has', async () => {
    const { secret } = await made({ expires_at: inSeconds(0.5) });
    let asked = 0;
    const { bySecret: find } = keyAuthenticator({
      ...t.database,
      named: (...statement) => {
        asked += 1;
        return t.database.named(...statement);
      },
    });
    expect(await find(secret)).toBeDefined();
    expect(await find(secret)).toBeDefined();
    expect(asked).toBe(1);
    await sleep(600);
    expect(await find(secret)).toBeUndefined();
    expect(asked).toBe(2);
  });

  test('is refused within a second of its revocation, with all its secrets', async () => {
    const key = await made();
    const next = await rotated(key.id);
    for (const secret of [key.secret, next.secret]) expect(await statusOf(secret)).toBe(200);
    await t.client.delete(`/v1/api-keys/${key.id}`);
    await sleep(1100);
    for (const secret of [key.secret, next.secret]) expect(await statusOf(secret)).toBe(401);
    expect(await t.client.get(`/v1/api-keys/${key.id}`)).toMatchObject({ former_secret_until: null });
    await t.client.problem('DELETE', `/v1/api-keys/${key.id}`, 'not_found');
    await t.client.problem('POST', `/v1/api-keys/${key.id}/rotate`, 'conflict', {});
  });
});

describe('a rotation', () => {
  test('gives a new secret, and takes the former one for a day', async () => {
    const key = await made();
    const next = await rotated(key.id);
    expect(next.secret).not.toBe(key.secret);
    expect(next.id).toBe(key.id);
    for (const secret of [key.secret, next.secret]) expect(await statusOf(secret)).toBe(200);
    const overlap = Date.parse(next.former_secret_until) - Date.parse(next.rotated_at);
    expect(overlap).toBe(86_400_000);
    const { rows } = await t.database.pool.query(
      `select action, details from audit_entries where subject_id = $1 order by occurred_at, id`,
      [key.id],
    );
    expect(rows.at(-1)).toEqual({
      action: 'api_key.rotated',
      details: { former_secret_until: next.former_secret_until },
    });
  });

  test('leaves the caller who it was: repetitions, audit and reach go on', async () => {
    const key = await made({ data_scope: { branches: ['0701'] } });
    const body = aCustomer({ branch: '0701' });
    const headers = { 'idempotency-key': 'across-secrets' };
    const first = await new Client(t.origin, key.secret).request('POST', '/v1/customers', body, { headers });
    expect(first.status).toBe(201);
    const next = await rotated(key.id);
    const caller = new Client(t.origin, next.secret);
    const again = await caller.request('POST', '/v1/customers', body, { headers });
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(again.body).toEqual(first.body);
    await caller.patch(`/v1/customers/${first.body.id}`, { city: '北京' }, '*');
    const { rows } = await t.database.pool.query(
      'select distinct actor from audit_entries where subject_id = $1',
      [first.body.id],
    );
    expect(rows).toEqual([{ actor: `key:${key.id}` }]);
    await caller.problem('POST', '/v1/customers', 'rule_broken', aCustomer({ branch: '0702' }));
  });

  test('ends former secrets when the overlap is over, and no later by the next one', async () => {
    const key = await made();
    const second = await rotated(key.id, { overlap: 'PT1S' });
    expect(await statusOf(key.secret)).toBe(200);
    const third = await rotated(key.id, { overlap: 'P30D' });
    await sleep(1100);
    expect(await statusOf(key.secret)).toBe(401);
    for (const secret of [second.secret, third.secret]) expect(await statusOf(secret)).toBe(200);
    const last = await rotated(key.id, { overlap: 'PT0S' });
    expect(last.former_secret_until).toBeNull();
    await sleep(1100);
    for (const secret of [second.secret, third.secret]) expect(await statusOf(secret)).toBe(401);
    expect(await statusOf(last.secret)).toBe(200);
  });

  test.each(['P31D', 'P5W', 'PT721H', 'P1M', 'P1Y', 'P30DT1S', 'P99999999999999999999D'])(
    'is refused an overlap of %s',
    async (overlap) => {
      const { id, secret } = await made();
      const problem = await t.client.problem('POST', `/v1/api-keys/${id}/rotate`, 'rule_broken', { overlap });
      expect(problem.errors[0]).toMatchObject({ pointer: '/overlap' });
      expect(await statusOf(secret)).toBe(200);
    },
  );

  test.each(['P30D', 'P4W', 'PT720H', 'PT1M', 'P0D'])('is given an overlap of %s', async (overlap) => {
    const { id } = await made();
    await rotated(id, { overlap });
  });

  test('can move the end of the key, and cannot bring an ended one back', async () => {
    const key = await made({ expires_at: inSeconds(3600) });
    expect((await rotated(key.id)).expires_at).toBe(
      (await t.client.get(`/v1/api-keys/${key.id}`)).expires_at,
    );
    expect(await rotated(key.id, { expires_at: null })).toMatchObject({ expires_at: null });
    await rotated(key.id, { expires_at: inSeconds(-1) });
    await t.client.problem('POST', `/v1/api-keys/${key.id}/rotate`, 'conflict', {});
    await t.client.problem(
      'POST',
      '/v1/api-keys/01a20f85-d334-7342-8ae8-7073e642d9b7/rotate',
      'not_found',
      {},
    );
  });

  test('many at once leave one present secret, and no secret that was given out is lost', async () => {
    const { id } = await made();
    const all = await Promise.all(Array.from({ length: 8 }, () => rotated(id)));
    for (const { secret } of all) expect(await statusOf(secret)).toBe(200);
    const { rows } = await t.database.pool.query(
      'select count(*)::int as count from api_key_former_secrets where key_id = $1',
      [id],
    );
    expect(rows[0].count).toBe(8);
  });

  test('of the first key is not undone by the next start', async () => {
    const wished = `ck_${'w'.repeat(30)}`;
    const start = () => t.database.begin((tx) => ensureBootstrapKey(tx, wished));
    await start();
    expect(await statusOf(wished)).toBe(200);
    const { data } = await t.client.get('/v1/api-keys?limit=200');
    const { id } = data.findLast(({ name }: { name: string }) => name === 'bootstrap');
    await rotated(id, { overlap: 'PT0S' });
    await sleep(1100);
    await start();
    expect(await statusOf(wished)).toBe(401);
  });
});

describe('the last use', () => {
  const lastUse = async (id: string) => (await t.client.get(`/v1/api-keys/${id}`)).last_used_at;

  test('is told soon after a request', async () => {
    const { id, secret } = await made();
    const before = Date.now();
    expect(await statusOf(secret)).toBe(200);
    await expect.poll(() => lastUse(id), { timeout: 20_000 }).not.toBeNull();
    expect(Date.parse(await lastUse(id))).toBeGreaterThanOrEqual(before);
  });

  test('is written when the process ends, and not more than once a minute', async () => {
    const { id } = await made();
    const { id: other } = await made();
    const written = async () => {
      const { rows } = await t.database.pool.query(
        'select xmin::text as change from api_keys where id = $1',
        [id],
      );
      return rows[0].change;
    };
    const before = await written();
    const use = recordKeyUse(t.database, t.deps.log);
    for (let times = 0; times < 100; times += 1) use.note(id);
    use.note(other);
    expect(await written()).toBe(before);
    await use.close();
    expect(await lastUse(other)).not.toBeNull();
    const first = await written();
    expect(first).not.toBe(before);
    // another process, within the minute
    const another = recordKeyUse(t.database, t.deps.log);
    another.note(id);
    await another.close();
    expect(await written()).toBe(first);
    await t.database.pool.query(`update api_keys set last_used_at = last_used_at - interval '61 seconds'`);
    const third = recordKeyUse(t.database, t.deps.log);
    third.note(id);
    await third.close();
    expect(await written()).not.toBe(first);
    expect(Date.now() - Date.parse(await lastUse(id))).toBeLessThan(60_000);
  });

  test('keeps no request waiting, and no process from ending, when the database does not write', async () => {
    const { id, secret } = await made();
    const holder = await t.database.pool.connect();
    await holder.query('begin');
    await holder.query('select from api_keys where id = $1 for update', [id]);
    expect(await statusOf(secret)).toBe(200);
    const use = recordKeyUse(t.database, t.deps.log);
    use.note(id);
    await use.close();
    await holder.query('rollback');
    holder.release();
    expect(await lastUse(id)).toBeNull();
    const unreachable = openDatabase({
      url: 'postgres://nobody@127.0.0.1:1/none',
      poolSize: 1,
      applicationName: 'test',
      statementTimeoutSeconds: 1,
      lockTimeoutSeconds: 1,
      poolTimeoutSeconds: 1,
      queryTimeoutSeconds: 2,
      onError: () => undefined,
    });
    const broken = recordKeyUse(unreachable, t.deps.log);
    broken.note(id);
    await broken.close();
    await unreachable.close();
  });
});
