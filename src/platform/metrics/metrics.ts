/**
 * What a process counts and measures, in a registry of its own. Labels have few values, all of them names of the
 * service's own: operations, queues, types of events. Never a customer, a key, a path or anything that was sent.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

const seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export type Metrics = ReturnType<typeof createMetrics>;

export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const beforeScrapes: (() => Promise<void>)[] = [];
  return {
    registry,
    contentType: registry.contentType,
    /** has something looked up before each scrape; it must neither fail nor take long */
    beforeScrape: (look: () => Promise<void>): void => void beforeScrapes.push(look),
    /** everything in Prometheus' text format */
    async text(): Promise<string> {
      await Promise.all(beforeScrapes.map((look) => look()));
      return registry.metrics();
    },
    requestSeconds: new Histogram({
      name: 'clientele_http_request_duration_seconds',
      help: 'Time from the head of a request to the end of its reply. Event streams are not in it.',
      labelNames: ['operation', 'method', 'status_class'] as const,
      buckets: seconds,
      registers,
    }),
    requestsInFlight: new Gauge({
      name: 'clientele_http_requests_in_flight',
      help: 'Requests that have come and are not answered in full.',
      registers,
    }),
    eventStreams: new Gauge({
      name: 'clientele_event_streams',
      help: 'Event streams that are open.',
      registers,
    }),
    eventStreamsCut: new Counter({
      name: 'clientele_event_streams_cut_total',
      help: 'Event streams that were cut off because their reader took nothing.',
      registers,
    }),
    jobSeconds: new Histogram({
      name: 'clientele_job_duration_seconds',
      help: 'Time that a job took, until nothing was due any more.',
      labelNames: ['queue', 'outcome'] as const,
      buckets: [...seconds, 30, 60, 300],
      registers,
    }),
    jobLastSuccess: new Gauge({
      name: 'clientele_job_last_success_timestamp_seconds',
      help: 'When a job of the queue last ended well in this process.',
      labelNames: ['queue'] as const,
      registers,
    }),
    relayLagSeconds: new Histogram({
      name: 'clientele_relay_lag_seconds',
      help: 'From the making of an event to its place in the feed; of the oldest one of each batch.',
      buckets: seconds,
      registers,
    }),
    eventsPublished: new Counter({
      name: 'clientele_events_published_total',
      help: 'Events that this process gave their place in the feed.',
      labelNames: ['type'] as const,
      registers,
    }),
    importRows: new Counter({
      name: 'clientele_import_rows_total',
      help: 'Rows of imports that were judged, by what became of them.',
      labelNames: ['kind', 'outcome'] as const,
      registers,
    }),
  };
}
