import type { FastifyInstance } from 'fastify';

export function activityRoutes(_app: FastifyInstance, ..._rest: unknown[]): void {}
