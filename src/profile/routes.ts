import type { FastifyInstance } from 'fastify';

export function profileRoutes(_app: FastifyInstance, ..._rest: unknown[]): void {}
