/**
 * Requests as part of a trace. A `traceparent` that comes in goes out again, in the reply and in the events; where
 * traces are recorded, it names the span of this service that continues it. A trace that nobody records is not begun.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { parseTraceparent, traceparentOf } from '../tracing/trace-context.js';
import type { Span, Tracer } from '../tracing/tracer.js';

declare module 'fastify' {
  interface FastifyRequest {
    span: Span | undefined;
    traceparent: string | undefined;
  }
}

export function useTraces(app: FastifyInstance, tracer: Tracer | undefined): void {
  app.decorateRequest('span', undefined);
  app.decorateRequest('traceparent', undefined);
  app.addHook('onRequest', (request, reply, done) => {
    const came = parentOf(request);
    // health and metrics are asked all the time, and tell nothing
    if (tracer !== undefined && request.routeOptions.config.evenWhenOverloaded !== true) {
      const span = beginRequest(tracer, request, came);
      request.span = span;
      reply.raw.once('close', () => {
        span.set({ 'http.response.status_code': reply.statusCode });
        const isCut = !reply.raw.writableFinished;
        span.end(
          isCut ? 'connection_closed' : reply.statusCode >= 500 ? String(reply.statusCode) : undefined,
        );
      });
    }
    request.traceparent = request.span?.traceparent ?? came;
    if (request.traceparent !== undefined) reply.header('Traceparent', request.traceparent);
    done();
  });
}

function parentOf({ headers: { traceparent } }: FastifyRequest): string | undefined {
  if (typeof traceparent !== 'string') return undefined;
  const context = parseTraceparent(traceparent);
  return context && traceparentOf(context);
}

/** The route's pattern, as it stands in the code. What is no route has the method alone. */
function beginRequest(tracer: Tracer, { method, routeOptions }: FastifyRequest, parent: string | undefined) {
  const { url: route, schema } = routeOptions;
  const { operationId } = (schema ?? {}) as { operationId?: string };
  return tracer.begin(route === undefined ? method : `${method} ${route}`, {
    kind: 'server',
    parent,
    attributes: {
      'http.request.method': method,
      ...(route === undefined ? {} : { 'http.route': route }),
      ...(operationId === undefined ? {} : { 'clientele.operation': operationId }),
    },
  });
}
