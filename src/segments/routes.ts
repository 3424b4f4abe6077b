import type { FastifyInstance } from 'fastify';

export function segmentRoutes(_app: FastifyInstance, ..._rest: unknown[]): void {}
