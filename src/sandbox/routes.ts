import type { FastifyInstance } from 'fastify';
import { DomainError } from '../platform/errors.js';
import { operation } from '../platform/http/operation.js';
import { Ref } from '../platform/http/schemas.js';
import { SandboxClock, SandboxClockMove } from './schemas.js';
import { moveClock } from './service.js';

const common = { path: '/v1/sandbox/clock', tag: 'Administration', scope: 'admin' } as const;
const example = { now: '2026-04-01T00:00:00.000000Z' };

export function sandboxRoutes(app: FastifyInstance, isSandbox: boolean): void {
  for (const component of [SandboxClock, SandboxClockMove]) app.addSchema(component);
  const onlyInSandbox = () => {
    if (!isSandbox)
      throw new DomainError('sandbox_only', 'This service runs without SANDBOX=true, on the real time.');
  };
  operation(app, {
    ...common,
    method: 'GET',
    id: 'getSandboxClock',
    summary: 'Read the clock of a sandbox',
    description: 'What time it is for everything that the service decides. It runs like any clock.',
    problems: ['sandbox_only'],
    replies: { 200: { description: 'Where it stands', schema: Ref(SandboxClock), example } },
    handler: async ({ ctx }) => {
      onlyInSandbox();
      return { status: 200, body: { now: ctx.now } };
    },
  });
  operation(app, {
    ...common,
    method: 'POST',
    id: 'moveSandboxClock',
    summary: 'Move the clock of a sandbox',
    description:
      'Forward, to an instant or by a duration, for all processes of the deployment at once: windows slide, deadlines pass, and what follows from them is done within moments. It never goes back. Keys, replay records, rate limits and the delays of jobs stay on the real time. Without SANDBOX=true it is refused.',
    idempotent: true,
    body: Ref(SandboxClockMove),
    bodyExample: { advance: 'P1M' },
    problems: ['sandbox_only', 'conflict', 'rule_broken'],
    replies: { 200: { description: 'Where it stands now', schema: Ref(SandboxClock), example } },
    handler: async ({ ctx, body }) => {
      onlyInSandbox();
      return { status: 200, body: await moveClock(ctx, body) };
    },
  });
}
