/** What comes with a request beside its parameters, and how an answer goes out. */
import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { TSchema } from 'typebox';
import type { Ctx, IdempotentRequest } from '../context.js';
import { DomainError } from '../errors.js';
import { linkOfPage, prefers } from './conventions.js';

export const jsonType = 'application/json';

export type Reply = {
  status: number;
  /** a stream is sent as it comes */
  body?: unknown;
  headers?: Record<string, string | undefined>;
};

export function send(request: FastifyRequest, reply: FastifyReply, ctx: Ctx, answer: Reply): FastifyReply {
  reply.code(answer.status).header('Cache-Control', 'no-store');
  if (ctx.replayed) reply.header('Idempotent-Replayed', 'true');
  if (answer.status === 202 && prefers(request, 'respond-async'))
    reply.header('Preference-Applied', 'respond-async');
  const link = linkOfPage(request, answer.body);
  if (link !== undefined) reply.header('Link', link);
  for (const [name, value] of Object.entries(answer.headers ?? {}))
    if (value !== undefined) reply.header(name, value);
  return answer.body === undefined ? reply.send() : reply.send(answer.body);
}

export function checkBodyType(
  op: { body?: TSchema; bodyTypes?: readonly string[]; bodyOptional?: boolean },
  request: FastifyRequest,
): void {
  if (op.body === undefined && op.bodyTypes === undefined) return;
  if (op.bodyOptional === true && request.headers['content-type'] === undefined) return;
  const allowed = op.bodyTypes ?? [jsonType];
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
  if (type !== undefined && allowed.includes(type)) return;
  throw new DomainError('unsupported_media_type', `Send ${allowed.join(' or ')}.`);
}

/** A quoted string by the draft; a bare one is taken too. */
export function idempotencyOf(
  op: { id: string; idempotent?: true | 'required' },
  request: FastifyRequest,
): IdempotentRequest | undefined {
  const header = request.headers['idempotency-key'];
  if (op.idempotent === undefined || header === undefined) return undefined;
  const key = /^\s*(?:"([\x21\x23-\x5b\x5d-\x7e]{1,255})"|([\x21\x23-\x5b\x5d-\x7e]{1,255}))\s*$/.exec(
    String(header),
  );
  if (key === null) {
    const message = 'must be 1 to 255 visible ASCII characters, quoted or bare';
    throw new DomainError('malformed_request', `Idempotency-Key ${message}.`, {
      errors: [{ in: 'header', pointer: '/idempotency-key', code: 'pattern', message }],
    });
  }
  const reach = request.principal?.dataScope ?? null;
  const content = JSON.stringify([
    request.params,
    request.query,
    request.body ?? null,
    // the next token of the same principal may reach others: it must not be told what this one was
    ...(reach === null ? [] : [reach]),
  ]);
  return {
    key: key[1] ?? key[2] ?? '',
    operation: op.id,
    requestHash: createHash('sha256').update(content).digest(),
  };
}
