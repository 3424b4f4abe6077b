/**
 * Traces by OpenTelemetry, sent to a collector as OTLP over HTTP. This is loaded where a collector is configured, and
 * there alone. A collector that is away costs what was to be sent to it, and nothing else: spans wait in a bounded
 * queue, and then are dropped. Its other variables (`OTEL_TRACES_SAMPLER`, `OTEL_SERVICE_NAME`,
 * `OTEL_EXPORTER_OTLP_HEADERS` and so on) are read by the library itself.
 */
import { type Context, type Link, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider, type SpanExporter } from '@opentelemetry/sdk-trace-node';
import type { Logger } from '../log.js';
import { withinSeconds } from '../within.js';
import { parseTraceparent, traceparentOf } from './trace-context.js';
import type { Span, Tracer } from './tracer.js';

const exportMilliseconds = 5000;
const closeSeconds = 3;

const kinds = { server: SpanKind.SERVER, producer: SpanKind.PRODUCER, consumer: SpanKind.CONSUMER };

/** @param endpoint of the collector, without the path of traces */
export function openTelemetry({ endpoint, log }: { endpoint: string; log: Logger }): Tracer {
  const url = `${endpoint.replace(/\/+$/, '')}/v1/traces`;
  const exporter = complaining(new OTLPTraceExporter({ url, timeoutMillis: exportMilliseconds }), log);
  const provider = new NodeTracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': 'clientele' }))
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  });
  const tracer = provider.getTracer('clientele');

  const begin = (
    name: string,
    at: Context,
    { kind = SpanKind.INTERNAL, ...options }: Parameters<typeof tracer.startSpan>[1] = {},
  ): Span => {
    const span = tracer.startSpan(name, { kind, ...options }, at);
    const { traceId, spanId, traceFlags } = span.spanContext();
    return {
      traceparent: traceparentOf({ traceId, parentId: spanId, flags: traceFlags }),
      begin: (child, attributes = {}) => begin(child, trace.setSpan(ROOT_CONTEXT, span), { attributes }),
      set: (attributes) => void span.setAttributes(attributes),
      end(failure) {
        if (failure !== undefined) {
          span.setAttribute('error.type', failure);
          span.setStatus({ code: SpanStatusCode.ERROR });
        }
        span.end();
      },
    };
  };
  return {
    begin(name, { kind, attributes = {}, parent, links = [], startedAt } = {}) {
      const known = parent === undefined ? undefined : remote(parent);
      return begin(name, known === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, known), {
        ...(kind === undefined ? {} : { kind: kinds[kind] }),
        ...(startedAt === undefined ? {} : { startTime: startedAt }),
        attributes,
        links: links.map(remote).flatMap((context): Link[] => (context === undefined ? [] : [{ context }])),
      });
    },
    close: async () =>
      void (await withinSeconds(
        closeSeconds,
        provider.shutdown().catch(() => undefined),
      )),
  };
}

function remote(traceparent: string) {
  const { traceId, parentId, flags } = parseTraceparent(traceparent) ?? {};
  if (traceId === undefined || parentId === undefined || flags === undefined) return undefined;
  return { traceId, spanId: parentId, traceFlags: flags & 1, isRemote: true };
}

/** Says once in a while that spans are lost. */
function complaining(exporter: SpanExporter, log: Logger): SpanExporter {
  let silentUntil = 0;
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        if (result.code !== 0 && performance.now() > silentUntil) {
          silentUntil = performance.now() + 60_000;
          log.warn({ err: result.error, spans: spans.length }, 'traces could not be sent, and are lost');
        }
        done(result);
      });
    },
    forceFlush: async () => exporter.forceFlush?.(),
    shutdown: () => exporter.shutdown(),
  };
}
