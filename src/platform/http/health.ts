/** Is the process alive; can it answer now. */
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { operation } from './operation.js';
import { Ref, Strict, StringEnum } from './schemas.js';

export type Health = {
  /** set while the process finishes what it has begun */
  draining: boolean;
  /** each throws where its part does not answer */
  checks: Record<string, () => Promise<void>>;
};

const Liveness = Strict(
  { status: StringEnum(['alive']) },
  { $id: 'Liveness', description: 'That the process runs' },
);
const Readiness = Strict(
  {
    status: StringEnum(['ready', 'unready']),
    checks: Type.Record(Type.String(), StringEnum(['ok', 'failing']), {
      description: 'Each part and how it is',
    }),
  },
  { $id: 'Readiness', description: 'Whether each part answers that requests need' },
);

export function healthRoutes(app: FastifyInstance, health: Health): void {
  for (const component of [Liveness, Readiness]) app.addSchema(component);
  operation(app, {
    method: 'GET',
    path: '/livez',
    id: 'getLiveness',
    summary: 'Is the process alive',
    description: 'Answers as long as the process runs. Restart it when this does not answer.',
    tag: 'Health',
    scope: null,
    evenWhenOverloaded: true,
    replies: { 200: { description: 'It lives', schema: Ref(Liveness), example: { status: 'alive' } } },
    handler: async () => ({ status: 200, body: { status: 'alive' } }),
  });
  operation(app, {
    method: 'GET',
    path: '/readyz',
    id: 'getReadiness',
    summary: 'Can it answer now',
    description: 'Asks each part that a request needs. Send no traffic while this answers 503.',
    tag: 'Health',
    scope: null,
    evenWhenOverloaded: true,
    replies: {
      200: {
        description: 'Ready',
        schema: Ref(Readiness),
        example: { status: 'ready', checks: { database: 'ok' } },
      },
      503: {
        description: 'Not ready',
        schema: Ref(Readiness),
        example: { status: 'unready', checks: { database: 'failing' } },
      },
    },
    handler: async () => {
      const results = await Promise.all(
        Object.entries(health.checks).map(async ([name, check]) => {
          const ok = await check().then(
            () => true,
            () => false,
          );
          return [name, ok ? 'ok' : 'failing'] as const;
        }),
      );
      const ready = !health.draining && results.every(([, state]) => state === 'ok');
      return {
        status: ready ? 200 : 503,
        body: { status: ready ? 'ready' : 'unready', checks: Object.fromEntries(results) },
      };
    },
  });
}
