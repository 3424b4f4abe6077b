/**
 * One Ajv a part of the request: bodies are taken as they are (nothing is coerced, dropped or filled in), while
 * query, path and headers arrive as text and are coerced.
 */
import { Ajv2020, type ErrorObject, type Options } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import type { FastifySchemaCompiler } from 'fastify';
import { DomainError, type FieldProblem } from '../errors.js';
import { nearestBranch, unknownField } from './nearest-branch.js';
import { type Components, referredFrom } from './references.js';

const common: Options = {
  allErrors: false,
  // errors tell the schema and the value, so that the branch that was meant can be found
  verbose: true,
  strict: true,
  strictTypes: false,
  strictRequired: false,
  validateFormats: true,
  // the schemas are the project's own and linted in the OpenAPI document: compiling the meta-schema costs half the start
  validateSchema: false,
};

function ajvWith(options: Options): Ajv2020 {
  const ajv = new Ajv2020({ ...common, ...options });
  formats.default(ajv, ['date', 'date-time', 'uuid', 'email', 'uri', 'duration']);
  ajv.addVocabulary(['example']);
  return ajv;
}

/** With those of the shared components that the schema refers to. */
function compile(ajv: Ajv2020, components: Components, schema: object) {
  for (const [id, component] of Object.entries(components))
    if (!(id in ajv.schemas)) ajv.addSchema(component);
  return ajv.compile(schema);
}

/** Made once an application. */
export function validatorCompiler(shared: Record<string, unknown>): FastifySchemaCompiler<object> {
  const strict = ajvWith({});
  const coercing = ajvWith({ coerceTypes: 'array', useDefaults: true });
  const referred = referredFrom(shared as Components);
  return ({ schema, httpPart }) => {
    const part = httpPart ?? 'body';
    const ajv = part === 'body' ? strict : coercing;
    const validate = compile(ajv, referred(schema), schema);
    return (data: unknown) => {
      const sent = { ...(data as Record<string, unknown>) };
      if (!validate(data))
        return { error: requestError(fieldProblems(ajv, validate.errors ?? [], inOf(part))) };
      const odd = part === 'body' ? undefined : oddNumber(sent, data as Record<string, unknown>);
      return odd === undefined ? { value: data } : { error: requestError([{ in: inOf(part), ...odd }]) };
    };
  };
}

/** Coercion takes `0x10`, `1e1` and, past all bounds, `1e999` for numbers: only the plain spelling is one. */
function oddNumber(sent: Record<string, unknown>, taken: Record<string, unknown>) {
  const name = Object.keys(sent).find(
    (key) => typeof taken[key] === 'number' && String(taken[key]) !== sent[key],
  );
  if (name === undefined) return undefined;
  return { pointer: `/${name}`, code: 'type', message: 'must be a number in plain digits' };
}

const inOf = (httpPart: string): NonNullable<FieldProblem['in']> =>
  (({ querystring: 'query', params: 'path', headers: 'header' }) as const)[httpPart] ?? 'body';

function requestError(errors: FieldProblem[]): DomainError {
  const first = errors[0];
  return new DomainError(
    'malformed_request',
    first === undefined ? 'The request is malformed.' : describe(first),
    { errors },
  );
}

function describe({ in: part, pointer, message }: FieldProblem): string {
  const sentence = `${pointer === '' ? `The ${part}` : pointer} ${message}`;
  // a question has its own mark
  return sentence.endsWith('?') ? sentence : `${sentence}.`;
}

/** Ajv's errors as field problems, without the values that were sent. Of alternatives, the nearest is told of. */
function fieldProblems(
  ajv: Ajv2020,
  errors: readonly ErrorObject[],
  part: NonNullable<FieldProblem['in']>,
): FieldProblem[] {
  const last = errors.at(-1);
  // it comes after those of its branches
  if (last?.keyword === 'anyOf' || last?.keyword === 'oneOf') {
    const nearest = nearestBranch(ajv, last);
    if (nearest !== undefined && 'errors' in nearest) return fieldProblems(ajv, nearest.errors, part);
    if (nearest !== undefined) return [{ in: part, pointer: last.instancePath, ...nearest }];
  }
  const specific = errors.filter((error) => !['anyOf', 'oneOf', 'if'].includes(error.keyword));
  return (specific.length > 0 ? specific : errors).slice(0, 20).map((error) => {
    return { in: part, code: error.keyword, ...place(error) };
  });
}

function place(error: ErrorObject): { pointer: string; message: string; nearest?: string } {
  const at = error.instancePath;
  const params = error.params as Record<string, unknown>;
  const named = (name: unknown) => `${at}/${String(name)}`;
  if (error.keyword === 'additionalProperties' || error.keyword === 'unevaluatedProperties') {
    const name = String(params.additionalProperty ?? params.unevaluatedProperty);
    const { properties = {} } = (error.parentSchema ?? {}) as { properties?: object };
    return { pointer: named(name), ...unknownField(name, Object.keys(properties)) };
  }
  if (error.keyword === 'required') return { pointer: named(params.missingProperty), message: 'is required' };
  if (error.keyword === 'enum') {
    return {
      pointer: at,
      message: `must be one of ${(params.allowedValues as unknown[]).map(String).join(', ')}`,
    };
  }
  if (error.keyword === 'const') return { pointer: at, message: `must be ${String(params.allowedValue)}` };
  return { pointer: at, message: error.message ?? 'is not valid' };
}

/** A validator of bodies outside of a request: lines of imports, items of batches. */
export function bodyValidator(shared: readonly object[], schema: object): (value: unknown) => FieldProblem[] {
  const ajv = ajvWith({});
  const components = Object.fromEntries(shared.map((one) => [(one as { $id: string }).$id, one]));
  const validate = compile(ajv, components, schema);
  return (value) => (validate(value) ? [] : fieldProblems(ajv, validate.errors ?? [], 'body'));
}
