/** The one kind of error that operations throw. It becomes application/problem+json (RFC 9457). */
import { type ProblemCode, problems } from './problem-codes.js';

/** One thing that the caller is to change: `pointer` is an RFC 6901 pointer into the part of the request that `in` names. */
export type FieldProblem = {
  in?: 'body' | 'query' | 'path' | 'header';
  pointer: string;
  code: string;
  message: string;
  /** for rules: the fact, field or measure that is concerned, its type, what it allows, and the nearest name */
  fact?: string;
  type?: string;
  allowed?: string[];
  nearest?: string;
};

/** What `WWW-Authenticate` says beside `Bearer` (RFC 6750, 3). */
export type Challenge = { error: 'invalid_token' } | { error: 'insufficient_scope'; scope: string };

type Details = {
  errors?: FieldProblem[];
  retryAfterSeconds?: number;
  extra?: Record<string, unknown>;
  challenge?: Challenge;
};

export class DomainError extends Error {
  override readonly name = 'DomainError';
  readonly code: ProblemCode;
  readonly status: number;
  readonly details: Details;

  /** @param detail what happened and what to do, without personal data: it goes to the caller as it stands */
  constructor(code: ProblemCode, detail: string, details: Details = {}) {
    super(detail);
    this.code = code;
    this.status = problems[code].status;
    this.details = details;
  }
}

/** What is wrong with one field of the body. */
export const bodyProblem = (pointer: string, code: string, message: string): FieldProblem => ({
  in: 'body',
  pointer,
  code,
  message,
});

/** A 422 about one field of the body. */
export const fieldError = (pointer: string, code: string, message: string): DomainError =>
  new DomainError('rule_broken', message, { errors: [bodyProblem(pointer, code, message)] });

/** A 422 with all that is wrong: there is something. */
export const brokenRules = (problems: FieldProblem[]): DomainError =>
  new DomainError('rule_broken', problems[0]?.message ?? 'A rule is broken.', { errors: problems });

/** The one reply for what does not exist and for what lies outside the caller's data scope. */
export const notFound = (what: string) => new DomainError('not_found', `No such ${what}.`);

/** The same of what a place in the body names. */
export const namesNone = (pointer: string, what: string) =>
  new DomainError('not_found', `No such ${what}.`, {
    errors: [{ in: 'body', pointer, code: 'not_found', message: `names no ${what}` }],
  });

/** A 401 for whoever has sent a key or a token. `detail` goes into a header field: ASCII without quotes. */
export const invalidToken = (detail: string) =>
  new DomainError('unauthenticated', detail, { challenge: { error: 'invalid_token' } });

export const insufficientScope = (scope: string, detail: string) =>
  new DomainError('insufficient_scope', detail, { challenge: { error: 'insufficient_scope', scope } });
