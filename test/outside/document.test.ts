/** The OpenAPI document before the rules that others have made for documents. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { here, root, run } from './run.js';

const file = path.join(root, 'openapi/openapi.json');
type Json = { [key: string]: Json } & { $ref?: unknown };
const document = JSON.parse(readFileSync(file, 'utf8')) as {
  paths: Record<
    string,
    Record<string, { parameters?: unknown; requestBody?: unknown; security?: unknown[] }>
  >;
  components: { schemas: Record<string, unknown> };
};

/** Components that a request can hold. */
function componentsOfRequests(): Set<string> {
  const found = new Set<string>();
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    const { $ref: reference } = value as Json;
    const name = typeof reference === 'string' ? reference.split('/').at(-1) : undefined;
    if (name !== undefined && !found.has(name)) {
      found.add(name);
      visit(document.components.schemas[name]);
    }
    for (const inner of Object.values(value)) visit(inner);
  };
  for (const operations of Object.values(document.paths))
    for (const { parameters, requestBody } of Object.values(operations)) visit([parameters, requestBody]);
  return found;
}

type Finding = { code: string; message: string; path: string[] };

test('OWASP: the API security rules of 2023 find nothing', async () => {
  const { code, output } = await run('node_modules/.bin/spectral', [
    ...['lint', file, '--ruleset', here('spectral-owasp.yaml')],
    ...['--format', 'json', '--quiet', '--fail-severity', 'hint'],
  ]);
  expect([0, 1], output).toContain(code);
  const findings = JSON.parse(output.slice(output.indexOf('['), output.lastIndexOf(']') + 1)) as Finding[];
  const requests = componentsOfRequests();
  const isOfRequest = ([first, second, third, fourth]: string[]) =>
    first === 'components'
      ? second === 'schemas' && requests.has(third ?? '')
      : first === 'paths' && ['parameters', 'requestBody'].includes(fourth ?? '');
  /** bounds are for what comes in: what goes out is bounded by it, and a client should not refuse what is longer */
  const bounds = /(string-limit|array-limit|integer-limit|integer-format|integer-limit-legacy)$/;
  const isOpen = ([, where = '', method = '']: string[]) =>
    document.paths[where]?.[method]?.security?.length === 0;
  const left = findings
    .filter((finding) => !bounds.test(finding.code) || isOfRequest(finding.path))
    // liveness and readiness ask for no key, and are asked by machines that have none: no 401 and no limit
    .filter((finding) => !isOpen(finding.path) || !/(401|read-restricted|rate-limit)/.test(finding.code))
    .map((finding) => `${finding.code}: ${finding.message} (${finding.path.join(' > ')})`);
  expect(left).toEqual([]);
});

test('Redocly: not a warning', async () => {
  const { code, output } = await run('node_modules/.bin/redocly', ['lint', file, '--format', 'json']);
  const { totals } = JSON.parse(output.slice(output.indexOf('{'), output.lastIndexOf('}') + 1)) as {
    totals: object;
  };
  expect([code, totals]).toEqual([0, { errors: 0, warnings: 0, ignored: 0 }]);
});
