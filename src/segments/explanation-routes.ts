/** Why somebody is in a segment, and what a rule would give before it is saved. */
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { DomainError } from '../platform/errors.js';
import { operation } from '../platform/http/operation.js';
import { Id, Instant, Key, Ref, Strict, StringEnum } from '../platform/http/schemas.js';
import { microsOf } from '../platform/instants.js';
import type { LoadFacts } from '../rules/facts.js';
import { RuleSchema } from '../rules/schema.js';
import { explainPresent, explainRecorded, explainRestated } from './explanations.js';
import { previewSegment } from './preview.js';
import { MembershipExplanation, SegmentPreview } from './schemas.js';

const tag = 'Segments';
const domain = 'Customer Behavior Insights';
const rule = { fact: 'holdings.net', op: 'gt', value: '1000000' };
const customerId = '0197f3c2-1b7e-7c31-9d52-3f6a1e2b4c5d';

/** A past instant, and by what knowledge it is told. */
export const asOfQuery = {
  as_of: Type.Optional(Instant('At this past instant')),
  basis: Type.Optional(
    StringEnum(['recorded', 'restated'], {
      description:
        'With `as_of`: recorded, as it was decided then with what was known then (the default); restated, with what is known today',
    }),
  ),
};

/** Throws where the instant is yet to come. */
export function checkPast(now: string, asOf: string | undefined): void {
  if (asOf === undefined || microsOf(asOf) <= microsOf(now)) return;
  throw new DomainError('rule_broken', 'The instant is yet to come.', {
    errors: [
      { in: 'query', pointer: '/as_of', code: 'in_the_future', message: 'must not be later than now' },
    ],
  });
}

export function explanationRoutes(app: FastifyInstance, facts: LoadFacts): void {
  operation(app, {
    method: 'GET',
    path: '/v1/customers/{id}/segments/{key}/explanation',
    id: 'explainMembership',
    summary: 'Why a customer is in a segment, or is not',
    description:
      'The rule as a tree: of each part its verdict, what it saw, what that was held to, the activities that counted, and when it can next change. Without `as_of` the customer is reviewed first, so the answer is of this instant. With it, the evidence that was kept when the customer entered or left.',
    tag,
    domain,
    scope: 'segments:read',
    params: Strict({ id: Id('Of the customer'), key: Key('Of the segment') }),
    query: Strict(asOfQuery),
    problems: ['rule_broken'],
    replies: {
      200: {
        description: 'The explanation',
        schema: Ref(MembershipExplanation),
        example: {
          customer_id: customerId,
          segment: 'high_net_worth',
          basis: 'present',
          as_of: '2026-01-05T09:00:00Z',
          member: true,
          rule_version: 1,
          entered_at: '2026-01-05T08:00:01.000000Z',
          left_at: null,
          cause: 'change',
          evaluated_at: '2026-01-05T09:00:00Z',
          next_change_at: null,
          explanation: {
            pointer: '',
            kind: 'fact',
            verdict: true,
            next_change_at: null,
            condition: rule,
            value: '1250000.00',
          },
        },
      },
    },
    handler: async ({ ctx, params, query: { as_of, basis } }) => {
      checkPast(ctx.now, as_of);
      if (as_of === undefined) return { status: 200, body: await explainPresent(ctx, facts, params) };
      const body =
        basis === 'restated'
          ? await explainRestated(ctx, facts, params, as_of)
          : await explainRecorded(ctx, params, as_of);
      return { status: 200, body };
    },
  });
  operation(app, {
    method: 'POST',
    path: '/v1/segments/preview',
    id: 'previewSegment',
    summary: 'What a rule would give',
    description:
      'Judges everybody in reach of the caller by a rule that is not saved: how many belong, and who would enter and leave the segment that `key` names. One snapshot; nothing is written.',
    tag,
    domain,
    scope: 'segments:read',
    body: Strict({ key: Type.Optional(Key('The segment that it is compared with')), rule: Ref(RuleSchema) }),
    bodyExample: { rule },
    problems: ['rule_broken'],
    replies: {
      200: {
        description: 'What was counted',
        schema: Ref(SegmentPreview),
        example: {
          evaluated_at: '2026-01-05T09:00:00Z',
          customers: 10000,
          count: 120,
          enters: 120,
          leaves: 0,
          sample: [customerId],
          sample_enters: [customerId],
          sample_leaves: [],
          reads: ['holdings'],
        },
      },
    },
    handler: async ({ ctx, body }) => ({ status: 200, body: await previewSegment(ctx, facts, body) }),
  });
}
