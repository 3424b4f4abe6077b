/** A back end gets tokens for single customers, and what they are good for: RFC 8693, RFC 6749. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DataScope } from '../../src/platform/context.js';
import type { Scope } from '../../src/platform/scopes.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { expectAudit } from '../support/audit.js';
import { Client } from '../support/client.js';
import { aCustomer } from '../support/factories.js';
import { startProvider, type TestProvider } from '../support/oidc.js';

const base = {
  grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
  subject_token_type: 'urn:clientele:params:oauth:token-type:customer',
};
const form = { headers: { 'content-type': 'application/x-www-form-urlencoded' } };

let t: TestApp;
let provider: TestProvider;
let backEnd: Client;
let id: string;
let other: string;
beforeAll(async () => {
  const scope = 'tokens:exchange customers:read';
  provider = await startProvider({ backend: { scope, claims: { clientele_bank: true } } });
  t = await startTestApp({ env: { ...provider.env, SELF_TOKEN_SECONDS: '60' } });
  backEnd = await aBackEnd([
    'customers:read',
    'customers:read_sensitive',
    'customers:write',
    'segments:read',
  ]);
  id = (await t.client.post('/v1/customers', aCustomer(), 201)).id;
  other = (await t.client.post('/v1/customers', aCustomer({ branch: '0909' }), 201)).id;
});
afterAll(async () => {
  await t.stop();
  await provider.stop();
});

const aBackEnd = (scopes: Scope[], reach?: DataScope) => t.clientWith(['tokens:exchange', ...scopes], reach);
const exchange = (by: Client, stated: Record<string, string> = {}) =>
  by.request('POST', '/v1/token', { ...base, subject_token: id, ...stated }, form);
const tokenOf = async (by: Client, stated: Record<string, string> = {}) => {
  const reply = await exchange(by, stated);
  expect(reply.status, JSON.stringify(reply.body)).toBe(200);
  return new Client(t.origin, reply.body.access_token);
};

describe('an exchange', () => {
  test('gives a token for the one customer, which nobody keeps', async () => {
    const reply = await exchange(backEnd);
    expect(reply.body).toEqual({
      access_token: expect.stringMatching(/^ct_[\w-]+$/),
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      token_type: 'Bearer',
      expires_in: expect.any(Number),
      scope: 'customers:read customers:read_sensitive segments:read',
    });
    expect(reply.body.expires_in).toBeGreaterThan(50);
    expect(reply.body.expires_in).toBeLessThanOrEqual(60);
    expect(reply.headers.get('cache-control')).toBe('no-store');
    await expectAudit(t.database, 'token.exchanged', id, {
      actor: expect.stringMatching(/^key:/),
      details: {
        scopes: ['customers:read', 'customers:read_sensitive', 'segments:read'],
        expires_at: expect.any(String),
      },
    });
    const self = new Client(t.origin, reply.body.access_token);
    expect((await self.get('/v1/customers')).data.map((one: { id: string }) => one.id)).toEqual([id]);
    for (const part of ['', '/profile', '/summary', '/segments', '/holdings']) {
      await self.get(`/v1/customers/${id}${part}`);
      await self.problem('GET', `/v1/customers/${other}${part}`, 'not_found');
    }
    await self.problem('POST', '/v1/token', 'insufficient_scope', { ...base, subject_token: other }, form);
    await self.problem(
      'PATCH',
      `/v1/customers/${id}`,
      'insufficient_scope',
      { city: '北京' },
      { headers: { 'if-match': '*' } },
    );
  });

  test('finds the customer by an identifier, and gives what is asked for by name', async () => {
    const { identifiers } = await t.client.get(`/v1/customers/${id}`);
    const [{ scheme, value }] = identifiers;
    const reply = await exchange(backEnd, {
      subject_token: `${scheme}:${value}`,
      subject_token_type: 'urn:clientele:params:oauth:token-type:identifier',
      scope: 'customers:write customers:read',
      audience: 'self',
      // what is not known is passed over
      nonsense: 'x',
    });
    expect(reply.body.scope).toBe('customers:write customers:read');
  });

  test.each([
    ['another grant', { grant_type: 'client_credentials' }, 'unsupported_grant_type'],
    ['no grant', { grant_type: '' }, 'invalid_request'],
    ['no subject', { subject_token: '' }, 'invalid_request'],
    [
      'a subject of another type',
      { subject_token_type: 'urn:ietf:params:oauth:token-type:jwt' },
      'invalid_request',
    ],
    [
      'a subject that is nobody',
      { subject_token: '01a20f85-d334-7342-8ae8-7073e642d9b7' },
      'invalid_request',
    ],
    ['a subject that is no id', { subject_token: "' or true" }, 'invalid_request'],
    ['an actor of its own', { actor_token: 'x' }, 'invalid_request'],
    [
      'another kind of token',
      { requested_token_type: 'urn:ietf:params:oauth:token-type:jwt' },
      'invalid_request',
    ],
    ['a token for elsewhere', { audience: 'https://elsewhere.example' }, 'invalid_target'],
    ['a scope that the caller does not have', { scope: 'activities:write' }, 'invalid_scope'],
    ['a scope that no customer has', { scope: 'tokens:exchange' }, 'invalid_scope'],
    ['a scope that does not exist', { scope: 'everything' }, 'invalid_scope'],
  ])('that asks for %s is refused as OAuth does', async (_what, stated, error) => {
    const reply = await exchange(backEnd, stated);
    expect([reply.status, reply.body.code, reply.body.error]).toEqual([400, 'exchange_refused', error]);
    expect(reply.body.error_description).toMatch(/^[\x20-\x7e]+$/);
  });

  test('is refused where a parameter comes twice, or is no form', async () => {
    const twice = await backEnd.request('POST', '/v1/token', `grant_type=a&grant_type=b`, form);
    expect([twice.status, twice.body.error]).toEqual([400, 'invalid_request']);
    await backEnd.problem('POST', '/v1/token', 'unsupported_media_type', base);
  });

  test('tells nobody who there is outside of the back end’s reach', async () => {
    const bound = await aBackEnd(['customers:read'], { branches: ['0101'] });
    const unknown = await exchange(bound, { subject_token: '01a20f85-d334-7342-8ae8-7073e642d9b7' });
    const hidden = await exchange(bound, { subject_token: other });
    expect({ ...hidden.body, instance: '' }).toEqual({ ...unknown.body, instance: '' });
    await tokenOf(bound);
  });
});

describe('what is done with a token', () => {
  test('has both in the audit, and in the timeline', async () => {
    const self = await tokenOf(backEnd, { scope: 'customers:read customers:write' });
    await self.patch(`/v1/customers/${id}`, { language: 'zh' }, '*');
    await expectAudit(t.database, 'customer.updated', id, {
      actor: expect.stringMatching(/^key:/),
      on_behalf_of: `customer:${id}`,
    });
    const [latest] = (await t.client.get(`/v1/customers/${id}/timeline?kind=change`)).data;
    expect(latest).toMatchObject({ actor: expect.stringMatching(/^key:/), on_behalf_of: `customer:${id}` });
    await self.patch(`/v1/customers/${id}`, { language: 'zh' }, '*');
    const stranger = aCustomer({ identifiers: undefined });
    const problem = await self.problem('POST', '/v1/customers', 'rule_broken', stranger);
    expect(problem.errors[0].code).toBe('outside_data_scope');
  });

  test('ends when its key is revoked, or its time is over', async () => {
    const { secret, id: keyId } = await t.client.post(
      '/v1/api-keys',
      { name: 'back end', scopes: ['tokens:exchange', 'customers:read'] },
      201,
    );
    const self = await tokenOf(new Client(t.origin, secret));
    await self.get(`/v1/customers/${id}`);
    await t.client.delete(`/v1/api-keys/${keyId}`);
    await sleep(1100);
    expect((await self.request('GET', `/v1/customers/${id}`)).status).toBe(401);
    const soon = new Date(Date.now() + 700).toISOString();
    const short = await t.client.post(
      '/v1/api-keys',
      { name: 'ends', scopes: ['tokens:exchange', 'customers:read'], expires_at: soon },
      201,
    );
    const brief = await tokenOf(new Client(t.origin, short.secret));
    await brief.get(`/v1/customers/${id}`);
    await sleep(800);
    expect((await brief.request('GET', `/v1/customers/${id}`)).status).toBe(401);
  });

  test('is got with a token of the provider too, and ends with that one', async () => {
    const byToken = new Client(t.origin, await provider.token('backend'));
    const self = await tokenOf(byToken);
    expect((await self.get('/v1/customers')).data).toHaveLength(1);
    const exp = Math.floor(Date.now() / 1000) + 20;
    const ending = new Client(t.origin, await provider.forge('backend', { claims: { exp } }));
    expect((await exchange(ending)).body.expires_in).toBeLessThanOrEqual(20);
  });

  test('may use the same idempotency key as the session of another customer', async () => {
    const writer = await aBackEnd(['customers:read', 'activities:write']);
    const record = async (subject: string) => {
      const self = await tokenOf(writer, { subject_token: subject, scope: 'activities:write' });
      const item = {
        source: 'app',
        source_id: subject,
        customer: { id: subject },
        type: 'login',
        occurred_at: '2026-02-01',
      };
      return self.post('/v1/activities', { items: [item] }, 200, { headers: { 'idempotency-key': '"1"' } });
    };
    expect(await record(id)).toMatchObject({ accepted: 1 });
    expect(await record(other)).toMatchObject({ accepted: 1 });
  });
});
