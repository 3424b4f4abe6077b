/** Four eyes: what waits, who may say yes, that it is done once and exactly as planned, and what is told of it. */
import { createHash } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openDatabase } from '../../src/db/client.js';
import type { Guarded } from '../../src/platform/approvals/guarded.js';
import { perform } from '../../src/platform/approvals/perform.js';
import { DomainError } from '../../src/platform/errors.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { actorOf as actorOfClient, tryOut } from '../support/approvals.js';
import { Client } from '../support/client.js';
import { aCustomer } from '../support/factories.js';
import { startProvider, type TestProvider } from '../support/oidc.js';

let t: TestApp;
let provider: TestProvider;
/** asks */
let maker: Client;
/** decides */
let checker: Client;
beforeAll(async () => {
  provider = await startProvider({ bank: { scope: '', claims: { clientele_bank: true } } });
  t = await startTestApp({ poolSize: 30, provokes: /request failed/, env: provider.env });
  maker = await t.clientWith(['segments:read', 'segments:write', 'approvals:read']);
  checker = await aChecker();
});
afterAll(async () => {
  await t.stop();
  await provider.stop();
});

const aChecker = () =>
  t.clientWith(['segments:read', 'segments:write', 'approvals:read', 'approvals:decide']);
const anyVersion = { headers: { 'if-match': '*' } };

async function policy(operation: string, stated: Record<string, unknown>): Promise<void> {
  await t.client.put(`/v1/approval-policies/${operation}`, stated, 200, anyVersion);
}

const inCity = (city: string) => ({ fact: 'city', op: 'eq', value: city });
let counter = 0;
/** A segment of people in a city of its own. */
async function aSegment(): Promise<{ key: string; city: string; body: (city?: string) => object }> {
  counter += 1;
  const [key, city] = [`segment_${counter}`, `City ${counter}`];
  const body = (of = city) => ({ name: key, description: '', rule: inCity(of) });
  await t.client.post('/v1/segments', { key, ...body() }, 201);
  return { key, city, body };
}

/** Asks for another rule, which waits. */
async function aRequest(client = maker) {
  const segment = await aSegment();
  const approval = await client.put(
    `/v1/segments/${segment.key}`,
    segment.body('Elsewhere'),
    202,
    anyVersion,
  );
  return { ...segment, approval, path: `/v1/approvals/${approval.id}` };
}

const auditOf = async (subject: string) =>
  (
    await t.database.pool.query(
      'select action, actor, details from audit_entries where subject_id = $1 order by id',
      [subject],
    )
  ).rows;
const actorOf = (client: Client) => actorOfClient(t, client);
const eventsAbout = async (subject: string) => {
  await t.drain();
  const { rows } = await t.database.pool.query('select max(sequence)::int as head from outbox');
  const { data } = await t.client.get(`/v1/events?after=${Math.max(0, rows[0].head - 900)}&limit=1000`);
  return data.filter((event: { subject: string }) => event.subject === subject);
};
const versionOf = async (key: string): Promise<number> =>
  (await t.client.get(`/v1/segments/${key}`)).rule_version;

describe('until the bank decides otherwise', () => {
  test('nothing waits for anybody', async () => {
    const { data } = await t.client.get('/v1/approval-policies');
    const names = data.map((one: { operation: string }) => one.operation);
    expect(names).toEqual([...names].sort());
    expect(names).toEqual(
      expect.arrayContaining(['createSegment', 'deleteSegment', 'putApprovalPolicy', 'putSegment']),
    );
    expect(data.filter((one: { required: boolean }) => one.required)).toEqual([]);
    const { key, body } = await aSegment();
    expect(await maker.put(`/v1/segments/${key}`, body('Elsewhere'), 200, anyVersion)).toMatchObject({
      rule_version: 2,
    });
    await maker.delete(`/v1/segments/${key}`, 204, anyVersion);
    expect((await t.client.get('/v1/approvals')).data).toEqual([]);
  });
});

describe('a policy', () => {
  const path = '/v1/approval-policies/deleteSegment';

  test('is read and changed as everything that has a version', async () => {
    const first = await t.client.request('GET', path);
    expect(first.body).toEqual({
      operation: 'deleteSegment',
      required: false,
      threshold: null,
      expires_after: 'P7D',
      counts: 'customers that enter or leave',
      updated_at: null,
      updated_by: null,
    });
    const etag = first.headers.get('etag') ?? '';
    const stated = { required: false, threshold: 5, expires_after: 'PT12H' };
    await t.client.problem('PUT', path, 'precondition_required', stated);
    const made = await t.client.request('PUT', path, stated, { headers: { 'if-match': etag } });
    expect(made.body).toMatchObject({ ...stated, updated_by: await actorOf(t.client) });
    await t.client.problem('PUT', path, 'stale_version', stated, { headers: { 'if-match': etag } });
    const present = { 'if-none-match': made.headers.get('etag') ?? '' };
    expect((await t.client.request('GET', path, undefined, { headers: present })).status).toBe(304);
    expect(await auditOf('deleteSegment')).toMatchObject([
      { action: 'approval_policy.updated', details: { version: 1, threshold: 5 } },
    ]);
  });

  test.each([
    ['putApprovalPolicy', { required: true, threshold: 5 }, '/threshold'],
    ['putSegment', { required: true, expires_after: 'P0D' }, '/expires_after'],
    ['putSegment', { required: true, expires_after: 'P400D' }, '/expires_after'],
    ['putSegment', { required: true, expires_after: 'P9999Y' }, '/expires_after'],
  ])('of %s cannot be %j', async (operation, stated, pointer) => {
    const problem = await t.client.problem(
      'PUT',
      `/v1/approval-policies/${operation}`,
      'rule_broken',
      stated,
      anyVersion,
    );
    expect(problem.errors[0].pointer).toBe(pointer);
  });

  test('is for operations that can ask, and for administrators', async () => {
    await t.client.problem('GET', '/v1/approval-policies/getSegment', 'not_found');
    const stated = { required: true };
    await t.client.problem('PUT', '/v1/approval-policies/getSegment', 'not_found', stated, anyVersion);
    await checker.problem('PUT', path, 'insufficient_scope', stated, anyVersion);
  });

  test('holds from a threshold on, and for what is weighty', async () => {
    const { key, city, body } = await aSegment();
    for (let index = 0; index < 3; index += 1) await t.client.post('/v1/customers', aCustomer({ city }), 201);
    await t.drain();
    await policy('putSegment', { required: true, threshold: 3 });
    const put = (stated: object, status: number) =>
      maker.put(`/v1/segments/${key}`, stated, status, anyVersion);
    await put({ ...body(), name: 'Another name' }, 200);
    const waits = await put(body('Elsewhere'), 202);
    expect(waits.forecast).toEqual({ enters: 0, leaves: 3 });
    await policy('putSegment', { required: true, threshold: 4 });
    await put(body('Elsewhere'), 200);
    await policy('putSegment', { required: false });
  });

  test('asks where it cannot be counted in time', async () => {
    const slow = openDatabase({
      url: t.databaseUrl,
      poolSize: 2,
      applicationName: 'clientele test',
      statementTimeoutSeconds: 1,
      lockTimeoutSeconds: 1,
      poolTimeoutSeconds: 5,
      queryTimeoutSeconds: 5,
      onError: () => undefined,
    });
    const guard: Guarded<null, null> = {
      operation: 'countSlowly',
      scope: 'segments:write',
      threshold: { counts: 'seconds', of: ({ forecast }) => (forecast === null ? null : 1) },
      forecast: async (ctx) =>
        (await ctx.database.rows<Record<string, unknown>>(sql`select pg_sleep(60)`))[0] ?? {},
      plan: async () => ({
        subject: { type: 'segment', id: 'all' },
        customers: [],
        summary: 'Count',
        content: {},
        weighty: true,
      }),
      execute: async () => ({ value: null, audit: [] }),
    };
    const ctx = { ...(await t.context()), database: slow };
    try {
      expect(await perform(ctx, guard, null)).toEqual({ done: null });
      await t.database.pool.query(`
        insert into approval_policies (operation, required, threshold, expires_after, version, updated_at, updated_by)
        values ('countSlowly', true, 1000000, 'P7D', 1, '2026-01-01T00:00:00Z', 'test')`);
      const outcome = await perform(ctx, guard, null);
      const { id } = { id: 'approval' in outcome ? outcome.approval : '' };
      expect((await t.client.get(`/v1/approvals/${id}`)).forecast).toBeNull();
      await expect(perform(ctx, guard, null, 'f'.repeat(64))).rejects.toMatchObject({ code: 'plan_changed' });
    } finally {
      await slow.close();
    }
  });
});

describe('a dry run', () => {
  const dry = (path: string) => `${path}?dry_run=true`;
  const counts = async () => {
    const { rows } = await t.database.pool.query(`
      select (select count(*) from audit_entries) as audit, (select count(*) from outbox) as events,
        (select count(*) from segment_versions) as versions, (select count(*) from approvals) as approvals,
        (select count(*) from idempotency_keys) as keys`);
    return rows[0];
  };

  test('tells who would enter and who would leave, and writes nothing', async () => {
    const { key, city, body } = await aSegment();
    const [leaving, entering] = [city, `${city} North`];
    for (const one of [leaving, leaving, entering])
      await t.client.post('/v1/customers', aCustomer({ city: one }), 201);
    await t.drain();
    const before = await counts();
    const plan = await maker.put(dry(`/v1/segments/${key}`), body(entering), 200, anyVersion);
    expect(plan).toMatchObject({
      operation: 'putSegment',
      subject: { type: 'segment', id: key },
      plan: { base_version: 1, version: 2, former: body(), rule: inCity(entering) },
      forecast: { enters: 1, leaves: 2 },
      asks_for_approval: false,
    });
    const created = await maker.post(dry('/v1/segments'), { key: `${key}_new`, ...body() }, 200);
    expect(created).toMatchObject({ plan: { version: 1 }, forecast: { enters: 2, leaves: 0 } });
    const deleted = await maker.request('DELETE', dry(`/v1/segments/${key}`), undefined, anyVersion);
    expect(deleted).toMatchObject({ status: 200, body: { forecast: { enters: 0, leaves: 2 } } });
    expect(await counts()).toEqual(before);
    expect(await versionOf(key)).toBe(1);
    await t.client.problem('GET', `/v1/segments/${key}_new`, 'not_found');
  });

  test('is as strict as what it plans', async () => {
    const { key, body } = await aSegment();
    const path = dry(`/v1/segments/${key}`);
    const stale = { headers: { 'if-match': '"v7"' } };
    await maker.problem('PUT', path, 'stale_version', body(), stale);
    await maker.problem('PUT', path, 'precondition_required', body());
    await maker.problem('PUT', dry('/v1/segments/unknown_one'), 'not_found', body(), anyVersion);
    const broken = { ...body(), rule: { fact: 'town', op: 'eq', value: 'x' } };
    await maker.problem('PUT', path, 'rule_broken', broken, anyVersion);
    await maker.problem('POST', dry('/v1/segments'), 'conflict', { key, ...body() });
    await maker.problem('POST', dry('/v1/segments'), 'rule_broken', { key: 'preview', ...body() });
    const reader = await t.clientWith(['segments:read']);
    await reader.problem('PUT', path, 'insufficient_scope', body(), anyVersion);
  });

  test('is what is done under its hash, and nothing else is', async () => {
    const { key, city, body } = await aSegment();
    const plan = async (stated: object) =>
      (await maker.put(dry(`/v1/segments/${key}`), stated, 200, anyVersion)).plan_hash;
    const put = (stated: object, hash: string) =>
      maker.request('PUT', `/v1/segments/${key}?plan_hash=${hash}`, stated, anyVersion);
    const refused = async (stated: object, hash: string) =>
      expect((await put(stated, hash)).body).toMatchObject({ status: 409, code: 'plan_changed' });

    const next = `${city} South`;
    const hash = await plan(body(next));
    expect(await plan(body(next))).toBe(hash);
    await refused(body('Another'), hash);
    await refused({ ...body(next), description: 'Another' }, hash);
    // a customer has come who would enter
    await t.client.post('/v1/customers', aCustomer({ city: next }), 201);
    await t.drain();
    await refused(body(next), hash);
    const again = await plan(body(next));
    // somebody else publishes first
    await t.client.put(`/v1/segments/${key}`, body('Meanwhile'), 200, anyVersion);
    await refused(body(next), again);
    expect(await versionOf(key)).toBe(2);
    expect(await put(body(next), await plan(body(next)))).toMatchObject({
      status: 200,
      body: { rule_version: 3 },
    });
    await t.drain();
    expect((await t.client.get(`/v1/segments/${key}/members`)).data).toHaveLength(1);
  });
});

describe('what waits', () => {
  beforeAll(async () => {
    for (const operation of ['putSegment', 'createSegment', 'deleteSegment'])
      await policy(operation, { required: true });
  });
  afterAll(async () => {
    for (const operation of ['putSegment', 'createSegment', 'deleteSegment'])
      await policy(operation, { required: false });
  });
  // what tests lean on is there without waiting
  beforeEach(async () => policy('createSegment', { required: false }));

  test('is done by the yes of a second person, and all is told', async () => {
    const { key, body, approval, path } = await aRequest();
    expect(approval).toMatchObject({
      operation: 'putSegment',
      subject: { type: 'segment', id: key },
      state: 'pending',
      plan: { base_version: 1, version: 2, rule: inCity('Elsewhere') },
      forecast: { enters: 0, leaves: 0 },
      requested_by: await actorOf(maker),
      decided_by: null,
      result: null,
    });
    expect(Date.parse(approval.expires_at) - Date.parse(approval.requested_at)).toBe(7 * 86_400_000);
    expect(await versionOf(key)).toBe(1);

    const decided = await checker.post(`${path}/approve`, {
      reason: 'Agreed',
      plan_hash: approval.plan_hash,
    });
    const both = { requested_by: await actorOf(maker), decided_by: await actorOf(checker) };
    expect(decided).toMatchObject({
      state: 'executed',
      reason: 'Agreed',
      result: { rule_version: 2 },
      ...both,
    });
    expect(await t.client.get(`/v1/segments/${key}`)).toMatchObject({
      rule_version: 2,
      ...body('Elsewhere'),
    });

    const details = { operation: 'putSegment', plan_hash: approval.plan_hash };
    expect(await auditOf(approval.id)).toMatchObject([
      { action: 'approval.requested', actor: both.requested_by, details },
      {
        action: 'approval.approved',
        actor: both.decided_by,
        details: { ...details, requested_by: both.requested_by },
      },
    ]);
    expect((await auditOf(key)).at(-1)).toMatchObject({
      action: 'segment.updated',
      actor: both.decided_by,
      details: { rule_version: 2, approval: approval.id, requested_by: both.requested_by },
    });
    const events = await eventsAbout(approval.id);
    expect(events.map((event: { type: string }) => event.type)).toEqual([
      'clientele.approval.requested',
      'clientele.approval.approved',
      'clientele.approval.executed',
    ]);
    expect(events.at(-1).data).toEqual({ operation: 'putSegment', ...both });
  });

  test('is named where it is, with a version', async () => {
    const { key, body } = await aSegment();
    const reply = await maker.request('PUT', `/v1/segments/${key}`, body('Elsewhere'), anyVersion);
    const path = `/v1/approvals/${reply.body.id}`;
    expect(reply.headers.get('location')).toBe(path);
    const etag = reply.headers.get('etag') ?? '';
    const read = () => checker.request('GET', path, undefined, { headers: { 'if-none-match': etag } });
    expect((await read()).status).toBe(304);
    const done = await checker.request('POST', `${path}/approve`);
    expect(done.status).toBe(200);
    const changed = await read();
    expect(changed.status).toBe(200);
    expect(changed.headers.get('etag')).toBe(done.headers.get('etag'));
  });

  test('can be a new segment, and the end of one', async () => {
    const { key, body } = await aSegment();
    await policy('createSegment', { required: true });
    const headers = { 'idempotency-key': 'made-once' };
    const send = () => maker.request('POST', '/v1/segments', { key: `${key}_new`, ...body() }, { headers });
    const created = await send();
    expect(created.status).toBe(202);
    await t.client.problem('GET', `/v1/segments/${key}_new`, 'not_found');
    const repeated = await send();
    expect(repeated.headers.get('idempotent-replayed')).toBe('true');
    expect(repeated.body.id).toBe(created.body.id);
    await checker.post(`/v1/approvals/${created.body.id}/approve`, {});
    expect(await versionOf(`${key}_new`)).toBe(1);
    // the reply to a repetition is the approval as it is today
    expect((await send()).body.state).toBe('executed');

    const ended = await maker.request('DELETE', `/v1/segments/${key}`, undefined, anyVersion);
    expect(ended.status).toBe(202);
    expect(await versionOf(key)).toBe(1);
    await checker.post(`/v1/approvals/${ended.body.id}/approve`, {});
    await t.client.problem('GET', `/v1/segments/${key}`, 'not_found');
  });

  test('waits once, however often it is asked for', async () => {
    const { key, body, approval } = await aRequest();
    const again = await maker.put(`/v1/segments/${key}`, body('Elsewhere'), 202, anyVersion);
    expect(again.id).toBe(approval.id);
    const other = await maker.put(`/v1/segments/${key}`, body('Elsewhere else'), 202, anyVersion);
    expect(other.id).not.toBe(approval.id);
    const another = await checker.put(`/v1/segments/${key}`, body('Elsewhere'), 202, anyVersion);
    expect(another.id).not.toBe(approval.id);
  });

  test('keeps to the plan that the caller has named', async () => {
    const { key, body } = await aSegment();
    const { plan_hash, asks_for_approval } = await maker.put(
      `/v1/segments/${key}?dry_run=true`,
      body('Elsewhere'),
      200,
      anyVersion,
    );
    expect(asks_for_approval).toBe(true);
    const put = (hash: string) =>
      maker.request('PUT', `/v1/segments/${key}?plan_hash=${hash}`, body('Elsewhere'), anyVersion);
    expect((await put('0'.repeat(64))).body.code).toBe('plan_changed');
    expect((await put(plan_hash)).body).toMatchObject({ state: 'pending', plan_hash });
  });

  test('is not decided by whoever asked, whatever they may do', async () => {
    const { key, path } = await aRequest(t.client);
    await t.client.problem('POST', `${path}/approve`, 'second_person_required', {});
    await t.client.problem('POST', `${path}/reject`, 'second_person_required', { reason: 'No' });
    expect(await versionOf(key)).toBe(1);
    expect((await t.client.get(path)).state).toBe('pending');
  });

  test('is decided by those who may do it themselves', async () => {
    const { path } = await aRequest();
    const other = await t.clientWith(['approvals:read', 'approvals:decide', 'customers:write']);
    for (const [action, body] of [
      ['approve', {}],
      ['reject', { reason: 'No' }],
    ] as const) {
      const problem = await other.problem('POST', `${path}/${action}`, 'insufficient_scope', body);
      expect(problem.detail).toContain('segments:write');
    }
    // nor do they see what it is about
    const seen = await other.request('GET', path);
    expect(seen.body).toMatchObject({ plan: null, forecast: null, state: 'pending' });
    expect(seen.headers.get('etag')).not.toBe((await checker.request('GET', path)).headers.get('etag'));
    const withoutDecide = await t.clientWith(['approvals:read', 'segments:write']);
    await withoutDecide.problem('POST', `${path}/approve`, 'insufficient_scope', {});
    expect((await checker.get(path)).state).toBe('pending');
  });

  test('is done once, of twenty who say yes at once', async () => {
    const { key, path } = await aRequest();
    const checkers = await Promise.all(Array.from({ length: 20 }, aChecker));
    const replies = await Promise.all(checkers.map((one) => one.request('POST', `${path}/approve`, {})));
    expect(replies.map(({ status }) => status).sort()).toEqual([200, ...Array(19).fill(409)]);
    for (const { status, body } of replies) if (status === 409) expect(body.code).toBe('conflict');
    expect(await versionOf(key)).toBe(2);
    const done = (await auditOf(key)).filter(({ action }) => action === 'segment.updated');
    expect(done).toHaveLength(1);
    const types = (await eventsAbout(key)).map((event: { type: string }) => event.type);
    expect(types.filter((type: string) => type === 'clientele.segment.updated')).toHaveLength(1);
  });

  test('is decided once, of yes and no at once', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { key, path } = await aRequest();
      const [yes, no, back] = await Promise.all([
        checker.request('POST', `${path}/approve`, {}),
        (await aChecker()).request('POST', `${path}/reject`, { reason: 'No' }),
        maker.request('POST', `${path}/withdraw`, {}),
      ]);
      const statuses = [yes, no, back].map(({ status }) => status);
      expect([...statuses].sort()).toEqual([200, 409, 409]);
      expect(await versionOf(key)).toBe(yes.status === 200 ? 2 : 1);
    }
  });

  test('tells whoever repeats the yes what it came to', async () => {
    const { key, path } = await aRequest();
    const replies = await Promise.all(
      Array.from({ length: 10 }, () => checker.request('POST', `${path}/approve`, {})),
    );
    for (const reply of replies) expect(reply).toMatchObject({ status: 200, body: { state: 'executed' } });
    const headers = { 'idempotency-key': `yes-${key}` };
    await checker.post(`${path}/approve`, {}, 200, { headers });
    const replayed = await checker.request('POST', `${path}/approve`, {}, { headers });
    expect(replayed.headers.get('idempotent-replayed')).toBe('true');
    expect(await versionOf(key)).toBe(2);
    await (await aChecker()).problem('POST', `${path}/approve`, 'conflict', {});
    await checker.problem('POST', `${path}/reject`, 'conflict', { reason: 'After all not' });
    await maker.problem('POST', `${path}/withdraw`, 'conflict', {});
  });

  test('is not done where something else has changed what it was planned on', async () => {
    const { key, body, path, approval } = await aRequest();
    const rival = await maker.put(`/v1/segments/${key}`, body('Elsewhere else'), 202, anyVersion);
    await checker.post(`/v1/approvals/${rival.id}/approve`, {});
    await checker.problem('POST', `${path}/approve`, 'plan_changed', {});
    await checker.problem('POST', `${path}/approve`, 'plan_changed', { plan_hash: approval.plan_hash });
    expect(await t.client.get(`/v1/segments/${key}`)).toMatchObject({
      rule_version: 2,
      rule: inCity('Elsewhere else'),
    });
    expect((await checker.get(path)).state).toBe('pending');
    expect((await auditOf(approval.id)).map(({ action }) => action)).toEqual(['approval.requested']);
    expect(await checker.post(`${path}/reject`, { reason: 'Overtaken' })).toMatchObject({
      state: 'rejected',
    });

    // nor where there is nothing left to change, or the name alone is another
    const gone = await aRequest();
    const renamed = await aRequest();
    await policy('deleteSegment', { required: false });
    await t.client.delete(`/v1/segments/${gone.key}`, 204, anyVersion);
    await policy('deleteSegment', { required: true });
    await checker.problem('POST', `${gone.path}/approve`, 'plan_changed', {});
    await t.client.put(`/v1/segments/${renamed.key}`, { ...renamed.body(), name: 'New' }, 200, anyVersion);
    await checker.problem('POST', `${renamed.path}/approve`, 'plan_changed', {});
    await checker.problem('POST', `${path}/approve`, 'conflict', {});
  });

  test('is done although customers have come and gone since', async () => {
    const { key, city, path, approval } = await aRequest();
    await t.client.post('/v1/customers', aCustomer({ city }), 201);
    await t.client.post('/v1/customers', aCustomer({ city: 'Elsewhere' }), 201);
    await t.drain();
    expect(await checker.post(`${path}/approve`, { plan_hash: approval.plan_hash })).toMatchObject({
      state: 'executed',
      forecast: { enters: 0, leaves: 0 },
    });
    expect(await versionOf(key)).toBe(2);
  });

  test('is not what whoever decides has not seen', async () => {
    const { path } = await aRequest();
    await checker.problem('POST', `${path}/approve`, 'plan_changed', { plan_hash: 'a'.repeat(64) });
    expect((await checker.get(path)).state).toBe('pending');
  });

  test('can be refused, with a reason', async () => {
    const { key, path, approval } = await aRequest();
    await checker.problem('POST', `${path}/reject`, 'malformed_request', {});
    const no = await checker.post(`${path}/reject`, { reason: '阈值太低' });
    expect(no).toMatchObject({ state: 'rejected', reason: '阈值太低', result: null });
    expect(await checker.post(`${path}/reject`, { reason: '阈值太低' })).toEqual(no);
    await checker.problem('POST', `${path}/approve`, 'conflict', {});
    expect(await versionOf(key)).toBe(1);
    expect((await auditOf(approval.id)).map(({ action }) => action)).toEqual([
      'approval.requested',
      'approval.rejected',
    ]);
    expect((await eventsAbout(approval.id)).at(-1).type).toBe('clientele.approval.rejected');
  });

  test('is taken back by whoever asked, and nobody else', async () => {
    const { key, path } = await aRequest();
    await checker.problem('POST', `${path}/withdraw`, 'requester_only', {});
    const back = await maker.request('POST', `${path}/withdraw`);
    expect(back.body).toMatchObject({ state: 'withdrawn', decided_by: await actorOf(maker), reason: null });
    expect((await maker.post(`${path}/withdraw`, {})).state).toBe('withdrawn');
    await checker.problem('POST', `${path}/approve`, 'conflict', {});
    expect(await versionOf(key)).toBe(1);
  });

  test('is listed by state and operation, page by page', async () => {
    const list = async (query: string) => (await checker.get(`/v1/approvals?limit=200&${query}`)).data;
    const { approval, path } = await aRequest();
    const has = (rows: { id: string }[]) => rows.some(({ id }) => id === approval.id);
    expect(has(await list('state=pending&operation=putSegment'))).toBe(true);
    expect(has(await list('state=pending&operation=deleteSegment'))).toBe(false);
    expect(has(await list('state=executed'))).toBe(false);
    await checker.post(`${path}/approve`, {});
    expect(has(await list('state=executed'))).toBe(true);
    expect(has(await list('state=pending'))).toBe(false);
    const all = (await list('')).map(({ id }: { id: string }) => id);
    expect(all).toEqual([...all].sort());
    const paged: string[] = [];
    let cursor: string | null = null;
    do {
      const page: { data: { id: string }[]; next_cursor: string | null } = await checker.get(
        `/v1/approvals?limit=3${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
      );
      paged.push(...page.data.map(({ id }) => id));
      cursor = page.next_cursor;
    } while (cursor !== null);
    expect(paged).toEqual(all);
    await checker.problem('GET', '/v1/approvals?state=open', 'malformed_request');
  });

  test('is over when its time is', async () => {
    await policy('putSegment', { required: true, expires_after: 'P1M' });
    const { key, body, path, approval } = await aRequest();
    const before = await checker.request('GET', path);
    await t.travelTo(new Date(Date.parse(approval.expires_at) - 1000).toISOString());
    expect((await checker.get(path)).state).toBe('pending');
    await t.travelTo(approval.expires_at);
    // before anybody has written it down, and after
    const over = await checker.request('GET', path, undefined, {
      headers: { 'if-none-match': before.headers.get('etag') ?? '' },
    });
    expect(over.body).toMatchObject({ state: 'expired', decided_by: null });
    await checker.problem('POST', `${path}/approve`, 'conflict', {});
    await checker.problem('POST', `${path}/reject`, 'conflict', { reason: 'No' });
    await maker.problem('POST', `${path}/withdraw`, 'conflict', {});
    const listed = (await checker.get('/v1/approvals?state=expired')).data;
    expect(listed.map(({ id }: { id: string }) => id)).toContain(approval.id);
    await t.drain();
    const after = await checker.request('GET', path);
    expect(after.body).toEqual(over.body);
    expect(after.headers.get('etag')).toBe(over.headers.get('etag'));
    expect((await eventsAbout(approval.id)).map((event: { type: string }) => event.type)).toEqual([
      'clientele.approval.requested',
      'clientele.approval.expired',
    ]);
    expect((await auditOf(approval.id)).at(-1)).toMatchObject({
      action: 'approval.expired',
      actor: 'system:approvals',
    });
    expect(await versionOf(key)).toBe(1);
    // it can be asked for anew
    const again = await maker.put(`/v1/segments/${key}`, body('Elsewhere'), 202, anyVersion);
    expect(again).toMatchObject({ state: 'pending', plan_hash: approval.plan_hash });
    expect(again.id).not.toBe(approval.id);
    await policy('putSegment', { required: true });
  });
});

describe('an operation that breaks', () => {
  test('leaves nothing behind, and can be approved later', async () => {
    let broken = true;
    const { ask, done } = await tryOut(t, {
      execute: async () => {
        if (broken) throw new Error('the disk is full');
      },
    });
    const before = await done();
    const id = await ask([]);
    const path = `/v1/approvals/${id}`;
    const reply = await t.client.request('POST', `${path}/approve`, {});
    expect(reply.body.code).toBe('internal_error');
    expect(await done()).toBe(before);
    expect((await t.client.get(path)).state).toBe('pending');
    expect((await auditOf(id)).map(({ action }) => action)).toEqual(['approval.requested']);
    broken = false;
    expect(await t.client.post(`${path}/approve`, {})).toMatchObject({
      state: 'executed',
      result: { customers: 0 },
    });
    expect(await done()).toBe(before + 1);
  });

  test('and one that refuses ends as failed, with all that it had done taken back', async () => {
    const { ask, done } = await tryOut(t, {
      execute: async () => {
        throw new DomainError('conflict', 'The account is closed.');
      },
    });
    const before = await done();
    const id = await ask([]);
    const path = `/v1/approvals/${id}`;
    const headers = { 'idempotency-key': 'refused-once' };
    const failed = await t.client.post(`${path}/approve`, { reason: 'Try' }, 200, { headers });
    expect(failed).toMatchObject({
      state: 'failed',
      reason: 'Try',
      result: { code: 'conflict', detail: 'The account is closed.' },
    });
    expect(await done()).toBe(before);
    expect(await t.client.post(`${path}/approve`, { reason: 'Try' }, 200, { headers })).toEqual(failed);
    const other = await t.clientWith(['admin']);
    await other.problem('POST', `${path}/approve`, 'conflict', {});
    expect((await auditOf(id)).map(({ action }) => action)).toEqual([
      'approval.requested',
      'approval.approved',
      'approval.failed',
    ]);
    expect((await eventsAbout(id)).map((event: { type: string }) => event.type)).toEqual([
      'clientele.approval.requested',
      'clientele.approval.approved',
      'clientele.approval.failed',
    ]);
  });

  test('nor is it done when what it is planned on is no longer so', async () => {
    let ground = 1;
    const { ask, done } = await tryOut(t, { ground: () => ground });
    const before = await done();
    const id = await ask([]);
    ground = 2;
    await t.client.problem('POST', `/v1/approvals/${id}/approve`, 'plan_changed', {});
    expect(await done()).toBe(before);
    ground = 1;
    await t.client.post(`/v1/approvals/${id}/approve`, {});
    expect(await done()).toBe(before + 1);
  });

  test('is unknown to a release that no longer has it', async () => {
    const { ask } = await tryOut(t);
    const id = await ask([]);
    t.app.guarded.delete('tryOut');
    await t.client.problem('POST', `/v1/approvals/${id}/approve`, 'conflict', {});
    expect((await t.client.post(`/v1/approvals/${id}/reject`, { reason: 'Gone' })).state).toBe('rejected');
  });
});

describe('what concerns customers', () => {
  const scopes = ['customers:write', 'approvals:read', 'approvals:decide', 'events:read'] as const;
  const aCustomerOf = async (branch: string): Promise<string> =>
    (await t.client.post('/v1/customers', aCustomer({ branch }), 201)).id;

  test('is there for those who reach all of them, and for nobody else', async () => {
    const { ask, done } = await tryOut(t);
    const [here, there] = [await aCustomerOf('7701'), await aCustomerOf('7702')];
    const [mine, both, bank] = [await ask([here]), await ask([here, there]), await ask([])];
    const inside = await t.clientWith(scopes, { branches: ['7701'] });
    const wide = await t.clientWith(scopes, { branches: ['7701', '7702'] });
    const before = await done();
    for (const [client, seen] of [
      [inside, [mine]],
      [wide, [mine, both]],
      [await t.clientWith(scopes, { customer: there }), []],
    ] as const) {
      const { data } = await client.get('/v1/approvals?operation=tryOut&limit=200');
      expect(data.map(({ id }: { id: string }) => id)).toEqual(seen);
      const unknown = await client.problem(
        'GET',
        '/v1/approvals/0197f3c2-1b7e-7c31-9d52-3f6a1e2b4c5d',
        'not_found',
      );
      for (const id of [mine, both, bank].filter((one) => !(seen as readonly string[]).includes(one))) {
        const hidden = await client.problem('GET', `/v1/approvals/${id}`, 'not_found');
        expect({ ...hidden, instance: '' }).toEqual({ ...unknown, instance: '' });
        await client.problem('POST', `/v1/approvals/${id}/approve`, 'not_found', {});
        await client.problem('POST', `/v1/approvals/${id}/reject`, 'not_found', { reason: 'No' });
        await client.problem('POST', `/v1/approvals/${id}/withdraw`, 'not_found', {});
      }
    }
    expect(await done()).toBe(before);
    await inside.post(`/v1/approvals/${mine}/approve`, {});
    await wide.post(`/v1/approvals/${both}/approve`, {});
    expect(await done()).toBe(before + 2);

    // the feed tells of one customer's to those who reach it, of the others to the whole bank
    await t.drain();
    const { rows } = await t.database.pool.query('select max(sequence)::int as head from outbox');
    const told = (await inside.get(`/v1/events?after=${Math.max(0, rows[0].head - 500)}&limit=1000`)).data
      .filter((event: { type: string }) => event.type.startsWith('clientele.approval.'))
      .map((event: { subject: string }) => event.subject);
    expect(new Set(told)).toEqual(new Set([mine]));
  });

  test('lies sealed, and is told without what it holds', async () => {
    const { ask } = await tryOut(t);
    const id = await ask([await aCustomerOf('7703')]);
    await t.client.post(`/v1/approvals/${id}/reject`, { reason: '金丝雀丙丁不同意' });
    expect((await t.client.get(`/v1/approvals/${id}`)).plan.note).toBe('金丝雀丙丁');
    await t.drain();
    const { rows } = await t.database.pool.query(`
      select to_jsonb(a)::text as row from approvals a union all select to_jsonb(a)::text from audit_entries a
      union all select to_jsonb(o)::text from outbox o union all select to_jsonb(k)::text from idempotency_keys k`);
    expect(rows.length).toBeGreaterThan(10);
    expect(rows.filter(({ row }) => row.includes('金丝雀'))).toEqual([]);
  });
});

describe('keys that may do everything, or decide', () => {
  let second: Client;
  beforeAll(async () => {
    second = await t.clientWith(['admin']);
    for (const operation of ['createApiKey', 'rotateApiKey']) await policy(operation, { required: true });
  });
  afterAll(async () => {
    for (const operation of ['createApiKey', 'rotateApiKey']) await policy(operation, { required: false });
  });
  const opens = async (secret: string) =>
    (await new Client(t.origin, secret).request('GET', '/v1/approvals')).status === 200;
  const ask = (scopes: string[]) => t.client.request('POST', '/v1/api-keys', { name: 'mighty', scopes });

  test.each([[['admin']], [['approvals:read', 'approvals:decide']]])(
    '%j: the secret waits for the yes',
    async (scopes) => {
      const asked = await ask(scopes);
      const { id, secret, subject } = asked.body;
      expect(asked).toMatchObject({
        status: 202,
        body: { state: 'pending', plan: { scopes, name: 'mighty' } },
      });
      expect(await opens(secret)).toBe(false);
      const seen = await second.get(`/v1/approvals/${id}`);
      const done = await second.post(`/v1/approvals/${id}/approve`, { plan_hash: seen.plan_hash });
      expect(done).toMatchObject({ state: 'executed', result: { id: subject.id, scopes } });
      // whoever said yes has not seen the secret, nor anything that it could be told by
      const hash = createHash('sha256').update(secret).digest();
      for (const text of [JSON.stringify(seen), JSON.stringify(done)])
        for (const part of [secret, hash.toString('hex'), hash.toString('base64')])
          expect(text.includes(part)).toBe(false);
      expect(await opens(secret)).toBe(true);
      expect(await auditOf(subject.id)).toMatchObject([
        {
          action: 'api_key.created',
          actor: await actorOf(second),
          details: { scopes, approval: id, requested_by: await actorOf(t.client) },
        },
      ]);
    },
  );

  test('others are made at once, and a no makes none', async () => {
    expect((await ask(['customers:read'])).status).toBe(201);
    const { id, secret, subject } = (await ask(['admin'])).body;
    await second.post(`/v1/approvals/${id}/reject`, { reason: 'No' });
    expect(await opens(secret)).toBe(false);
    await t.client.problem('GET', `/v1/api-keys/${subject.id}`, 'not_found');
  });

  test('nobody becomes another one by a new secret for that key', async () => {
    const id = (await actorOf(second)).slice('key:'.length);
    const path = `/v1/api-keys/${id}/rotate`;
    const waits = await t.client.request('POST', path, { overlap: 'PT0S' });
    expect(waits.status).toBe(202);
    expect(await opens(waits.body.secret)).toBe(false);
    expect(await opens(second.secret ?? '')).toBe(true);
    // its own key everybody may rotate; and it stays the same caller
    const own = await second.post(path, { overlap: 'PT1H' });
    const renewed = new Client(t.origin, own.secret);
    const asked = await second.put('/v1/approval-policies/rotateApiKey', { required: true }, 200, anyVersion);
    expect(asked.updated_by).toBe(`key:${id}`);
    const { approval, path: address } = await (async () => {
      await policy('putSegment', { required: true });
      const request = await aRequest(second);
      await policy('putSegment', { required: false });
      return request;
    })();
    expect(approval.requested_by).toBe(`key:${id}`);
    await renewed.problem('POST', `${address}/approve`, 'second_person_required', {});
    // what was planned on its former secret is not done on the next one
    await (await t.clientWith(['admin'])).problem(
      'POST',
      `/v1/approvals/${waits.body.id}/approve`,
      'plan_changed',
      {},
    );
  });
});

test('a person is the same one by whatever client of the OpenID provider', async () => {
  const scope = 'segments:read segments:write approvals:read approvals:decide';
  const person = async (sub: string, client: string) =>
    new Client(t.origin, await provider.forge('bank', { claims: { sub, client_id: client, scope } }));
  await policy('putSegment', { required: true });
  const { path } = await aRequest(await person('mei', 'web'));
  await policy('putSegment', { required: false });
  await (await person('mei', 'mobile')).problem('POST', `${path}/approve`, 'second_person_required', {});
  const done = await (await person('tao', 'web')).post(`${path}/approve`, {});
  expect(done).toMatchObject({ requested_by: 'oidc:mei', decided_by: 'oidc:tao', state: 'executed' });
});

/** last: it asks for a second person for every change of a policy */
test('four eyes are not switched off by whoever is alone', async () => {
  const path = '/v1/approval-policies/putApprovalPolicy';
  await t.client.put(path, { required: true }, 200, anyVersion);
  const off = await t.client.put(path, { required: false }, 202, anyVersion);
  await t.client.put('/v1/approval-policies/putSegment', { required: true }, 202, anyVersion);
  await t.client.problem('POST', `/v1/approvals/${off.id}/approve`, 'second_person_required', {});
  expect((await t.client.get(path)).required).toBe(true);
  const second = await t.clientWith(['admin']);
  await second.post(`/v1/approvals/${off.id}/approve`, {});
  expect(await t.client.get(path)).toMatchObject({ required: false, updated_by: await actorOf(second) });
});
