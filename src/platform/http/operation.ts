/**
 * An operation of the API: its path, scope, schemas and handler in one place. From this one declaration come the
 * route, its authentication, its row in the authorisation table and its entry in the OpenAPI document.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchemaCompiler } from 'fastify';
import { type Static, type TObject, type TSchema, Type } from 'typebox';
import type { AnyGuarded, Guarded } from '../approvals/guarded.js';
import type { Ctx, IdempotentRequest } from '../context.js';
import { type ProblemCode, problems } from '../problem-codes.js';
import type { Scope } from '../scopes.js';
import { acceptedReply } from './approval-schemas.js';
import { type Deprecated, tellDeprecation } from './conventions.js';
import { checkBodyType, idempotencyOf, jsonType, type Reply, send } from './exchange.js';
import { onSurvivor } from './merged-ids.js';
import { chooseType } from './representations.js';
import { Problem, Ref, Strict } from './schemas.js';
import { validatorCompiler } from './validation.js';

export type ServiceDomain =
  | 'Party Reference Data Directory'
  | 'Party Lifecycle Management'
  | 'Customer Relationship Management'
  | 'Customer Event History'
  | 'Customer Behavior Insights'
  | 'Customer Offer'
  | 'Prospect Management'
  | 'Lead and Opportunity Management'
  | 'Customer Case'
  | 'Customer Surveys'
  | 'Customer Campaign Execution'
  | 'Loyalty'
  | 'Contact Handler';

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export type { Reply };

type Input<P extends TObject, Q extends TObject, B extends TSchema> = {
  ctx: Ctx;
  params: Static<P>;
  query: Static<Q>;
  body: Static<B>;
  headers: { ifMatch: string | undefined; ifNoneMatch: string | undefined; accept: string | undefined };
  /** in which the caller wants the answer, where there is a choice */
  mediaType: string;
  request: FastifyRequest;
  reply: FastifyReply;
};

type Media = { schema?: TSchema; example?: unknown };

type ReplyDeclaration = {
  description: string;
  schema?: TSchema;
  /** other than application/json */
  contentTypes?: readonly string[];
  /** the same answer as `Accept` can ask for it, by media type: the handler is told which one is wanted */
  alternatives?: Record<string, Media>;
  headers?: Record<string, string>;
  example?: unknown;
};

export type Operation<P extends TObject, Q extends TObject, B extends TSchema> = {
  method: Method;
  /** with `{name}` for parameters */
  path: string;
  id: string;
  summary: string;
  description: string;
  tag: string;
  domain?: ServiceDomain;
  /** null: no key is asked for */
  scope: Scope | null;
  /** concerns the whole bank: callers that are bound to a data scope are refused. All of `admin` does. */
  ofTheBank?: boolean;
  params?: P;
  query?: Q;
  body?: B;
  /** it may be left out, and its content type with it */
  bodyOptional?: boolean;
  /** what the body may be; JSON where nothing is said */
  bodyTypes?: readonly string[];
  bodyExample?: unknown;
  bodyExamples?: Record<string, unknown>;
  bodyLimit?: number;
  /** the handler checks the body itself: batches, whose items are judged one by one */
  checksBody?: boolean;
  /** other request headers that it reads, by what they mean */
  headers?: Record<string, string>;
  replies: Record<number, ReplyDeclaration>;
  /** codes beyond those that every operation can answer */
  problems?: readonly ProblemCode[];
  /** takes an `Idempotency-Key`, or asks for one: where points or money move */
  idempotent?: true | 'required';
  /** asks for `If-Match` */
  ifMatch?: boolean;
  /** a policy can make it wait for a second person: then it answers 202 with the approval */
  guarded?: Guarded<never, unknown>;
  /** the whole request may take longer than others: uploads, long polls */
  patient?: boolean;
  /** it still works, but something else is to be used */
  deprecated?: Deprecated;
  /** answered whatever the load is, and as often as it is asked: health */
  evenWhenOverloaded?: boolean;
  /** undefined where it sent the reply by itself: a reply that was sent is awaited to that */
  handler: (input: Input<P, Q, B>) => Promise<Reply | undefined>;
};

/** A row of the authorisation table. */
export type OperationRow = {
  id: string;
  method: Method;
  path: string;
  scope: Scope | null;
  ofTheBank: boolean;
  /** a body that works as it stands */
  bodyExample?: unknown;
  /** by content type, where one looks otherwise */
  bodyExamples?: Record<string, unknown>;
  bodyOptional?: boolean;
};

/** What an operation asks of its callers. */
export type Asked = Pick<OperationRow, 'scope' | 'ofTheBank'>;

declare module 'fastify' {
  interface FastifyInstance {
    operations: OperationRow[];
    /** what can ask for approval, by operationId */
    guarded: Map<string, AnyGuarded>;
    contextOf: (request: FastifyRequest, idempotency: IdempotentRequest | undefined) => Promise<Ctx>;
    authenticate: (request: FastifyRequest, asked: Asked) => Promise<void>;
  }
}

/** Registers an operation. */
export function operation<P extends TObject, Q extends TObject, B extends TSchema>(
  app: FastifyInstance,
  op: Operation<P, Q, B>,
): void {
  const row: OperationRow = {
    id: op.id,
    method: op.method,
    path: op.path,
    scope: op.scope,
    ofTheBank: isOfTheBank(op),
    bodyExample: op.bodyExample,
    ...(op.bodyExamples === undefined ? {} : { bodyExamples: op.bodyExamples }),
    bodyOptional: op.bodyOptional === true,
  };
  app.operations.push(row);
  if (op.guarded !== undefined) keepGuard(app, op.id, op.scope, op.guarded);
  const offered = offeredTypes(op);
  app.route({
    method: op.method,
    url: op.path.replaceAll(/\{(\w+)\}/g, ':$1'),
    ...(op.bodyLimit === undefined ? {} : { bodyLimit: op.bodyLimit }),
    ...(op.checksBody === true ? { validatorCompiler: allButBodies(app) } : {}),
    config: {
      patient: op.patient === true,
      evenWhenOverloaded: op.evenWhenOverloaded === true,
      takesBody: takesBody(op),
    },
    schema: routeSchema(op),
    onRequest: (request, reply) => {
      if (op.deprecated !== undefined) tellDeprecation(reply, op.deprecated);
      return app.admit(request, reply, row);
    },
    handler: async (request, reply) => {
      checkBodyType(op, request);
      const mediaType = chooseType(offered.length > 1 ? request.headers.accept : undefined, offered);
      const ctx = await app.contextOf(request, idempotencyOf(op, request));
      const answer = await onSurvivor(op.path, ctx, request.params as Static<P>, (params) =>
        op.handler({
          ctx,
          params,
          query: request.query as Static<Q>,
          body: request.body as Static<B>,
          headers: {
            ifMatch: request.headers['if-match'],
            ifNoneMatch: request.headers['if-none-match'],
            accept: request.headers.accept,
          },
          mediaType,
          request,
          reply,
        }),
      );
      if (mediaType !== jsonType) reply.type(`${mediaType}; charset=utf-8`);
      return answer === undefined ? reply : send(request, reply, ctx, answer);
    },
  });
}

const offeredTypes = ({ replies }: { replies: Record<number, ReplyDeclaration> }): [string, ...string[]] => [
  jsonType,
  ...Object.values(replies).flatMap(({ alternatives }) => Object.keys(alternatives ?? {})),
];

const isOfTheBank = ({ ofTheBank, scope }: { ofTheBank?: boolean; scope: Scope | null }) =>
  ofTheBank ?? scope === 'admin';

const takesBody = ({ body, bodyTypes }: { body?: TSchema; bodyTypes?: readonly string[] }) =>
  body !== undefined || bodyTypes !== undefined;

/** Approvals name operations by their ids, and ask whoever decides for their scopes: they must be those of the route. */
function keepGuard(
  app: FastifyInstance,
  id: string,
  scope: Scope | null,
  guard: Guarded<never, unknown>,
): void {
  if (guard.operation !== id || guard.scope !== scope)
    throw new Error(`${id} is guarded as ${guard.operation}`);
  // an approval keeps the input as it came: the guard gets back what it was given
  app.guarded.set(id, guard as unknown as AnyGuarded);
}

/** Checks parameters as everywhere, and takes every body. */
function allButBodies(app: FastifyInstance): FastifySchemaCompiler<object> {
  let parameters: FastifySchemaCompiler<object> | undefined;
  return (part) => {
    if (part.httpPart === 'body') return (value) => ({ value });
    parameters ??= validatorCompiler(app.getSchemas());
    return parameters(part);
  };
}

const everywhere: ProblemCode[] = [
  'malformed_request',
  'request_timeout',
  'headers_too_large',
  'internal_error',
  'unavailable',
];

/** The codes that an operation can answer, by what it is. */
function problemCodes(op: Operation<TObject, TObject, TSchema>): ProblemCode[] {
  return [
    ...everywhere,
    ...(op.evenWhenOverloaded === true ? [] : (['overloaded'] as const)),
    // keys that are wrong are counted everywhere
    ...(op.evenWhenOverloaded === true && op.scope === null ? [] : (['rate_limited'] as const)),
    ...(op.scope === null ? [] : (['unauthenticated', 'insufficient_scope'] as const)),
    ...(isOfTheBank(op) ? (['bank_wide'] as const) : []),
    ...(op.path.includes('{') ? (['not_found'] as const) : []),
    ...(takesBody(op) ? (['too_large', 'unsupported_media_type'] as const) : []),
    ...(offeredTypes(op).length > 1 ? (['not_acceptable'] as const) : []),
    ...(op.idempotent !== undefined ? (['idempotency_in_progress', 'idempotency_key_reused'] as const) : []),
    ...(op.guarded === undefined ? [] : (['plan_changed'] as const)),
    ...(op.ifMatch === true ? (['precondition_required', 'stale_version'] as const) : []),
    ...(op.problems ?? []),
  ];
}

function problemReplies(op: Operation<TObject, TObject, TSchema>): Record<number, object> {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of new Set(problemCodes(op))) {
    const { status } = problems[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      status,
      {
        description: codes.map((code) => `\`${code}\`: ${problems[code].title}.`).join(' '),
        content: { 'application/problem+json': { schema: Ref(Problem) } },
      },
    ]),
  );
}

const mediaOf = ({ schema = Type.String(), example }: Media) => ({
  schema,
  ...(example === undefined ? {} : { examples: { example: { value: example } } }),
});

function successReplies(op: Operation<TObject, TObject, TSchema>): Record<number, object> {
  const replies: typeof op.replies =
    op.guarded === undefined ? op.replies : { 202: acceptedReply, ...op.replies };
  return Object.fromEntries(
    Object.entries(replies).map(([status, declared]) => {
      const headers = Object.fromEntries(
        Object.entries(declared.headers ?? {}).map(([name, description]) => [
          name,
          { type: 'string', description },
        ]),
      );
      const withHeaders = Object.keys(headers).length === 0 ? {} : { headers };
      if (declared.schema === undefined) {
        return [status, { type: 'null', description: declared.description, ...withHeaders }];
      }
      const types = declared.contentTypes ?? [jsonType];
      const content = {
        ...Object.fromEntries(types.map((type) => [type, mediaOf(declared)])),
        ...Object.fromEntries(
          Object.entries(declared.alternatives ?? {}).map(([type, media]) => [type, mediaOf(media)]),
        ),
      };
      return [status, { description: declared.description, ...withHeaders, content }];
    }),
  );
}

type Declared = { description: string; content?: object };

/** A status can carry both an answer and a problem, each under its media type. */
function mergedReplies(successes: Record<number, object>, failures: Record<number, object>) {
  const merged: Record<string, object> = { ...successes };
  for (const [status, failure] of Object.entries(failures) as [string, Declared][]) {
    const success = merged[status] as Declared | undefined;
    merged[status] =
      success === undefined
        ? failure
        : {
            ...success,
            description: `${success.description}. ${failure.description}`,
            content: { ...success.content, ...failure.content },
          };
  }
  return merged;
}

const idempotencyKey = Type.String({
  maxLength: 300,
  description: 'The same key and body have one effect, and one answer, for 24 hours',
});

function headerSchema(op: Operation<TObject, TObject, TSchema>): TObject | undefined {
  const own = Object.entries(op.headers ?? {}).map(([name, description]) => [
    name.toLowerCase(),
    Type.Optional(Type.String({ maxLength: 300, description })),
  ]);
  const fields = {
    ...(Object.fromEntries(own) as Record<string, TSchema>),
    ...(op.idempotent === undefined
      ? {}
      : { 'idempotency-key': op.idempotent === 'required' ? idempotencyKey : Type.Optional(idempotencyKey) }),
    ...(op.ifMatch === true
      ? {
          'if-match': Type.Optional(
            Type.String({ maxLength: 1000, description: 'The ETag that you have read; 428 without' }),
          ),
        }
      : {}),
    ...(op.replies[304] === undefined
      ? {}
      : {
          'if-none-match': Type.Optional(
            Type.String({ maxLength: 1000, description: 'The ETag that you have; 304 while it is the same' }),
          ),
        }),
  };
  return Object.keys(fields).length === 0 ? undefined : Type.Object(fields);
}

function routeSchema(
  op: Operation<TObject, TObject, TSchema> | Operation<never, never, never>,
): Record<string, unknown> {
  const any = op as Operation<TObject, TObject, TSchema>;
  const headers = headerSchema(any);
  const types = any.bodyTypes ?? [jsonType];
  return {
    operationId: any.id,
    summary: any.summary,
    description: any.scope === null ? any.description : `${any.description}\n\nScope: \`${any.scope}\`.`,
    tags: [any.tag],
    security: any.scope === null ? [] : [{ bearer: [] }],
    ...(any.deprecated === undefined ? {} : { deprecated: true }),
    ...(any.scope === null ? {} : { 'x-scopes': [any.scope] }),
    ...(any.domain === undefined ? {} : { 'x-bian-service-domain': any.domain }),
    params: any.params ?? Strict({}),
    querystring: any.query ?? Strict({}),
    ...(headers === undefined ? {} : { headers }),
    ...(any.body === undefined
      ? {}
      : {
          body: {
            content: Object.fromEntries(types.map((type) => [type, { schema: any.body }])),
          },
        }),
    response: mergedReplies(successReplies(any), problemReplies(any)),
  };
}
