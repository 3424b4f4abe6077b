import type { FastifyInstance } from 'fastify';
import { operation } from '../platform/http/operation.js';
import { Key, pageQuery, Ref, Strict } from '../platform/http/schemas.js';
import { etagOf, unlessKnown } from '../platform/http/versions.js';
import { page, pageRequest } from '../platform/pagination.js';
import type { LoadFacts } from '../rules/facts.js';
import { common } from './programme-routes.js';
import { rewardExample, rewardInExample } from './rewards/examples.js';
import { type StoredReward, toReward } from './rewards/reward.js';
import * as service from './rewards/rewards.js';
import * as schemas from './rewards/schemas.js';

const path = '/v1/loyalty/programmes/{programme}/rewards';
const programme = { programme: Key('Of the programme') };
const params = Strict({ ...programme, reward: Key('Of the reward') });
const etag = { ETag: 'The version, for If-Match' };
const shown = (description: string, headers: Record<string, string> = etag) => ({
  description,
  schema: Ref(schemas.Reward),
  headers,
  example: rewardExample,
});
const reply = (status: number, reward: StoredReward, headers: Record<string, string> = {}) => ({
  status,
  body: toReward(reward),
  headers: { ETag: etagOf(reward.version), ...headers },
});
const changing = { ...common, scope: 'loyalty:write', ofTheBank: true } as const;

export function rewardRoutes(app: FastifyInstance, facts: LoadFacts): void {
  listRoutes(app, facts);
  rewardRoute(app, facts);
  codesRoute(app);
}

function listRoutes(app: FastifyInstance, facts: LoadFacts): void {
  operation(app, {
    ...common,
    method: 'GET',
    path,
    id: 'listLoyaltyRewards',
    summary: 'List the rewards of a programme',
    description: 'In the order of their keys, those that are retired too, with how many are left.',
    scope: 'loyalty:read',
    params: Strict(programme),
    query: Strict(pageQuery),
    problems: ['invalid_cursor'],
    replies: {
      200: {
        description: 'A page of rewards',
        schema: Ref(schemas.RewardPage),
        example: { data: [rewardExample], next_cursor: null },
      },
    },
    handler: async ({ ctx, params: key, query }) => {
      const wanted = pageRequest(ctx, 'listLoyaltyRewards', query, key);
      const rows = await service.listRewards(ctx, key.programme, wanted);
      const body = page(ctx, wanted, rows, (row) => [row.key]);
      return { status: 200, body: { ...body, data: body.data.map(toReward) } };
    },
  });
  operation(app, {
    ...changing,
    method: 'POST',
    path,
    id: 'createLoyaltyReward',
    summary: 'Make a reward',
    description:
      'What points of the programme can be used for: handed out by hand, or as one of its codes, which are added beside. How many there are, how many a customer can have, when it can be ordered and by whom is said here.',
    idempotent: true,
    params: Strict(programme),
    body: Ref(schemas.RewardCreate),
    bodyExample: { key: 'coffee', delivery: 'code', ...rewardInExample },
    problems: ['rule_broken', 'conflict'],
    replies: { 201: shown('Made', { ...etag, Location: 'Where it is' }) },
    handler: async ({ ctx, params: key, body }) => {
      const made = await service.createReward(ctx, facts, key.programme, body);
      return reply(201, made, { Location: `${path.replace('{programme}', made.programme)}/${made.key}` });
    },
  });
}

function rewardRoute(app: FastifyInstance, facts: LoadFacts): void {
  operation(app, {
    ...common,
    method: 'GET',
    path: `${path}/{reward}`,
    id: 'getLoyaltyReward',
    summary: 'Read a reward',
    description: 'As it is in force, with how many are left.',
    scope: 'loyalty:read',
    params,
    replies: {
      200: shown('The reward'),
      304: { description: 'The caller has this version already', headers: etag },
    },
    handler: async ({ ctx, params: key, headers: { ifNoneMatch } }) => {
      const found = await service.getReward(ctx, key);
      return unlessKnown(ifNoneMatch, etagOf(found.version), () => toReward(found));
    },
  });
  operation(app, {
    ...changing,
    method: 'PUT',
    path: `${path}/{reward}`,
    id: 'putLoyaltyReward',
    summary: 'Change a reward',
    description:
      'A new version; the same again makes none. Orders that there are stay what they were. The stock can be no less than what is ordered. Needs If-Match.',
    ifMatch: true,
    params,
    body: Ref(schemas.RewardIn),
    bodyExample: rewardInExample,
    problems: ['rule_broken'],
    replies: { 200: shown('The reward') },
    handler: async ({ ctx, params: key, body: content, headers: { ifMatch } }) =>
      reply(200, await service.putReward(ctx, facts, { ...key, content, ifMatch })),
  });
}

function codesRoute(app: FastifyInstance): void {
  operation(app, {
    ...changing,
    method: 'POST',
    path: `${path}/{reward}/codes`,
    id: 'addLoyaltyRewardCodes',
    summary: 'Add codes to a reward',
    description: `At most ${schemas.mostCodes} at once. One that is there already is not added again. They are kept sealed: a code is shown in the reply that issues its order, and nowhere else.`,
    idempotent: true,
    params,
    body: Ref(schemas.RewardCodesIn),
    bodyExample: { codes: ['COFFEE-7Q2M', 'COFFEE-8H4K'] },
    problems: ['conflict'],
    replies: {
      200: {
        description: 'What is new',
        schema: Ref(schemas.RewardCodesAdded),
        example: { added: 2, known: 0, available: 2 },
      },
    },
    handler: async ({ ctx, params: key, body: { codes } }) => ({
      status: 200,
      body: await service.addCodes(ctx, key, codes),
    }),
  });
}
