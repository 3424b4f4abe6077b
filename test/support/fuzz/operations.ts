/** What the OpenAPI document says of the requests of each operation, as the fuzz tests need it. */
import { type OpenApi, type OperationObject, validators } from '../contract.js';
import type { Schema } from './schema-values.js';

export type Parameter = { name: string; in: string; required?: boolean; schema: Schema };
type Documented = OperationObject & { parameters?: Parameter[] };

export type FuzzOperation = {
  id: string;
  method: string;
  path: string;
  parameters: Parameter[];
  /** by content type; undefined where it takes no body */
  body: { types: string[]; schema: Schema; examples: unknown[]; isJson: boolean } | undefined;
  /** whether the document admits a body */
  admits: (body: unknown) => boolean;
};

/** Those that change the world for all that come after them are asked last. */
const last = ['moveSandboxClock'];
const order = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** All of the document, those that take something away after those that need it. */
export function operationsOf(document: OpenApi): FuzzOperation[] {
  const validatorOf = validators(document);
  const all = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods as Record<string, Documented>).map(([verb, one]): FuzzOperation => {
      const content = Object.entries(one.requestBody?.content ?? {});
      const [type, media] = content[0] ?? [];
      const isJson = type !== undefined && /json$/.test(type) && !/ndjson/.test(type);
      const pointer = ['paths', path, verb, 'requestBody', 'content', type ?? '', 'schema'];
      return {
        id: one.operationId,
        method: verb.toUpperCase(),
        path,
        parameters: one.parameters ?? [],
        body:
          media === undefined
            ? undefined
            : {
                types: content.map(([name]) => name),
                schema: (media.schema ?? {}) as Schema,
                examples: Object.values(media.examples ?? {}).map(({ value }) => value),
                isJson,
              },
        admits: (body) => !isJson || validatorOf(pointer)(body) === true,
      };
    }),
  );
  const rank = ({ id, method }: FuzzOperation) => order.indexOf(method) + (last.includes(id) ? 100 : 0);
  return all.sort((a, b) => rank(a) - rank(b));
}

/** Every value of a field that examples of the document show, by its name: they have a meaning here. */
export function shownValues(document: OpenApi): Map<string, unknown[]> {
  const shown = new Map<string, Map<string, unknown>>();
  const keep = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [name, inner] of Object.entries(value)) {
      if (Array.isArray(value)) {
        keep(inner);
        continue;
      }
      const known = shown.get(name) ?? new Map<string, unknown>();
      shown.set(name, known.set(JSON.stringify(inner), inner));
      keep(inner);
    }
  };
  const find = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [name, inner] of Object.entries(value)) {
      if (name === 'examples')
        for (const one of Object.values(inner)) keep((one as { value?: unknown })?.value ?? one);
      else find(inner);
    }
  };
  find(document);
  return new Map([...shown].map(([name, values]) => [name, [...values.values()]]));
}
