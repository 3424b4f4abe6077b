import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { Ctx } from '../platform/context.js';
import { DomainError } from '../platform/errors.js';
import { type Language, preferredLanguage } from '../platform/http/language.js';
import { operation } from '../platform/http/operation.js';
import { problemBody } from '../platform/http/problems.js';
import { Id, Key, pageQuery, Ref, Strict, StringEnum } from '../platform/http/schemas.js';
import { page, pageRequest } from '../platform/pagination.js';
import { checkEnvelope } from './checking.js';
import { activityExample, activityItemExample } from './examples.js';
import * as schemas from './schemas.js';
import { type ActivityRow, type BatchResult, listActivities, recordBatch } from './service.js';

const tag = 'Activities';
const domain = 'Customer Event History';

export function activityRoutes(app: FastifyInstance): void {
  for (const component of schemas.activityComponents) app.addSchema(component);
  operation(app, {
    method: 'POST',
    path: '/v1/activities',
    id: 'recordActivities',
    summary: 'Record activities',
    description:
      'Durable when answered. What is sent again under the same `source` and `source_id`, however often and from however many connections, counts once; other content under them needs another `source_version`, else it is refused with `activity_conflict`: the highest version stands, in whatever order they come, and the others stay in the timeline as superseded. What `reverses` another, wholly or in part, takes it out of every measure, and may come before it; a reversal that is reversed gives back. Items are judged one by one: those that cannot be are listed with their problems, the others are recorded. With `on_unknown=create` an identifier that nobody has makes a stub customer; a key with a data scope makes none. Up to 1,000 items at once.',
    tag,
    domain,
    scope: 'activities:write',
    query: Strict({
      on_unknown: StringEnum(schemas.onUnknownChoices, {
        default: 'reject',
        description: 'What to do with an item whose customer is not known',
      }),
    }),
    body: Ref(schemas.ActivityBatch),
    checksBody: true,
    bodyExample: { items: [activityItemExample] },
    replies: {
      200: {
        description: 'What became of the items',
        schema: Ref(schemas.ActivityBatchResult),
        example: { accepted: 1, duplicates: 0, superseded: 0, rejected: [] },
      },
    },
    handler: async ({ ctx, query, body, request }) => {
      const errors = checkEnvelope(body);
      if (errors[0] !== undefined) {
        throw new DomainError('malformed_request', `${errors[0].pointer} ${errors[0].message}.`, { errors });
      }
      const result = await recordBatch(ctx, body.items, query.on_unknown);
      return {
        status: 200,
        body: toResult(ctx, result, preferredLanguage(request.headers['accept-language'])),
      };
    },
  });
  listRoute(app);
}

/** Pointers of an item's problem become pointers into the body. */
function toResult(ctx: Ctx, result: BatchResult, language: Language) {
  const rejected = result.rejected.map(({ index, error }) => {
    const problem = problemBody(error, ctx.requestId, language);
    const errors = problem.errors?.map((one) => ({ ...one, pointer: `/items/${index}${one.pointer}` }));
    return { index, problem: errors === undefined ? problem : { ...problem, errors } };
  });
  return { ...result, rejected };
}

function listRoute(app: FastifyInstance): void {
  operation(app, {
    method: 'GET',
    path: '/v1/customers/{id}/activities',
    id: 'listActivities',
    summary: 'List the activities of a customer',
    description: 'Newest first. Bounds are instants, or dates of the bank.',
    tag,
    domain,
    scope: 'activities:read',
    params: Strict({ id: Id('Of the customer') }),
    query: Strict({
      ...pageQuery,
      type: Type.Optional(Key('Only of this type')),
      direction: Type.Optional(StringEnum(schemas.directions, { description: 'Only in this direction' })),
      from: Type.Optional(schemas.When('Only from then on')),
      to: Type.Optional(schemas.When('Only before then')),
    }),
    problems: ['invalid_cursor'],
    replies: {
      200: {
        description: 'A page of activities',
        schema: Ref(schemas.ActivityPage),
        example: { data: [activityExample], next_cursor: null },
      },
    },
    handler: async ({ ctx, params: { id }, query: { limit, cursor, ...filters } }) => {
      const wanted = pageRequest(ctx, 'listActivities', { limit, cursor }, { id, ...filters });
      const rows = await listActivities(ctx, id, filters, wanted);
      const { data, next_cursor } = page(ctx, wanted, rows, (row) => [row.occurred_at, row.id]);
      return {
        status: 200,
        body: { data: data.map(toActivity), next_cursor },
      };
    },
  });
}

const toActivity = (row: ActivityRow) => ({ ...row, attributes: row.attributes ?? {} });
