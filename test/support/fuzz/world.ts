/** What the fuzz tests' requests find: real things for the parameters of paths, and those who ask. */
import { randomUUID } from 'node:crypto';
import { allScopes } from '../../../src/platform/scopes.js';
import type { TestApp } from '../app.js';
import { tryOut } from '../approvals.js';
import type { Client } from '../client.js';
import type { OpenApi } from '../contract.js';
import { aHiddenWorld } from '../hidden-world.js';

export type FuzzWorld = {
  /** two that may do everything, so that one can decide on what the other asks for, and one bound to a branch */
  callers: readonly Client[];
  /** values for the parameters of a path, of things that there are */
  placesFor: (path: string) => Record<string, string>[];
};

/** Of what a request can use up there are as many. */
const several = 4;

export async function aFuzzWorld(t: TestApp, document: OpenApi): Promise<FuzzWorld> {
  const world = await aHiddenWorld(t, document);
  const colleague = await t.clientWith(['admin']);
  const clerk = await t.clientWith(
    allScopes.filter((scope) => scope !== 'admin'),
    { branches: ['9901'] },
  );
  const places = new Map<string, Record<string, string>[]>();
  const add = (path: string, place: Record<string, string>) =>
    places.set(path, [...(places.get(path) ?? []), place]);
  for (const [path, place] of Object.entries(world.hidden)) add(path, place);
  for (const path of listsOf(document)) await harvest(t, document, path, add);
  await addSpares(t, world.customerId, add);
  return {
    callers: [t.client, colleague, clerk],
    placesFor: (path) => {
      const names = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '');
      const [prefix] = [...places.keys()]
        .filter((one) => path === one || path.startsWith(`${one}/`))
        .sort((a, b) => b.length - a.length);
      const known = prefix === undefined ? [] : (places.get(prefix) ?? []);
      return known.filter((place) => names.every((name) => place[name] !== undefined));
    },
  };
}

/** Lists whose items have a path of their own, or something below it: `/v1/segments` for `/v1/segments/{key}/members`. */
const listsOf = (document: OpenApi): string[] =>
  Object.keys(document.paths).filter(
    (path) => !path.includes('{') && Object.keys(document.paths).some((one) => one.startsWith(`${path}/{`)),
  );

type Add = (path: string, place: Record<string, string>) => void;

async function harvest(t: TestApp, document: OpenApi, path: string, add: Add): Promise<void> {
  // the keys of the callers must stay
  if (path === '/v1/api-keys' || document.paths[path]?.get === undefined) return;
  const [below = ''] = Object.keys(document.paths).filter((one) => one.startsWith(`${path}/{`));
  const name = /\{(\w+)\}/.exec(below)?.[1] ?? '';
  const { data = [] } = await t.client.get(path);
  for (const item of data.slice(0, 20))
    if (item[name] !== undefined) add(`${path}/{${name}}`, { [name]: item[name] });
}

async function addSpares(t: TestApp, customerId: string, add: Add): Promise<void> {
  const approvals = await tryOut(t);
  for (let count = 0; count < several; count += 1) {
    const key = await t.client.post('/v1/api-keys', { name: 'spare', scopes: ['customers:read'] }, 201);
    add('/v1/api-keys/{id}', { id: key.id });
    add('/v1/approvals/{id}', { id: await approvals.ask([customerId]) });
    const line = JSON.stringify({
      source: 'cards',
      source_id: `fuzz-${count}`,
      customer: { id: customerId },
      type: 'login',
      occurred_at: '2026-01-01T00:00:00Z',
    });
    const headers = { 'content-type': 'application/x-ndjson', 'upload-complete': '?0' };
    const started = await t.client.post('/v1/imports?kind=activities', `${line}\n`, 202, { headers });
    add('/v1/imports/{id}', { id: started.id });
    const customer = await t.client.post(
      '/v1/customers',
      {
        kind: 'person',
        full_name: 'Spare Person',
        branch: '9901',
        identifiers: [{ scheme: 'crm', value: randomUUID() }],
      },
      201,
    );
    add('/v1/customers/{id}', { id: customer.id, identifier_id: customer.identifiers[0].id });
  }
}
