import type { FastifyInstance } from 'fastify';
import { planQuery, planReply } from '../../platform/http/approval-schemas.js';
import { guardedReply } from '../../platform/http/guarded-replies.js';
import { operation } from '../../platform/http/operation.js';
import { Key, pageQuery, Ref, Strict } from '../../platform/http/schemas.js';
import { etagOf, requiredVersions, unlessKnown } from '../../platform/http/versions.js';
import { page, pageRequest } from '../../platform/pagination.js';
import type { LoadFacts } from '../../rules/facts.js';
import { common } from '../programme-routes.js';
import { earnRuleExample, earnRuleInExample } from './examples.js';
import * as service from './rules.js';
import * as schemas from './schemas.js';

const path = '/v1/loyalty/programmes/{programme}/earn-rules';
const ofProgramme = Strict({ programme: Key('Of the programme') });
const params = Strict({ programme: Key('Of the programme'), key: Key('Of the rule') });
const etag = { ETag: 'The version, for If-Match' };
const shown = (description: string, headers: Record<string, string> = etag) => ({
  description,
  schema: Ref(schemas.EarnRule),
  headers,
  example: earnRuleExample,
});
const reply = (status: number, body: schemas.EarnRuleOut, headers: Record<string, string> = {}) => ({
  status,
  body,
  headers: { ETag: etagOf(body.version), ...headers },
});

export function earnRuleRoutes(app: FastifyInstance, facts: LoadFacts): void {
  readRoutes(app, facts);
  writeRoutes(app, facts);
  operation(app, {
    ...common,
    method: 'DELETE',
    path: `${path}/{key}`,
    id: 'deleteEarnRule',
    summary: 'Delete an earn rule',
    description:
      'Nothing is earned by it any more. What it gave stays, and is corrected where an activity is. Its key stays taken.',
    scope: 'loyalty:write',
    ofTheBank: true,
    ifMatch: true,
    params,
    replies: { 204: { description: 'Deleted' } },
    handler: async ({ ctx, params: key, headers: { ifMatch } }) => {
      await service.deleteEarnRule(ctx, key, requiredVersions(ifMatch));
      return { status: 204 };
    },
  });
}

function readRoutes(app: FastifyInstance, facts: LoadFacts): void {
  operation(app, {
    ...common,
    method: 'GET',
    path,
    id: 'listEarnRules',
    summary: 'List the earn rules of a programme',
    description: 'In the order of their keys, each as it is in force.',
    scope: 'loyalty:read',
    params: ofProgramme,
    query: Strict(pageQuery),
    problems: ['invalid_cursor'],
    replies: {
      200: {
        description: 'A page of rules',
        schema: Ref(schemas.EarnRulePage),
        example: { data: [earnRuleExample], next_cursor: null },
      },
    },
    handler: async ({ ctx, params: { programme }, query }) => {
      const wanted = pageRequest(ctx, 'listEarnRules', query, { programme });
      const rows = await service.listEarnRules(ctx, facts, programme, wanted);
      return { status: 200, body: page(ctx, wanted, rows, (row) => [row.key]) };
    },
  });
  operation(app, {
    ...common,
    method: 'GET',
    path: `${path}/{key}`,
    id: 'getEarnRule',
    summary: 'Read an earn rule',
    description: 'As it is in force, with what it has given so far.',
    scope: 'loyalty:read',
    params,
    replies: {
      200: shown('The rule'),
      304: { description: 'The caller has this version already', headers: etag },
    },
    handler: async ({ ctx, params: key, headers: { ifNoneMatch } }) => {
      const found = await service.getEarnRule(ctx, facts, key);
      return unlessKnown(ifNoneMatch, etagOf(found.version), () => found);
    },
  });
}

function writeRoutes(app: FastifyInstance, facts: LoadFacts): void {
  const guards = { create: service.createEarnRuleGuard(facts), put: service.putEarnRuleGuard(facts) };
  operation(app, {
    ...common,
    method: 'POST',
    path,
    id: 'createEarnRule',
    summary: 'Make an earn rule',
    description:
      'What members do from now on earns points by it, in the background and within seconds: each activity once by each rule, however often it comes. Where an activity is corrected or reversed, so is what it earned, by the version that earned it. The condition is judged once, when the activity is; levels and tiers are those that the customer had when it occurred. A rule that speaks of deposits warns, and waits for a second person.',
    scope: 'loyalty:write',
    ofTheBank: true,
    idempotent: true,
    params: ofProgramme,
    query: Strict(planQuery),
    body: Ref(schemas.EarnRuleCreate),
    bodyExample: { key: 'card_payments', ...earnRuleInExample },
    guarded: guards.create,
    problems: ['rule_broken', 'conflict'],
    replies: { 200: planReply, 201: shown('Made', { ...etag, Location: 'Where it is' }) },
    handler: ({ ctx, params: { programme }, body: { key, ...content }, query }) =>
      guardedReply(ctx, guards.create, { programme, key, content }, query, async () =>
        reply(201, await service.getEarnRule(ctx, facts, { programme, key }), {
          Location: `/v1/loyalty/programmes/${programme}/earn-rules/${key}`,
        }),
      ),
  });
  operation(app, {
    ...common,
    method: 'PUT',
    path: `${path}/{key}`,
    id: 'putEarnRule',
    summary: 'Change an earn rule',
    description:
      'A new version, for what is recorded from now on; the same again makes none. A rule that speaks of deposits warns, and waits for a second person. Needs If-Match.',
    scope: 'loyalty:write',
    ofTheBank: true,
    ifMatch: true,
    params,
    query: Strict(planQuery),
    body: Ref(schemas.EarnRuleIn),
    bodyExample: earnRuleInExample,
    guarded: guards.put,
    problems: ['rule_broken', 'conflict'],
    replies: {
      200: {
        ...shown('The rule; with `dry_run` the plan'),
        schema: Ref(schemas.EarnRuleOrPlan),
      },
    },
    handler: ({ ctx, params: key, body: content, query, headers: { ifMatch } }) =>
      guardedReply(
        ctx,
        guards.put,
        { ...key, content, versions: requiredVersions(ifMatch) },
        query,
        async () => reply(200, await service.getEarnRule(ctx, facts, key)),
      ),
  });
}
