import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { planQuery } from '../platform/http/approval-schemas.js';
import { guardedReply } from '../platform/http/guarded-replies.js';
import { operation } from '../platform/http/operation.js';
import { Id, Instant, Ref, Strict } from '../platform/http/schemas.js';
import { etagOf, requiredVersions, unlessKnown } from '../platform/http/versions.js';
import { levelExample, modelExample, shownModelExample } from './examples.js';
import { modelGuard } from './guards.js';
import * as schemas from './schemas.js';
import { getCustomerLevel, getLevelModel } from './service.js';

const common = { tag: 'Levels', domain: 'Customer Behavior Insights' } as const;
const path = '/v1/levels/model';
const headers = { ETag: 'The version, for If-Match' };
const example = shownModelExample;

export function levelRoutes(app: FastifyInstance): void {
  for (const component of schemas.levelComponents) app.addSchema(component);
  modelRoutes(app);
  customerRoute(app);
}

const worked = `A level is decided when a month closes, \`settle_days\` after its end by the bank's calendar, from the average of each month (月日均). Worked with \`gold\` from 500,000 and \`private_bank\` from 6,000,000, averages in thousands, January first:

- \`quarter\`: 500, 400, 400, 400: gold from the close of January, basic from that of April, the third month below, so in the fourth month after the last that met it. 500, 400, 400, 500: gold throughout, and the count begins anew.
- \`half_year\`, for private banking: 6000, then six months of 700: gold from the close of the sixth, in the seventh month below.
- \`watched\`: 6000, then 700, 400, 400, 100, 100, 100: watched from the third month below, gold from the close of the sixth, since the best month of the six reached it. A customer who holds 1,000,000 from 1 April on is gold from 16 April (15 days of 1,000,000 by 30 days are 500,000), before April is over; where a debt undoes it by the month's end, so does the close.

A month in which nothing was held is zero. One in which something had no value (a currency without a rate) may raise; where it falls short it does not count. Late and corrected balances change the averages of up to 24 closed months: who is graded otherwise by them moves when they come, with the cause \`correction\`, and what was recorded stays.`;

function modelRoutes(app: FastifyInstance): void {
  operation(app, {
    ...common,
    method: 'GET',
    path,
    id: 'getLevelModel',
    summary: 'Read the levels',
    description: `The levels of the bank, and how customers move between them.\n\n${worked}`,
    scope: 'levels:read',
    replies: {
      200: { description: 'The levels', schema: Ref(schemas.LevelModel), headers, example },
      304: { description: 'The caller has this version already', headers },
    },
    handler: async ({ ctx, headers: { ifNoneMatch } }) => {
      const body = await getLevelModel(ctx);
      // another state is another answer, of the same version
      const known = body.state === 'grading' ? undefined : ifNoneMatch;
      return unlessKnown(known, etagOf(body.version), () => body);
    },
  });
  operation(app, {
    ...common,
    method: 'PUT',
    path,
    id: 'putLevelModel',
    summary: 'Define the levels',
    description:
      'A new version; the same again makes none. It counts at once: all customers are graded by it in the background, over the months that are known of them as if it had always been so, and who moves has the cause `model`. With `dry_run` the reply is the plan: how many of those with a level would move up and down, where they can be counted in time. `movement` begins with a preset, and so may that of a level; each parameter can be said beside it. Needs If-Match.',
    scope: 'levels:write',
    ofTheBank: true,
    ifMatch: true,
    body: Ref(schemas.LevelModelPut),
    bodyExample: modelExample,
    query: Strict(planQuery),
    guarded: modelGuard,
    problems: ['rule_broken'],
    replies: {
      200: {
        description: 'The levels; with `dry_run` the plan',
        schema: Ref(schemas.LevelModelOrPlan),
        headers,
        example,
      },
    },
    handler: ({ ctx, body: model, query, headers: { ifMatch } }) =>
      guardedReply(ctx, modelGuard, { model, versions: requiredVersions(ifMatch) }, query, async () => {
        const body = await getLevelModel(ctx);
        return { status: 200, body, headers: { ETag: etagOf(body.version) } };
      }),
  });
}

function customerRoute(app: FastifyInstance): void {
  operation(app, {
    ...common,
    method: 'GET',
    path: '/v1/customers/{id}/level',
    id: 'getCustomerLevel',
    summary: 'Read the level of a customer',
    description:
      'Now or as of a past instant, as it was decided then: since when and why, the months that are behind it with their averages and the bounds that they were held to, what is missing to keep it and to reach the next, and when it is looked at again. `fresh` takes balances that came late into account first.',
    scope: 'levels:read',
    params: Strict({ id: Id('Of the customer') }),
    query: Strict({
      as_of: Type.Optional(Instant('At this instant; now where none is named, or one that lies ahead')),
      fresh: Type.Boolean({ default: false, description: 'Grade the customer first, where something waits' }),
    }),
    replies: {
      200: { description: 'The level, and why', schema: Ref(schemas.CustomerLevel), example: levelExample },
    },
    handler: async ({ ctx, params: { id }, query }) => ({
      status: 200,
      body: await getCustomerLevel(ctx, id, query),
    }),
  });
}
