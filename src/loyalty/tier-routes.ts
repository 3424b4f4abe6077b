import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { operation } from '../platform/http/operation.js';
import { Id, Instant, Key, pageQuery, Ref, Strict } from '../platform/http/schemas.js';
import { etagOf, unlessKnown } from '../platform/http/versions.js';
import { page, pageRequest } from '../platform/pagination.js';
import { common } from './programme-routes.js';
import { listUses, takeBackUse, useBenefit } from './tiers/benefits.js';
import * as examples from './tiers/examples.js';
import { getTiers, putTiers } from './tiers/models.js';
import * as schemas from './tiers/schemas.js';
import { getMemberTier } from './tiers/view.js';

const modelPath = '/v1/loyalty/programmes/{programme}/tiers';
const path = '/v1/customers/{id}/loyalty/{programme}';
const key = { id: Id('Of the customer'), programme: Key('Of the programme') };
const etag = { ETag: 'The version, for If-Match' };
const shown = (description: string) => ({
  description,
  schema: Ref(schemas.TierModel),
  headers: etag,
  example: examples.tiersExample,
});

export function tierRoutes(app: FastifyInstance): void {
  for (const component of schemas.tierComponents) app.addSchema(component);
  modelRoutes(app);
  memberRoute(app);
  useRoutes(app);
}

const worked = `Up at once, at the instant at which what counts in the period that runs meets a bound. Down never before the review of a period, its end and the grace: the tier is kept where the period itself has met its bound, or what counts on the day of the review does. Worked with calendar years, \`grace\` P30D, \`one_step\`, gold from 20,000 and silver from 5,000: 21,000 points in March 2026 are gold from that purchase on. 2026 was enough, so the review of 31 January 2027 changes nothing; 3,000 in 2027 and none in January 2028 are silver from 31 January 2028 on, and member a year later. With a rolling P12M the periods run from the day of that purchase.

Points count by the day on which they were earned, as the calendar of the programme’s time zone has it, and from the instant on at which they were booked. What is taken back goes from the day on which it was earned; the tier that it had helped to stays until the review.`;

function modelRoutes(app: FastifyInstance): void {
  const params = Strict({ programme: Key('Of the programme') });
  operation(app, {
    ...common,
    method: 'GET',
    path: modelPath,
    id: 'getLoyaltyTiers',
    summary: 'Read the tiers of a programme',
    description: `The tiers, their benefits and service, and how members move between them.\n\n${worked}`,
    scope: 'loyalty:read',
    params,
    replies: {
      200: shown('The tiers'),
      304: { description: 'The caller has this version already', headers: etag },
    },
    handler: async ({ ctx, params: { programme }, headers: { ifNoneMatch } }) => {
      const body = await getTiers(ctx, programme);
      // another state is another answer, of the same version
      const known = body.state === 'evaluating' ? undefined : ifNoneMatch;
      return unlessKnown(known, etagOf(body.version), () => body);
    },
  });
  operation(app, {
    ...common,
    method: 'PUT',
    path: modelPath,
    id: 'putLoyaltyTiers',
    summary: 'Define the tiers of a programme',
    description:
      'A new version; the same again makes none. It is in force at once: all members are looked at by it in the background, and who moves up by it does with the cause `model`, from the instant of its publication on. Nobody goes down before a review: a tier that is not there any more gives way to the highest whose bound is not above its own. The first needs no If-Match, others do.',
    scope: 'loyalty:write',
    ofTheBank: true,
    ifMatch: true,
    params,
    body: Ref(schemas.TierModelPut),
    bodyExample: examples.tiersInExample,
    problems: ['rule_broken'],
    replies: { 200: shown('The tiers'), 201: shown('Made') },
    handler: async ({ ctx, params: { programme }, body: content, headers: { ifMatch } }) => {
      const { outcome, tiers } = await putTiers(ctx, { programme, content, ifMatch });
      return {
        status: outcome === 'created' ? 201 : 200,
        body: tiers,
        headers: { ETag: etagOf(tiers.version) },
      };
    },
  });
}

function memberRoute(app: FastifyInstance): void {
  operation(app, {
    ...common,
    method: 'GET',
    path: `${path}/tier`,
    id: 'getLoyaltyTier',
    summary: 'Read the tier of a customer',
    description:
      'Now or as of a past instant, as it was decided by then: since when and why, what counts, what is missing to keep it and to reach the next, until when it is safe, the benefits with what is left of them, and the VIP service with what it lacks. Points are those that were booked by then; what was spent is as it is known now.',
    scope: 'loyalty:read',
    params: Strict(key),
    query: Strict({
      as_of: Type.Optional(Instant('At this instant; now where none is named, or one that lies ahead')),
    }),
    replies: {
      200: {
        description: 'The tier, and why',
        schema: Ref(schemas.MemberTier),
        example: examples.memberTierExample,
      },
    },
    handler: async ({ ctx, params: member, query: { as_of: asOf } }) => ({
      status: 200,
      body: await getMemberTier(ctx, member, asOf),
    }),
  });
}

function useRoutes(app: FastifyInstance): void {
  const uses = `${path}/benefit-uses`;
  operation(app, {
    ...common,
    method: 'GET',
    path: uses,
    id: 'listBenefitUses',
    summary: 'List the uses of benefits',
    description: 'The latest first, those that were taken back among them.',
    scope: 'loyalty:read',
    params: Strict(key),
    query: Strict({ ...pageQuery, benefit: Type.Optional(Key('Of this benefit alone')) }),
    problems: ['invalid_cursor'],
    replies: {
      200: {
        description: 'A page of uses',
        schema: Ref(schemas.BenefitUsePage),
        example: { data: [examples.useExample], next_cursor: null },
      },
    },
    handler: async ({ ctx, params: member, query: { limit, cursor, benefit } }) => {
      const wanted = pageRequest(ctx, 'listBenefitUses', { limit, cursor }, { ...member, benefit });
      const rows = await listUses(ctx, member, benefit, wanted);
      return { status: 200, body: page(ctx, wanted, rows, (row) => [row.used_at, row.use_id]) };
    },
  });
  const writing = { ...common, method: 'POST', scope: 'loyalty:write', idempotent: 'required' } as const;
  const replies = {
    201: { description: 'Counted', schema: Ref(schemas.BenefitUseDone), example: examples.useDoneExample },
  };
  operation(app, {
    ...writing,
    path: uses,
    id: 'useBenefit',
    summary: 'Use a benefit',
    description:
      'Of the tier that the customer has now. Beyond its quota it is refused: of requests at once as many are counted as there are left.',
    params: Strict(key),
    body: Ref(schemas.BenefitUseIn),
    bodyExample: { benefit: 'lounge', reason: 'Lounge at PVG' },
    problems: ['rule_broken', 'benefit_used_up'],
    replies,
    handler: async ({ ctx, params: member, body }) => ({
      status: 201,
      body: await useBenefit(ctx, member, body),
    }),
  });
  operation(app, {
    ...writing,
    path: `${uses}/{use_id}/take-back`,
    id: 'takeBackBenefitUse',
    summary: 'Take back a use of a benefit',
    description: 'It counts no more, from now on; the list keeps it.',
    params: Strict({ ...key, use_id: Id('Of the use') }),
    body: Ref(schemas.BenefitTakeBack),
    bodyExample: { reason: 'The flight was cancelled' },
    problems: ['conflict'],
    replies,
    handler: async ({ ctx, params: member, body: { reason } }) => ({
      status: 201,
      body: await takeBackUse(ctx, member, reason),
    }),
  });
}
