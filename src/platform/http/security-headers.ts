/**
 * What browsers are told so that an answer of the API is never taken for a page, a script or a frame; who may call it
 * from a page; and where weaknesses are reported.
 */
import cors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';
import helmet from 'helmet';
import type { Config } from '../../config.js';
import { realNow } from '../clock.js';
import { listOf } from '../config-values.js';

/**
 * Helmet's header fields. They are the same for every reply, and so made once: made anew for each request, as its
 * plugin does, they would cost more than the read of a customer.
 */
export function securityFields(config: Config): Record<string, string> {
  const fields: Record<string, string> = {};
  const response = {
    setHeader: (name: string, value: string) => {
      fields[name] = value;
    },
    removeHeader: () => undefined,
  };
  const isHttpsAlone = config.hstsMaxAgeSeconds > 0;
  const apply = helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    crossOriginResourcePolicy: { policy: 'same-origin' },
    frameguard: { action: 'deny' },
    strictTransportSecurity: isHttpsAlone && { maxAge: config.hstsMaxAgeSeconds, includeSubDomains: false },
    // for browsers of long ago, and for pages alone
    xXssProtection: false,
    xDownloadOptions: false,
    xDnsPrefetchControl: false,
    xPermittedCrossDomainPolicies: false,
    originAgentCluster: false,
  });
  apply({} as never, response as never, () => undefined);
  return fields;
}

export function useSecurityHeaders(app: FastifyInstance, config: Config): void {
  const fields = securityFields(config);
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(fields);
    // also on what is refused before an operation sees it
    if (request.url.startsWith('/v1/')) reply.header('Cache-Control', 'no-store');
    done();
  });
}

/** Fields of a reply that a page's script may read, beside those that it always may. */
const exposed = [
  'Content-Language',
  'Deprecation',
  'ETag',
  'Idempotent-Replayed',
  'Link',
  'Location',
  'Preference-Applied',
  'RateLimit',
  'RateLimit-Policy',
  'Retry-After',
  'Sunset',
  'Traceparent',
  'Upload-Offset',
  'WWW-Authenticate',
  'X-Request-Id',
];
/** Fields that a page's script may send. */
const accepted = [
  'Accept-Language',
  'Authorization',
  'Content-Type',
  'Idempotency-Key',
  'If-Match',
  'If-None-Match',
  'Last-Event-ID',
  'Prefer',
  'Repr-Digest',
  'Traceparent',
  'Tracestate',
  'Upload-Complete',
  'Upload-Offset',
  'X-Purpose',
  'X-Request-Id',
];

/** Off until origins are named: they are compared as they stand, and no cookies or other credentials of the browser go with them. */
export async function useCors(app: FastifyInstance, config: Config): Promise<void> {
  if (config.corsOrigins === undefined) return;
  await app.register(cors, {
    origin: listOf(config.corsOrigins),
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowedHeaders: accepted,
    exposedHeaders: exposed,
    credentials: false,
    maxAge: 600,
    // what is no preflight is told which methods there are
    strictPreflight: false,
  });
}

const day = 86_400_000;
/** RFC 9116 asks for less than a year: a copy that nobody renews goes out of use by itself. */
const validDays = 180;

/** `/.well-known/security.txt`, RFC 9116. */
export function securityTxt(app: FastifyInstance, contact: string | undefined): void {
  if (contact === undefined) return;
  app.get('/.well-known/security.txt', { schema: { hide: true } }, async (_request, reply) => {
    const expires = new Date(Math.floor(Date.parse(realNow()) / day + validDays) * day).toISOString();
    const lines = [`Contact: ${contact}`, `Expires: ${expires}`, 'Preferred-Languages: en, zh'];
    return reply.header('Content-Type', 'text/plain; charset=utf-8').send(`${lines.join('\r\n')}\r\n`);
  });
}
