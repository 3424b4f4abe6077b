/** What the fuzz tests' requests find: real things for the parameters of paths, and those who ask. */
import { allScopes } from '../../../src/platform/scopes.js';
import type { TestApp } from '../app.js';
import type { Client } from '../client.js';
import type { OpenApi } from '../contract.js';
import { aHiddenWorld } from '../hidden-world.js';
import { addAbundance } from './abundance.js';
import { shownValues } from './operations.js';

export type FuzzWorld = {
  /** two that may do everything, so that one can decide on what the other asks for, and one bound to a branch */
  callers: readonly Client[];
  /** values for the parameters of a path, of things that there are */
  placesFor: (path: string) => Record<string, string>[];
  /** what rules may speak of */
  facts: string[];
  /** names of attributes that are declared */
  attributes: string[];
};

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
  await declareShown(t, document);
  await addAbundance(t, world.customerId, add);
  for (const path of listsOf(document)) await harvest(t, document, path, add);
  return {
    callers: [t.client, colleague, clerk],
    attributes: (await t.client.get('/v1/attributes')).data.map(({ name }: { name: string }) => name),
    facts: (await t.client.get('/v1/facts')).data.map((fact: { name: string }) => fact.name),
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

/** The attributes that examples of customers have: nobody could have them else. */
async function declareShown(t: TestApp, document: OpenApi): Promise<void> {
  const shown = (shownValues(document).get('attributes') ?? []) as Record<string, unknown>[];
  for (const name of new Set(shown.flatMap(Object.keys)))
    await t.client.request('PUT', `/v1/attributes/${name}`, {
      description: 'Shown in an example',
      json_schema: { type: 'string', maxLength: 50 },
      sensitivity: 'internal',
      searchable: true,
    });
}

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
