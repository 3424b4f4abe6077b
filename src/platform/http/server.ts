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
import { DomainError } from '../errors.js';
import type { Logger } from '../log.js';
import { parseJson } from './body.js';
import type { Health } from './health.js';
import { refuseSocket, sendProblem } from './problems.js';
import { Problem } from './schemas.js';
import { validatorCompiler } from './validation.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** the body may take as long as an import's */
    patient?: boolean;
  }
}

/** A caller's request id is kept where it is a UUID: anything else could carry data into the logs. */
const requestId = (header: string | string[] | undefined) =>
  typeof header === 'string' && validate(header) ? header : randomUUID();

export function createServer(config: Config, log: Logger): FastifyInstance {
  const options: FastifyHttpOptions<Server, FastifyBaseLogger> = {
    loggerInstance: log,
    // one line a request is written below, with the route's pattern instead of the path
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: (request) => requestId(request.headers['x-request-id']),
    bodyLimit: config.bodyLimitBytes,
    // Node.js has one bound for all; those that are not patient are bounded in `useRequestRules`
    requestTimeout: config.importTimeoutSeconds * 1000,
    http: {
      headersTimeout: 15_000,
      connectionsCheckingInterval: 2000,
      requireHostHeader: false,
      maxHeaderSize: 16_384,
    },
    keepAliveTimeout: 72_000,
    forceCloseConnections: false,
    exposeHeadRoutes: true,
    routerOptions: { maxParamLength: 512 },
    frameworkErrors: (error, request, reply) => {
      sendProblem(error, request as unknown as FastifyRequest, reply as unknown as FastifyReply);
    },
    clientErrorHandler: (error, socket) => refuseSocket(error, socket as Socket, randomUUID()),
    schemaController: {
      compilersFactory: {
        buildValidator: (shared: unknown) => validatorCompiler(shared as Record<string, unknown>) as never,
      },
    },
  };
  const app: FastifyInstance = fastify(options);
  app.addSchema(Problem);
  return app;
}

/** JSON is parsed here; what imports send is passed on as the stream that it is. */
export function useParsers(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  const parse = (
    _request: FastifyRequest,
    bytes: Buffer,
    done: (error: Error | null, value?: unknown) => void,
  ) => {
    try {
      done(null, parseJson(bytes));
    } catch (error) {
      done(error as Error);
    }
  };
  app.addContentTypeParser(
    ['application/json', 'application/merge-patch+json'],
    { parseAs: 'buffer' },
    parse as never,
  );
  app.addContentTypeParser(
    ['application/x-ndjson', 'text/csv', 'application/offset+octet-stream'],
    (_request, payload, done) => done(null, payload),
  );
}

/** Host, charset, time, headers of the reply, and one log line, for every request. */
export function useRequestRules(app: FastifyInstance, timeoutSeconds: number, health: Health): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.header('X-Request-Id', request.id);
    if (health.draining) reply.header('Connection', 'close');
    if (request.headers.host === undefined && request.raw.httpVersion !== '1.0') {
      throw new DomainError('malformed_request', 'The Host header is missing.');
    }
    const charset = /charset\s*=\s*"?([\w-]+)/i.exec(request.headers['content-type'] ?? '')?.[1];
    if (charset !== undefined && !/^(utf-8|gb18030)$/i.test(charset)) {
      throw new DomainError('unsupported_media_type', 'Send UTF-8.');
    }
    if (request.routeOptions.config.patient !== true) boundArrival(request, timeoutSeconds);
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

/** A body that trickles in is cut off. */
function boundArrival(request: FastifyRequest, timeoutSeconds: number): void {
  const { raw } = request;
  if (raw.complete || (raw.headers['content-length'] ?? '0') === '0') return;
  const timer = setTimeout(() => raw.destroy(), timeoutSeconds * 1000);
  timer.unref();
  raw.once('close', () => clearTimeout(timer));
  raw.once('end', () => clearTimeout(timer));
}
