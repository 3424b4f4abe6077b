/**
 * Holds every reply that a test sees against the OpenAPI document: the status is declared for that operation, the
 * media type and the header fields too, and the body is valid. `startTestApp` makes the contract of its origin known;
 * `Client` asks it. Schemas are compiled when first needed.
 */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';

type Media = { schema?: object };
type ResponseObject = {
  description: string;
  headers?: Record<string, unknown>;
  content?: Record<string, Media>;
};
export type OperationObject = {
  operationId: string;
  summary?: string;
  description?: string;
  requestBody?: { content: Record<string, Media & { examples?: Record<string, { value: unknown }> }> };
  responses: Record<string, ResponseObject & { content?: Record<string, Media & { examples?: object }> }>;
};
export type OpenApi = {
  paths: Record<string, Record<string, OperationObject>>;
  components: {
    schemas: Record<string, Record<string, unknown>>;
    responses?: Record<string, ResponseObject>;
  };
};

/** The document with every reply in its place, components looked up. */
export function withReplies<T extends OpenApi>(document: T): T {
  const { responses: components = {} } = document.components;
  const inPlace = (reply: ResponseObject & { $ref?: string }) => {
    if (reply.$ref === undefined) return reply;
    const component = components[reply.$ref.replace('#/components/responses/', '')];
    if (component === undefined) throw new Error(`there is no ${reply.$ref}`);
    return component;
  };
  const mapped = <V, W>(record: Record<string, V>, map: (value: V) => W) =>
    Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
  const paths = mapped(document.paths, (methods) =>
    mapped(methods, (operation) => ({ ...operation, responses: mapped(operation.responses, inPlace) })),
  );
  return { ...document, paths };
}

export type SeenReply = { status: number; headers: Headers; text: string };
type Check = (method: string, target: string, reply: SeenReply) => void;

/** The document's schemas by their JSON pointer, as validators. */
export function validators(document: OpenApi): (pointer: readonly string[]) => ValidateFunction {
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: true });
  formats.default(ajv);
  ajv.addSchema(document, 'openapi');
  const compiled = new Map<string, ValidateFunction>();
  return (pointer) => {
    const fragment = pointer.map((part) =>
      encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')),
    );
    const ref = `openapi#/${fragment.join('/')}`;
    const known = compiled.get(ref) ?? ajv.compile({ $ref: ref });
    compiled.set(ref, known);
    return known;
  };
}

/** The path template that a target belongs to; where two match, the one with fewer parameters. */
export function templateOf(document: OpenApi, target: string): string | undefined {
  const parts = (target.split('?')[0] ?? '').split('/');
  const parameters = (template: string) => template.split('{').length;
  return Object.keys(document.paths)
    .filter((template) => {
      const wanted = template.split('/');
      return (
        wanted.length === parts.length &&
        // the router takes an empty part for a parameter too
        wanted.every((part, index) => part.startsWith('{') || part === parts[index])
      );
    })
    .sort((a, b) => parameters(a) - parameters(b))[0];
}

const declaredFields = [
  'etag',
  'location',
  'link',
  'x-request-id',
  'traceparent',
  'ratelimit',
  'ratelimit-policy',
  'retry-after',
  'www-authenticate',
  'content-language',
  'idempotent-replayed',
  'preference-applied',
  'deprecation',
  'sunset',
  'upload-offset',
];
const withoutBody = (method: string, status: number) => method === 'HEAD' || status === 204 || status === 304;
const mediaType = (headers: Headers) => (headers.get('content-type') ?? '').split(';')[0]?.trim() ?? '';

export function contractOf(made: OpenApi): Check {
  const document = withReplies(made);
  const validatorOf = validators(document);
  return (method, target, reply) => {
    const type = mediaType(reply.headers);
    const template = templateOf(document, target);
    const verb = method === 'HEAD' ? 'get' : method.toLowerCase();
    const operation = template === undefined ? undefined : document.paths[template]?.[verb];
    const where = `${method} ${template ?? target} answered ${reply.status}`;
    const fail = (what: string): never => {
      throw new Error(`against the OpenAPI document: ${where}: ${what}`);
    };
    if (reply.headers.get('x-request-id') === null) fail('X-Request-Id is missing');
    if (template === undefined || operation === undefined) {
      if (reply.status < 400) return;
      if (type !== 'application/problem+json') fail(`it is ${type}, not a problem`);
      if (![404, 405, 400].includes(reply.status)) fail('the operation is not documented');
      if (method === 'HEAD') return reply.text === '' ? undefined : fail('it has a body');
      return validate(validatorOf(['components', 'schemas', 'Problem']), reply.text, fail);
    }
    const response = operation.responses[String(reply.status)] ?? fail('the status is not declared');
    const fields = Object.keys(response.headers ?? {}).map((name) => name.toLowerCase());
    for (const field of declaredFields) {
      if (reply.headers.get(field) !== null && !fields.includes(field))
        fail(`the field ${field} is not declared`);
    }
    if (withoutBody(method, reply.status)) {
      return reply.text === '' ? undefined : fail('it has a body');
    }
    const media = response.content?.[type] ?? fail(`the media type ${type} is not declared`);
    if (media.schema === undefined || !/[/+]json$/.test(type)) return;
    const pointer = ['paths', template, verb, 'responses', String(reply.status), 'content', type, 'schema'];
    const body = validate(validatorOf(pointer), reply.text, fail);
    if (reply.status < 400) return;
    const { code } = body as { code: string };
    if (type === 'application/problem+json' && !response.description.includes(`\`${code}\``)) {
      fail(`the code ${code} is not declared`);
    }
  };
}

function validate(validator: ValidateFunction, text: string, fail: (what: string) => never): unknown {
  const body: unknown = JSON.parse(text);
  if (!validator(body)) fail(JSON.stringify(validator.errors?.slice(0, 5)));
  return body;
}

const known = new Map<string, Check>();

/** From now on every reply of this origin that a `Client` sees is checked. */
export function keepContract(origin: string, document: OpenApi): void {
  known.set(origin, contractOf(document));
}

export const checkReply = (origin: string, method: string, target: string, reply: SeenReply): void =>
  known.get(origin)?.(method, target, reply);
