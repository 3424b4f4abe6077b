import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { Health } from '../platform/http/health.js';
import { operation } from '../platform/http/operation.js';
import { Ref, Strict } from '../platform/http/schemas.js';
import { CloudEvent, EventPage } from './schemas.js';
import { readEvents, toCloudEvent } from './service.js';

const example = {
  specversion: '1.0',
  id: '0197f3c2-1b7f-7a10-8c3d-5e6f7a8b9c0d',
  source: '/clientele',
  type: 'clientele.customer.updated',
  subject: '0197f3c2-1b7e-7c31-9d52-3f6a1e2b4c5d',
  time: '2026-01-05T08:00:01.000000Z',
  sequence: '42',
  datacontenttype: 'application/json',
  data: { version: 2, fields: ['city'] },
};

export function eventRoutes(app: FastifyInstance, health: Health): void {
  app.addSchema(CloudEvent);
  app.addSchema(EventPage);
  operation(app, {
    method: 'GET',
    path: '/v1/events',
    id: 'listEvents',
    summary: 'Read events',
    description:
      'What changed, as CloudEvents in a gap-free order. Keep `next_after` and send it as `after`: nothing is lost and nothing comes twice. With `wait` the reply comes as soon as there is an event.',
    tag: 'Events',
    domain: 'Customer Event History',
    scope: 'events:read',
    query: Strict({
      after: Type.Integer({
        minimum: 0,
        maximum: Number.MAX_SAFE_INTEGER,
        default: 0,
        description: 'Events after this sequence',
      }),
      limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100, description: 'How many at most' }),
      wait: Type.Integer({
        minimum: 0,
        maximum: 30,
        default: 0,
        description: 'Seconds to wait for the first event',
      }),
    }),
    replies: {
      200: {
        description: 'Events in order',
        schema: Ref(EventPage),
        example: { data: [example], next_after: 42 },
      },
    },
    handler: async ({ ctx, query: { after, limit, wait }, request }) => {
      const isStopping = () => health.draining || request.raw.socket.destroyed;
      const { events, head } = await readEvents(ctx, { after, limit, waitSeconds: wait, isStopping });
      return { status: 200, body: { data: events.map(toCloudEvent), next_after: head } };
    },
  });
}
