/** The document is what the service does, is committed as it is made, and can be understood and tried as it stands. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type ProblemCode, problems } from '../../src/platform/problem-codes.js';
import { allScopes } from '../../src/platform/scopes.js';
import { openApiDocument } from '../../src/tools.js';
import { type OpenApi, type OperationObject, validators, withReplies } from '../support/contract.js';

const file = path.resolve(import.meta.dirname, '../../openapi/openapi.json');

type Parameter = {
  name: string;
  in: string;
  description?: string;
  required?: boolean;
  schema: Record<string, unknown>;
};
type Described = OperationObject & {
  tags: string[];
  parameters?: Parameter[];
  security: object[];
  'x-scopes'?: string[];
  'x-bian-service-domain'?: string;
};
type Full = OpenApi & {
  components: { headers: Record<string, object> };
  openapi: string;
  tags: { name: string; description: string }[];
  info: Record<string, unknown>;
};

const document = JSON.parse(JSON.stringify(await openApiDocument())) as Full;
const described = withReplies(document);
const operations = Object.entries(described.paths).flatMap(([template, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    name: `${method.toUpperCase()} ${template}`,
    template,
    method,
    operation: operation as Described,
  })),
);
const isJson = (type: string) => /[/+]json$/.test(type);
const byName = operations.map((one) => [one.name, one] as const);

test('the committed document is the generated one: npm run openapi makes it anew', () => {
  const committed = JSON.parse(readFileSync(file, 'utf8'));
  expect(Object.keys(committed.paths)).toEqual(Object.keys(document.paths));
  expect(committed).toEqual(document);
});

test('it is OpenAPI 3.1 with a licence, tags and one way in', () => {
  expect(document).toMatchObject({
    openapi: '3.1.0',
    info: { title: 'Clientele', license: { identifier: 'Apache-2.0' } },
    components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
  });
  const used = new Set(operations.flatMap(({ operation }) => operation.tags));
  expect([...used].filter((tag) => !document.tags.some(({ name }) => name === tag))).toEqual([]);
  expect(document.tags.filter(({ name, description }) => !used.has(name) || !description)).toEqual([]);
});

test('operation ids are verbs, and each its own', () => {
  const ids = operations.map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.filter((id) => !/^[a-z]+([A-Z][a-z0-9]*)+$/.test(id))).toEqual([]);
});

describe.each(byName)('%s', (_name, { template, method, operation }) => {
  const pointerTo = (...rest: string[]) => ['paths', template, method, ...rest];

  test('says what it does, whose business it is, and what it asks for', () => {
    expect(operation.summary).toMatch(/^[A-Z].{3,80}[^.]$/);
    expect(operation.description?.length).toBeGreaterThan(20);
    expect(operation.tags).toHaveLength(1);
    const isOpen = operation.security.length === 0;
    expect(operation['x-scopes']?.length ?? 0).toBe(isOpen ? 0 : 1);
    for (const scope of operation['x-scopes'] ?? []) expect(allScopes).toContain(scope);
    if (!['Health', 'Administration', 'Approvals'].includes(operation.tags[0] ?? '')) {
      expect(operation['x-bian-service-domain']).toBeDefined();
    }
    expect((operation.parameters ?? []).filter(({ description }) => !description)).toEqual([]);
    const needless = (operation.parameters ?? []).filter(
      (one) => one.required && one.schema.default !== undefined,
    );
    expect(needless).toEqual([]);
    const named = (operation.parameters ?? [])
      .filter((one) => one.in === 'path')
      .map(({ name }) => `{${name}}`);
    expect(named.sort()).toEqual((template.match(/\{\w+\}/g) ?? []).sort());
  });

  test('shows a request and each answer, and they are valid', () => {
    const validatorOf = validators(described);
    for (const [type, media] of Object.entries(operation.requestBody?.content ?? {})) {
      const examples = Object.values(media.examples ?? {});
      expect(examples.length, `a ${type} to send`).toBeGreaterThan(0);
      const validate = validatorOf(pointerTo('requestBody', 'content', type, 'schema'));
      for (const { value } of examples) {
        expect(validate(value), JSON.stringify(validate.errors)).toBe(true);
      }
    }
    const answers = Object.entries(operation.responses).filter(([status]) => Number(status) < 400);
    expect(answers.length).toBeGreaterThan(0);
    for (const [status, { content, description }] of answers) {
      expect(description.length).toBeGreaterThan(3);
      for (const [type, media] of Object.entries(content ?? {})) {
        const examples = Object.values((media.examples ?? {}) as Record<string, { value: unknown }>);
        expect(examples.length, `a ${status} ${type} to see`).toBeGreaterThan(0);
        if (!isJson(type)) continue;
        const validate = validatorOf(pointerTo('responses', status, 'content', type, 'schema'));
        for (const { value } of examples) {
          expect(validate(value), `${status}: ${JSON.stringify(validate.errors)}`).toBe(true);
        }
      }
    }
  });

  test('says what every reply carries, and where more is', () => {
    const isLimited = operation.responses[429] !== undefined;
    expect(isLimited).toBe(!operation.tags.includes('Health') || operation.security.length > 0);
    for (const [status, { headers = {} }] of Object.entries(operation.responses)) {
      const fields = Object.keys(headers);
      expect(fields).toContain('X-Request-Id');
      if (isLimited) for (const field of ['RateLimit', 'RateLimit-Policy']) expect(fields).toContain(field);
      if (['429', '503'].includes(status)) expect(fields).toContain('Retry-After');
    }
    const answer = operation.responses[200];
    const fields = Object.keys(answer?.headers ?? {});
    const isList = operation.parameters?.some(({ name }) => name === 'cursor') === true;
    expect(fields.includes('Link')).toBe(isList);
    // a resource of its own is read again only when it has changed
    if (method === 'get' && template.endsWith('}')) {
      expect(fields).toContain('ETag');
      expect(Object.keys(operation.responses[304]?.headers ?? {})).toContain('ETag');
    }
    const asked = operation.parameters?.some(({ name }) => name === 'if-none-match') === true;
    expect(asked).toBe(operation.responses[304] !== undefined);
  });

  test('declares every way of failing that it can have', () => {
    const headers = new Set(
      (operation.parameters ?? []).filter((one) => one.in === 'header').map(({ name }) => name.toLowerCase()),
    );
    const implied: ProblemCode[] = [
      'malformed_request',
      'request_timeout',
      'headers_too_large',
      'internal_error',
      'unavailable',
      ...(operation.tags.includes('Health') ? [] : (['rate_limited', 'overloaded'] as const)),
      ...(operation.security.length === 0 ? [] : (['unauthenticated', 'insufficient_scope'] as const)),
      ...(template.includes('{') ? (['not_found'] as const) : []),
      ...(operation.requestBody === undefined ? [] : (['too_large', 'unsupported_media_type'] as const)),
      ...(headers.has('idempotency-key')
        ? (['idempotency_in_progress', 'idempotency_key_reused'] as const)
        : []),
      ...(headers.has('if-match') ? (['precondition_required', 'stale_version'] as const) : []),
      ...(operation.parameters?.some(({ name }) => name === 'cursor') ? (['invalid_cursor'] as const) : []),
    ];
    for (const code of implied) {
      const response = operation.responses[String(problems[code].status)];
      expect(response?.description, code).toContain(`\`${code}\``);
    }
    for (const [status, { content }] of Object.entries(operation.responses)) {
      if (Number(status) < 400) continue;
      expect(content?.['application/problem+json'], status).toMatchObject({
        schema: { $ref: '#/components/schemas/Problem' },
      });
    }
  });
});

test('header fields and problems that come again are said once', () => {
  const replies = Object.values(document.paths).flatMap((path) =>
    Object.values(path).flatMap((operation) => Object.entries(operation.responses)),
  );
  const counts = new Map<string, number>();
  for (const [status, reply] of replies) {
    if (Number(status) < 400 || '$ref' in reply || !reply.description.startsWith('`')) continue;
    const text = JSON.stringify(reply);
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  // those of health, which has no limits
  expect([...counts.values()].filter((count) => count > 2)).toEqual([]);
  for (const name of ['XRequestId', 'RateLimit', 'RateLimitPolicy', 'RetryAfter', 'ETag', 'Link'])
    expect(document.components.headers).toHaveProperty(name);
  expect(JSON.stringify(document).length / operations.length).toBeLessThan(6000);
});

describe('components', () => {
  const used = new Set(JSON.stringify(document).match(/#\/components\/schemas\/[A-Za-z]+/g));

  test.each(Object.entries(document.components.schemas))(
    '%s is described, bounded and used',
    (name, schema) => {
      expect(name).toMatch(/^[A-Z][A-Za-z]+$/);
      expect(schema.description ?? schema.title, 'a description').toBeTruthy();
      expect(used).toContain(`#/components/schemas/${name}`);
      const properties = (schema.properties ?? {}) as Record<string, Record<string, unknown>>;
      const plain = Object.entries(properties).filter(
        ([, property]) =>
          property.$ref === undefined && property.enum === undefined && property.items === undefined,
      );
      // a name can be enough; where it is not for a third of them, nobody can work with it
      const described = plain.filter(([, property]) => property.description !== undefined);
      expect(described.length, 'described properties').toBeGreaterThanOrEqual(
        Math.floor((plain.length * 2) / 3),
      );
      if (schema.type === 'object' && name !== 'Problem') expect(schema.additionalProperties).toBeDefined();
    },
  );

  test('objects that come in twice have a name: no anonymous reply', () => {
    const anonymous = operations.flatMap(({ name, operation }) =>
      Object.entries(operation.responses)
        .filter(([status]) => Number(status) < 400)
        .flatMap(([status, { content }]) =>
          Object.entries(content ?? {})
            .filter(([type, media]) => isJson(type) && !('$ref' in (media.schema ?? {})))
            .map(() => `${name} ${status}`),
        ),
    );
    expect(anonymous).toEqual([]);
  });
});
