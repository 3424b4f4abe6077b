/** The HTTP server's own limits, the parsers of bodies, and what holds for every request. */
import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import fastify, {
  type FastifyBaseLogger,
  type FastifyHttpOptions,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify';
import { validate } from 'uuid';
import type { Config } from '../../config.js';
import { listOf } from '../config-values.js';
import { DomainError } from '../errors.js';
import type { Logger } from '../log.js';
import { parseForm, parseJson } from './body.js';
import type { Health } from './health.js';
import { refuseSocket, sendProblem } from './problems.js';
import { FieldProblem, Problem } from './schemas.js';
import { securityFields } from './security-headers.js';
import { serializerCompiler } from './serialization.js';
import { validatorCompiler } from './validation.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** the body may take as long as an import's */
    patient?: boolean;
    /** whatever comes as a body elsewhere is passed over */
    takesBody?: boolean;
  }
}

/** A caller's request id is kept where it is a UUID: anything else could carry data into the logs. */
const requestId = (header: string | string[] | undefined) =>
  typeof header === 'string' && validate(header) ? header : randomUUID();

export function createServer(config: Config, log: Logger): FastifyInstance {
  const fields = securityFields(config);
  const options: FastifyHttpOptions<Server, FastifyBaseLogger> = {
    loggerInstance: log,
    // one line a request is written below, with the route's pattern instead of the path
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: (request) => requestId(request.headers['x-request-id']),
    bodyLimit: config.bodyLimitBytes,
    trustProxy: config.trustedProxies === undefined ? false : listOf(config.trustedProxies),
    // Node.js has one bound for all; those that are not patient are bounded in `useRequestRules`
    requestTimeout: Math.max(config.importTimeoutSeconds, config.headersTimeoutSeconds) * 1000,
    http: {
      headersTimeout: config.headersTimeoutSeconds * 1000,
      connectionsCheckingInterval: Math.min(2000, config.headersTimeoutSeconds * 500),
      requireHostHeader: false,
      maxHeaderSize: 16_384,
    },
    keepAliveTimeout: config.keepAliveTimeoutSeconds * 1000,
    forceCloseConnections: false,
    // while it closes, connections that are left are answered as before: a 503 of the framework's is no problem+json
    return503OnClosing: false,
    exposeHeadRoutes: true,
    routerOptions: { maxParamLength: 512 },
    // no hook has run by then
    frameworkErrors: (error, request, reply) => {
      reply.headers(fields);
      sendProblem(error, request as unknown as FastifyRequest, reply as unknown as FastifyReply);
    },
    clientErrorHandler: (error, socket) => refuseSocket(error, socket as Socket, randomUUID()),
    schemaController: {
      compilersFactory: {
        buildSerializer: serializerCompiler,
        buildValidator: (shared: unknown) => validatorCompiler(shared as Record<string, unknown>) as never,
      },
    },
  };
  const app: FastifyInstance = fastify(options);
  // Node.js would drop what is above its bound in silence, an `If-Match` as well: here too many are refused
  app.server.maxHeadersCount = 0;
  app.addSchema(FieldProblem);
  app.addSchema(Problem);
  return app;
}

const formType = 'application/x-www-form-urlencoded';

/** JSON and forms are parsed here; what imports send is passed on as the stream that it is. */
export function useParsers(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  const parsed =
    (read: (bytes: Buffer) => unknown) =>
    (_request: FastifyRequest, bytes: Buffer, done: (error: Error | null, value?: unknown) => void) => {
      try {
        done(null, read(bytes));
      } catch (error) {
        done(error as Error);
      }
    };
  const asBuffer = { parseAs: 'buffer' } as const;
  app.addContentTypeParser(['application/json', 'application/merge-patch+json'], asBuffer, parsed(parseJson));
  app.addContentTypeParser(formType, asBuffer, parsed(parseForm));
  app.addContentTypeParser(
    ['application/x-ndjson', 'text/csv', 'application/offset+octet-stream'],
    (_request, payload, done) => done(null, payload),
  );
}

/** What every reply says, whoever answers. */
export function useReplyFields(app: FastifyInstance, health: Health): void {
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('X-Request-Id', request.id);
    if (health.draining) reply.header('Connection', 'close');
    done();
  });
}

const headerFieldsMax = 100;

/** Host, charset, time, and one log line, for every request. */
export function useRequestRules(app: FastifyInstance, timeoutSeconds: number): void {
  app.addHook('onRequest', async (request, reply) => {
    if (request.raw.rawHeaders.length > headerFieldsMax * 2)
      throw new DomainError('headers_too_large', `Send at most ${headerFieldsMax} header fields.`);
    if (request.headers.host === undefined && request.raw.httpVersion !== '1.0') {
      throw new DomainError('malformed_request', 'The Host header is missing.');
    }
    checkTarget(request.raw.url ?? '');
    const { patient, takesBody } = request.routeOptions.config;
    if (patient !== true) boundArrival(request, reply, timeoutSeconds);
    if (takesBody !== true) return passOverBody(request);
    checkCharset(request.headers['content-type'] ?? '');
    checkEncoding(request.headers['content-encoding'] ?? '');
  });
  app.addHook('onResponse', async (request, reply) => {
    const line = {
      requestId: request.id,
      method: request.method,
      route: request.routeOptions.url,
      status: reply.statusCode,
      milliseconds: Math.round(reply.elapsedTime * 10) / 10,
    };
    request.log.debug(line, 'request');
  });
}

/** Path and query are ASCII that decodes to UTF-8 without NUL. The router's own decoder lets the rest through. */
function checkTarget(target: string): void {
  if (/^[\x21-\x7e]*$/.test(target)) {
    if (!target.includes('%')) return;
    try {
      if (!decodeURIComponent(target).includes('\u0000')) return;
    } catch {
      // refused below
    }
  }
  throw new DomainError('malformed_request', 'The path or the query is not percent-encoded UTF-8 text.');
}

/** JSON is UTF-8; only what imports send may be in the other encoding of China's systems. */
function checkCharset(contentType: string): void {
  const charset = /;\s*charset\s*=\s*"?([\w-]+)/i.exec(contentType)?.[1]?.toLowerCase();
  if (charset === undefined || charset === 'utf-8') return;
  if (charset === 'gb18030' && /^\s*(text\/csv|application\/x-ndjson)\b/i.test(contentType)) return;
  throw new DomainError('unsupported_media_type', 'Send UTF-8.');
}

/** What is compressed would be taken for what it is not: nothing here undoes it. */
function checkEncoding(encoding: string): void {
  if (/^\s*(identity)?\s*$/i.test(encoding)) return;
  throw new DomainError('unsupported_media_type', 'Send the body as it is, without Content-Encoding.');
}

/** The framework would parse it, and refuse what it cannot, for operations and paths that have no use for a body. */
function passOverBody({ raw }: FastifyRequest): void {
  for (const name of ['content-type', 'content-length', 'transfer-encoding']) delete raw.headers[name];
}

/** A body that trickles in is cut off. */
function boundArrival(request: FastifyRequest, reply: FastifyReply, timeoutSeconds: number): void {
  const { raw } = request;
  const isEmpty =
    raw.headers['transfer-encoding'] === undefined && !Number(raw.headers['content-length'] ?? 0);
  if (raw.complete || isEmpty) return;
  const timer = setTimeout(() => {
    // whoever reads the body is told, and the caller by it; a body that nobody reads is just cut
    if (raw.listenerCount('error') === 0 || reply.sent) {
      raw.destroy();
      return;
    }
    reply.header('Connection', 'close');
    raw.emit('error', new DomainError('request_timeout', 'The body was not complete in time.'));
  }, timeoutSeconds * 1000);
  timer.unref();
  raw.once('close', () => clearTimeout(timer));
  raw.once('end', () => clearTimeout(timer));
}
