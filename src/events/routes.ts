import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import type { Config } from '../config.js';
import type { Clock } from '../platform/clock.js';
import type { Services } from '../platform/context.js';
import { DomainError } from '../platform/errors.js';
import type { Health } from '../platform/http/health.js';
import { operation } from '../platform/http/operation.js';
import { Ref, Strict } from '../platform/http/schemas.js';
import type { Metrics } from '../platform/metrics/metrics.js';
import { reachAt } from '../platform/reach.js';
import { eventTypes } from './catalogue.js';
import { openFeed } from './feed.js';
import { CloudEvent, EventPage } from './schemas.js';
import { filterOf, readEvents, toCloudEvent } from './service.js';
import { eventStream, streamRegister } from './stream.js';

const example: Static<typeof CloudEvent> = {
  specversion: '1.0',
  id: '0197f3c2-1b7f-7a10-8c3d-5e6f7a8b9c0d',
  source: '/clientele',
  type: 'clientele.customer.updated',
  subject: '0197f3c2-1b7e-7c31-9d52-3f6a1e2b4c5d',
  time: '2026-01-05T08:00:01.000000Z',
  sequence: '42',
  datacontenttype: 'application/json',
  data: { version: 2, fields: ['city'] },
};

const wanted = {
  after: Type.Integer({
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
    default: 0,
    description: 'Events after this sequence',
  }),
  type: Type.Optional(
    Type.String({
      maxLength: 1000,
      pattern: '^clientele\\.[a-z_.]+(,clientele\\.[a-z_.]+)*$',
      description: 'Types, separated by commas. One that ends with a dot is a prefix: clientele.customer.',
    }),
  ),
  subject: Type.Optional(
    Type.String({ maxLength: 100, pattern: '^[A-Za-z0-9_-]+$', description: 'Events about this alone' }),
  ),
};

const knownTypes = Object.keys(eventTypes);

const scope = 'events:read';
const common = { tag: 'Events', domain: 'Customer Event History', scope } as const;

type Deps = { services: Services; clock: Clock; health: Health; config: Config; metrics: Metrics };

export function eventRoutes(app: FastifyInstance, deps: Deps): void {
  const { health, config } = deps;
  const feed = openFeed(() => deps.services.database);
  app.addHook('onClose', async () => feed.close());
  const register = streamRegister({ perProcess: config.eventStreams, perCaller: config.eventStreamsPerKey });
  for (const component of [CloudEvent, EventPage]) app.addSchema(component);
  operation(app, {
    ...common,
    method: 'GET',
    path: '/v1/events',
    id: 'listEvents',
    summary: 'Read events',
    description:
      'What changed, as CloudEvents in a gap-free order. Keep `next_after` and send it as `after`: nothing is lost and nothing comes twice. With `wait` the reply comes as soon as there is an event. A page may be empty while `next_after` goes on: what you want is rare then.',
    patient: true,
    query: Strict({
      ...wanted,
      limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100, description: 'How many at most' }),
      wait: Type.Integer({
        minimum: 0,
        maximum: 30,
        default: 0,
        description: 'Seconds to wait for the first event',
      }),
    }),
    replies: {
      200: {
        description: 'Events in order',
        schema: Ref(EventPage),
        example: { data: [example], next_after: 42 },
      },
    },
    handler: async ({ ctx, query, request }) => {
      const isStopping = () => health.draining || request.raw.socket.destroyed;
      const { events, head } = await readEvents(
        feed,
        {
          after: query.after,
          limit: query.limit,
          filter: filterOf(query, knownTypes),
          reach: ctx.reach,
        },
        { seconds: query.wait, isStopping },
      );
      return { status: 200, body: { data: events.map(toCloudEvent), next_after: head } };
    },
  });
  operation(app, {
    ...common,
    method: 'GET',
    path: '/v1/events/stream',
    id: 'streamEvents',
    summary: 'Follow events as a stream',
    description:
      'The same events as server-sent events: `id` is the sequence, `data` the CloudEvent. A client that comes back sends the last id as `Last-Event-ID`, as browsers do by themselves, and nothing is lost and nothing comes twice. Ids also come without data: keep them, they are the place to go on from. The stream ends when the process stops, when the key is no longer valid, and when its reader takes too long.',
    patient: true,
    query: Strict(wanted),
    headers: { 'Last-Event-ID': 'The last id that was received; it goes before `after`' },
    problems: ['too_many_streams'],
    replies: {
      200: {
        description: 'Events as they come',
        schema: Type.String(),
        contentTypes: ['text/event-stream'],
        example: `id: 42\ndata: ${JSON.stringify(example)}\n\n`,
      },
    },
    handler: async ({ ctx, query, request, reply }) => {
      const after = lastEventId(request.headers['last-event-id']) ?? query.after;
      const filter = filterOf(query, knownTypes);
      const leave = register.enter(ctx.actor);
      deps.metrics.eventStreams.inc();
      const gone = new AbortController();
      reply.raw.once('close', () => {
        gone.abort();
        leave();
        deps.metrics.eventStreams.dec();
      });
      if (request.raw.method === 'HEAD') return { status: 200, headers: streamHeaders };
      const stream = eventStream({
        feed,
        after,
        filter,
        reach: () => reachOf(app, request, deps),
        heartbeatMilliseconds: config.eventStreamHeartbeatSeconds * 1000,
        gone: gone.signal,
        cut: () => {
          deps.metrics.eventStreamsCut.inc();
          reply.raw.destroy();
        },
      });
      return { status: 200, headers: streamHeaders, body: stream };
    },
  });
}

const streamHeaders = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  // proxies that gather replies would hold events back
  'X-Accel-Buffering': 'no',
  // whoever comes back may be led to another process
  Connection: 'close',
};

/** What the caller may see now. Undefined when it may no longer read, or the process stops. */
async function reachOf(app: FastifyInstance, request: FastifyRequest, deps: Deps) {
  if (deps.health.draining) return undefined;
  try {
    await app.authenticate(request, { scope, ofTheBank: false });
  } catch (error) {
    if (error instanceof DomainError) return undefined;
    // a database that is away refuses nobody, and tells nothing either
  }
  const dataScope = request.principal?.dataScope ?? null;
  // who is bound to nothing needs no clock
  if (dataScope === null) return { reach: null };
  return { reach: await reachAt(deps.services, dataScope, await deps.clock.now()) };
}

function lastEventId(header: string | string[] | undefined): number | undefined {
  if (header === undefined) return undefined;
  const sequence = /^\d{1,16}$/.test(String(header)) ? Number(header) : Number.NaN;
  if (Number.isSafeInteger(sequence)) return sequence;
  const message = 'must be an id that this feed gave';
  throw new DomainError('malformed_request', `Last-Event-ID ${message}.`, {
    errors: [{ in: 'header', pointer: '/last-event-id', code: 'pattern', message }],
  });
}
