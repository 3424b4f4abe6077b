/** Who is in a static segment is said one by one; many are an import. */
import type { FastifyInstance } from 'fastify';
import { operation } from '../platform/http/operation.js';
import { Id, Key, Ref, Strict } from '../platform/http/schemas.js';
import { Member } from './schemas.js';
import { listCustomer } from './static-service.js';

const common = {
  path: '/v1/segments/{key}/members/{customer_id}',
  tag: 'Segments',
  domain: 'Customer Behavior Insights',
  scope: 'segments:write',
  params: Strict({ key: Key('Of a static segment'), customer_id: Id('Of the customer') }),
  problems: ['conflict'],
} as const;

export function staticRoutes(app: FastifyInstance): void {
  operation(app, {
    ...common,
    method: 'PUT',
    id: 'addSegmentMember',
    summary: 'Put a customer into a static segment',
    description:
      'It is in it from now on; who is in it already stays since when it was. Many at once are an import of the kind `segment_members`.',
    replies: {
      200: {
        description: 'The membership',
        schema: Ref(Member),
        example: {
          customer_id: '0197f3c2-1b7e-7c31-9d52-3f6a1e2b4c5d',
          entered_at: '2026-01-05T08:00:01.000000Z',
          left_at: null,
          rule_version: 1,
        },
      },
    },
    handler: async ({ ctx, params: { key, customer_id } }) => ({
      status: 200,
      body: await listCustomer(ctx, key, customer_id, true),
    }),
  });
  operation(app, {
    ...common,
    method: 'DELETE',
    id: 'removeSegmentMember',
    summary: 'Take a customer out of a static segment',
    description: 'It is in it no longer from now on. That it was stays readable.',
    replies: { 204: { description: 'It is not in it' } },
    handler: async ({ ctx, params: { key, customer_id } }) => {
      await listCustomer(ctx, key, customer_id, false);
      return { status: 204 };
    },
  });
}
