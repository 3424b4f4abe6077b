/** The way from a request to the jobs that its events wake. */
import { madeAtMilliseconds } from '../ids.js';
import type { Wake } from '../queue.js';
import type { RelayedEvent } from '../relay.js';
import { isRecorded } from './trace-context.js';
import { type Tracer, within } from './tracer.js';

/** A batch is bounded, and so are its spans. */
const tracesMax = 100;

/**
 * Makes a span a trace whose events were given their place in the feed: from when the first of them was made until
 * now. Returns the spans that events lead on to.
 */
export function traceRelayed(
  tracer: Tracer | undefined,
  events: readonly RelayedEvent[],
): (event: RelayedEvent) => string | undefined {
  if (tracer === undefined) return () => undefined;
  const spans = new Map<string, string>();
  for (const { id, traceparent } of events) {
    if (traceparent === null || spans.has(traceparent) || spans.size >= tracesMax) continue;
    if (!isRecorded(traceparent)) continue;
    const startedAt = madeAtMilliseconds(id);
    const span = tracer.begin('relay', { kind: 'producer', parent: traceparent, startedAt });
    spans.set(traceparent, span.traceparent);
    span.end();
  }
  return ({ traceparent }) => (traceparent === null ? undefined : spans.get(traceparent));
}

/** A job belongs to the trace that woke it first, and names the others that did. What schedules wake is in none. */
export function traceJob(
  tracer: Tracer | undefined,
  queue: string,
  { traces: [parent, ...links] }: Pick<Wake, 'traces'>,
  work: () => Promise<void>,
): Promise<void> {
  if (tracer === undefined || parent === undefined) return work();
  const attributes = { 'messaging.destination.name': queue, 'messaging.operation.type': 'process' };
  return within(tracer.begin(`job ${queue}`, { kind: 'consumer', parent, links, attributes }), work);
}
