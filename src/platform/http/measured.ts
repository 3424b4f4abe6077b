/** Requests as metrics, and the page that shows all metrics. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { noteRequest } from '../courtesy.js';
import type { Metrics } from '../metrics/metrics.js';
import { operation } from './operation.js';

/** Counts and times every request by its operation. What is no operation has one name, whatever was asked for. */
export function measureRequests(app: FastifyInstance, metrics: Metrics): void {
  app.addHook('onRequest', (request, reply, done) => {
    if (isInteractive(request)) noteRequest();
    metrics.requestsInFlight.inc();
    reply.raw.once('close', () => metrics.requestsInFlight.dec());
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    const isStream = String(reply.getHeader('content-type')).startsWith('text/event-stream');
    if (!isStream) {
      const status_class = `${Math.floor(reply.statusCode / 100)}xx`;
      metrics.requestSeconds.observe({ ...nameOf(request), status_class }, reply.elapsedTime / 1000);
    }
    done();
  });
}

/** Probes and metrics are nobody who waits, nor is who sends a file and asks how far it is. */
const isInteractive = ({ routeOptions: { url, config } }: FastifyRequest): boolean =>
  url?.startsWith('/v1/') === true && !url.startsWith('/v1/imports') && config.patient !== true;

function nameOf(request: FastifyRequest): { operation: string; method: string } {
  const { operationId } = (request.routeOptions.schema ?? {}) as { operationId?: string };
  return operationId === undefined
    ? { operation: 'none', method: 'any' }
    : { operation: operationId, method: request.method };
}

/** @param isPublic no key is asked for */
export function metricsRoute(app: FastifyInstance, metrics: Metrics, isPublic: boolean): void {
  operation(app, {
    method: 'GET',
    path: '/metrics',
    id: 'getMetrics',
    summary: 'Read the metrics',
    description:
      "What this process counts and measures, and what waits in the whole deployment, in Prometheus' text format. There is no personal data in it. With METRICS=public no key is asked for; METRICS_PORT shows the same on a port of its own, which does not ask the database who reads.",
    tag: 'Health',
    evenWhenOverloaded: true,
    scope: isPublic ? null : 'metrics:read',
    ofTheBank: !isPublic,
    replies: {
      200: {
        description: 'Every metric',
        schema: Type.String(),
        contentTypes: ['text/plain'],
        example: '# TYPE clientele_database_up gauge\nclientele_database_up 1\n',
      },
    },
    handler: async () => ({
      status: 200,
      headers: { 'Content-Type': metrics.contentType },
      body: await metrics.text(),
    }),
  });
}
