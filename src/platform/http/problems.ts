/**
 * Whatever goes wrong leaves as application/problem+json, from all the places where it can: handlers, unknown
 * routes, the framework's own checks, the HTTP parser, and the `Expect` header.
 */
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { DomainError, type FieldProblem } from '../errors.js';
import { type ProblemCode, problems } from '../problem-codes.js';
import { type Language, preferredLanguage } from './language.js';
import { methodNotAllowed } from './paths.js';

export const problemType = 'application/problem+json; charset=utf-8';

type ProblemBody = {
  type: string;
  title: string;
  status: number;
  detail: string;
  instance: string;
  code: string;
  errors?: FieldProblem[];
};

/** What happened in this case is written in English where it is thrown: Chinese puts what the code means before it. */
const detailIn = (language: Language, { code, message }: DomainError) => {
  const { description, descriptionZh } = problems[code];
  if (language === 'en') return message;
  return message === description ? descriptionZh : `${descriptionZh}（${message}）`;
};

export function problemBody(error: DomainError, requestId: string, language: Language = 'en'): ProblemBody {
  const { title, titleZh, status } = problems[error.code];
  return {
    type: `/docs/problems#${error.code}`,
    title: language === 'zh' ? titleZh : title,
    status,
    detail: detailIn(language, error),
    instance: `urn:uuid:${requestId}`,
    code: error.code,
    ...(error.details.errors === undefined ? {} : { errors: error.details.errors }),
    ...error.details.extra,
  };
}

const frameworkCodes: Record<string, ProblemCode> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_EMPTY_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'malformed_request',
  FST_ERR_CTP_INVALID_JSON_BODY: 'malformed_request',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'malformed_request',
  FST_ERR_BAD_URL: 'malformed_request',
  FST_ERR_MAX_PARAM_LENGTH: 'malformed_request',
  FST_ERR_ASYNC_CONSTRAINT: 'malformed_request',
  FST_ERR_REOPENED_CLOSE_SERVER: 'unavailable',
};

/**
 * PostgreSQL and the pool, where the answer is "not now": lost links, time-outs, shutdowns, too many clients, and
 * conflicts that came again at each try.
 */
const unavailableStates =
  /^(08...|57P0[1-5]|57014|55P03|53...|25P03|40001|40P01|ECONN.*|EHOST.*|ENET.*|EPIPE|ETIMEDOUT|ENOTFOUND|ENOENT|EAI_AGAIN)$/;
const unavailableMessages =
  /timeout exceeded when trying to connect|Query read timeout|Connection terminated|is not queryable|Cannot use a pool after/;

/** Any error as the one that the caller is told. What is not known stays silent. */
export function toDomainError(error: unknown): DomainError {
  if (error instanceof DomainError) return error;
  const { code, statusCode, message } = error as { code?: string; statusCode?: number; message?: string };
  const known = code === undefined ? undefined : frameworkCodes[code];
  if (known !== undefined) return new DomainError(known, problems[known].description);
  if ((code !== undefined && unavailableStates.test(code)) || unavailableMessages.test(message ?? '')) {
    return new DomainError('unavailable', 'The database does not answer right now.', {
      retryAfterSeconds: 1,
    });
  }
  // what PostgreSQL cannot take as data was malformed when it came
  if (code !== undefined && /^22...$/.test(code)) {
    return new DomainError('malformed_request', 'A value is out of the range that can be stored.');
  }
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new DomainError('malformed_request', 'The request could not be understood.');
  }
  return new DomainError('internal_error', 'Something went wrong here; it is logged under the request id.');
}

export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = toDomainError(error);
  // shedding is told of once in a while, where it is decided: under load a line a request would be load itself
  if (problem.status >= 500 && problem.code !== 'overloaded')
    request.log.error({ err: error, code: problem.code }, 'request failed');
  if (problem.details.retryAfterSeconds !== undefined)
    reply.header('Retry-After', problem.details.retryAfterSeconds);
  if (problem.code === 'unauthenticated' || problem.details.challenge !== undefined)
    reply.header('WWW-Authenticate', challengeOf(problem, request.routeOptions.config.browser === true));
  const language = preferredLanguage(request.headers['accept-language']);
  return reply
    .code(problem.status)
    .header('Content-Type', problemType)
    .header('Content-Language', language)
    .header('Cache-Control', 'no-store')
    .header('X-Request-Id', request.id)
    .send(JSON.stringify(problemBody(problem, request.id, language)));
}

/** RFC 6750, 3: whoever has sent nothing is told no error. A browser asks its user for what RFC 7617 has. */
function challengeOf({ code, message, details: { challenge } }: DomainError, isBrowser: boolean): string {
  if (isBrowser && code === 'unauthenticated') return 'Basic realm="Clientele", charset="UTF-8"';
  if (challenge === undefined) return 'Bearer';
  return challenge.error === 'invalid_token'
    ? `Bearer error="invalid_token", error_description="${message}"`
    : `Bearer error="insufficient_scope", scope="${challenge.scope}"`;
}

/** For a socket that never became a request. */
export function refuseSocket(error: NodeJS.ErrnoException, socket: Socket, requestId: string): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const code: ProblemCode =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? 'headers_too_large'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? 'request_timeout'
        : 'malformed_request';
  const { status, description } = problems[code];
  const body = JSON.stringify(problemBody(new DomainError(code, description), requestId));
  socket.end(
    `HTTP/1.1 ${status} ${code}\r\nContent-Type: ${problemType}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nCache-Control: no-store\r\nX-Request-Id: ${requestId}\r\nConnection: close\r\n\r\n${body}`,
  );
}

/** Error handler, and the reply for unknown paths, wrong methods and `OPTIONS`. */
export function useProblems(app: FastifyInstance, allowedMethods: (path: string) => string[]): void {
  app.setErrorHandler((error, request, reply) => sendProblem(error, request, reply));
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0] ?? '';
    const asks = request.method === 'OPTIONS';
    // `*` asks about the server as a whole: there is nothing to tell
    if (asks && path === '*') return reply.code(204).send();
    const allowed = allowedMethods(path);
    if (allowed.length === 0)
      return sendProblem(new DomainError('not_found', 'No such path.'), request, reply);
    reply.header('Allow', allowed.join(', '));
    if (asks) return reply.code(204).send();
    return sendProblem(methodNotAllowed(allowed), request, reply);
  });
  app.server.on('checkExpectation', (_request, response) => {
    const { status, description } = problems.expectation_failed;
    const requestId = randomUUID();
    const body = JSON.stringify(problemBody(new DomainError('expectation_failed', description), requestId));
    // its body may follow or not, so the connection cannot be used again
    response.writeHead(status, {
      'Content-Type': problemType,
      'Content-Length': Buffer.byteLength(body),
      'Cache-Control': 'no-store',
      'X-Request-Id': requestId,
      Connection: 'close',
    });
    response.end(body);
  });
}
