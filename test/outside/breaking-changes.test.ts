/** No client of the last release breaks: optic compares its document with today's. A release replaces `released.json`. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { here, root, run } from './run.js';

type Document = {
  paths: Record<string, unknown>;
  components: { schemas: Record<string, unknown> };
};

const prefix = '#/components/schemas/';
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'clientele-optic-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const readDocument = async (name: string) =>
  JSON.parse(await readFile(path.join(root, 'openapi', name), 'utf8')) as Document;

const nameIn = (value: object) => {
  const { $ref: reference } = value as { $ref?: unknown };
  return typeof reference === 'string' && reference.startsWith(prefix)
    ? reference.slice(prefix.length)
    : undefined;
};

function namesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const own = nameIn(value);
  return [...(own === undefined ? [] : [own]), ...Object.values(value).flatMap(namesIn)];
}

/** optic follows references without end: where a component leads back to itself, it ends there. */
function withoutCircles(document: Document): Document {
  const { schemas } = document.components;
  const reaches = (from: string, to: string, seen = new Set<string>()): boolean => {
    if (from === to) return true;
    if (seen.has(from)) return false;
    seen.add(from);
    return namesIn(schemas[from]).some((next) => reaches(next, to, seen));
  };
  const cut = (value: unknown, owner: string): unknown => {
    if (Array.isArray(value)) return value.map((item) => cut(item, owner));
    if (typeof value !== 'object' || value === null) return value;
    const name = nameIn(value);
    if (name !== undefined && reaches(name, owner)) return {};
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, cut(inner, owner)]));
  };
  const straight = Object.entries(schemas).map(([name, schema]) => [name, cut(schema, name)]);
  return { ...document, components: { ...document.components, schemas: Object.fromEntries(straight) } };
}

async function compare(before: Document, after: Document) {
  const files = ['before.json', 'after.json'].map((name) => path.join(folder, name)) as [string, string];
  await writeFile(files[0], JSON.stringify(withoutCircles(before)));
  await writeFile(files[1], JSON.stringify(withoutCircles(after)));
  return run(here('node_modules/.bin/optic'), ['diff', ...files, '--check'], {
    cwd: folder,
    env: { OPTIC_TELEMETRY_LEVEL: 'off', CI: 'true' },
    seconds: 240,
  });
}

/**
 * What optic takes for a break and is none. Words are added to enumerations of replies: clients are told to take what
 * they do not know for something else. And what a new, optional member requires, nobody has to send. The language of
 * rules grows: what was a rule is one, and who reads rules meets kinds of conditions and of windows that are new.
 */
const harmless = [
  /cannot add enum options? '.*' from '(state|kind|reason)' property/,
  /cannot add a required request property 'source_id' to an existing operation/,
  /prevent expanded in request union types\] .*\/(sample|calendar): required property was added/,
  // a value, or a list of types, that may be something else as well
  /prevent expanded in request union types\] .* did not overlap .*: type string was changed to (array|object)/,
  /prevent narrowing in response union types\] .*\/4\/activity: required property was removed, /,
];

/** The breaks that optic has found, each below its operation. */
const breaksIn = (output: string): string[] =>
  output
    .split('\n')
    .filter((line) => /^\s+x \[/.test(line) && !harmless.some((pattern) => pattern.test(line)));

test('nothing of the last release is taken away or asked for anew', async () => {
  const { output } = await compare(await readDocument('released.json'), await readDocument('openapi.json'));
  expect(output).toMatch(/Checks: \d{3,}\/\d{3,} passed/);
  expect(breaksIn(output)).toEqual([]);
});

test('an operation that is taken away, and a field that becomes required, would be seen', async () => {
  const released = await readDocument('released.json');
  const some = (...names: string[]) =>
    Object.fromEntries(Object.entries(released.paths).filter(([name]) => names.includes(name)));
  const schemas = structuredClone(released.components.schemas) as Record<string, { required?: string[] }>;
  schemas.CustomerCreate?.required?.push('city');
  const before = { ...released, paths: some('/v1/customers', '/v1/facts') };
  const after = { ...released, paths: some('/v1/customers'), components: { schemas } };
  const { code, output } = await compare(before, after);
  expect(code).toBe(1);
  expect(output).toContain('GET /v1/facts: removed');
  expect(output).toContain('cannot make a request property required');
  expect(breaksIn(output).join()).toMatch(/remove.*cannot make a request property required/s);
});
