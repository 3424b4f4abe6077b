/** Requests for operations that nobody has to write down: made from the OpenAPI document and its examples. */
import { randomUUID } from 'node:crypto';
import type { OperationRow } from '../../src/platform/http/operation.js';
import type { Client, Response } from './client.js';
import type { OpenApi, OperationObject } from './contract.js';

type Parameter = { name: string; in: string; required?: boolean; schema: Record<string, unknown> };
type WithParameters = OperationObject & { parameters?: Parameter[] };

export type Sample = { method: string; target: string; body?: unknown; headers: Record<string, string> };

/** A value that fits a parameter and names nothing that exists. */
function unknownValue({ name, schema }: Parameter): string {
  if (schema.format === 'uuid') return randomUUID();
  if (schema.default !== undefined) return String(schema.default);
  if (schema.enum !== undefined) return String((schema.enum as unknown[])[0]);
  if (schema.format === 'date') return '2026-01-01';
  if (schema.format === 'date-time') return '2026-01-01T00:00:00Z';
  if (schema.type === 'integer') return '1';
  if (name === 'currency') return 'XXX';
  return name === 'scheme' ? 'core_banking' : 'unknown_one';
}

/** The media types in which an operation takes its body. */
export const mediaTypesOf = (document: OpenApi, { method, path }: OperationRow): string[] =>
  Object.keys(document.paths[path]?.[method.toLowerCase()]?.requestBody?.content ?? {});

/**
 * A request that is well formed: examples for bodies, `known` for parameters, inventions for the rest.
 * @param type one of its media types; the first where it is not said
 */
export function sampleOf(
  document: OpenApi,
  { method, path }: OperationRow,
  known: Record<string, string> = {},
  type = mediaTypesOf(document, { method, path } as OperationRow)[0],
): Sample {
  const operation = document.paths[path]?.[method.toLowerCase()] as WithParameters;
  const parameters = operation.parameters ?? [];
  const value = (parameter: Parameter) =>
    encodeURIComponent(known[parameter.name] ?? unknownValue(parameter));
  let target = path;
  for (const parameter of parameters.filter((one) => one.in === 'path'))
    target = target.replace(`{${parameter.name}}`, value(parameter));
  const query = parameters
    .filter((one) => one.in === 'query' && one.required)
    .map((one) => `${one.name}=${value(one)}`);
  const media = type === undefined ? undefined : operation.requestBody?.content[type];
  const example = Object.values(media?.examples ?? {})[0]?.value;
  return {
    method,
    target: query.length === 0 ? target : `${target}?${query.join('&')}`,
    ...(type === undefined ? {} : { body: example ?? {} }),
    headers: {
      ...(type === undefined ? {} : { 'content-type': type }),
      ...(parameters.some((one) => one.name.toLowerCase() === 'if-match') ? { 'if-match': '*' } : {}),
      ...(parameters.some((one) => one.name === 'idempotency-key' && one.required === true)
        ? { 'idempotency-key': randomUUID() }
        : {}),
    },
  };
}

export const sendSample = (client: Client, { method, target, body, headers }: Sample): Promise<Response> =>
  client.request(method, target, body, { headers });

/** Every `{ scheme, value }` that examples name a customer by. */
export function identifiersIn(value: unknown): { scheme: string; value: string }[] {
  if (typeof value === 'string' && value.startsWith('{')) {
    return value.split('\n').flatMap((line) => (line.startsWith('{') ? identifiersIn(JSON.parse(line)) : []));
  }
  if (typeof value !== 'object' || value === null) return [];
  const { scheme, value: named } = value as { scheme?: unknown; value?: unknown };
  const own = typeof scheme === 'string' && typeof named === 'string' ? [{ scheme, value: named }] : [];
  return [...own, ...Object.values(value).flatMap(identifiersIn)];
}
