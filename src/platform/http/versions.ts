/**
 * ETags are versions: `"v7"`, or `"v7m"` where identifying fields are masked. What also changes with time alone says its
 * state beside it: `"v7-x1y2"`. Each names version 7.
 */
import { createHash } from 'node:crypto';
import { DomainError } from '../errors.js';
import type { Reply } from './exchange.js';

export const etagOf = (version: number, masked = false): string => `"v${version}${masked ? 'm' : ''}"`;

/** Of what changes with time alone, too: `state` is what does. */
export const etagWithState = (version: number, state: unknown): string =>
  `"v${version}-${digestOf(state).slice(0, 10)}"`;

const digestOf = (content: unknown) =>
  createHash('sha256').update(JSON.stringify(content)).digest('base64url');

/** RFC 9110, 8.8.3: in quotes, and `W/` before a weak one. */
const entityTag = /^\s*(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"\s*$/;

/**
 * The versions that an `If-Match` names; undefined for `*`. What is no list of tags names none, even where a part of it
 * is a tag. Throws 428 without the header.
 */
export function requiredVersions(ifMatch: string | undefined): number[] | undefined {
  if (ifMatch === undefined) {
    throw new DomainError(
      'precondition_required',
      'Send the ETag of the version that you have read as If-Match.',
    );
  }
  if (ifMatch.trim() === '*') return undefined;
  const tags = ifMatch.split(',');
  if (!tags.every((tag) => entityTag.test(tag))) return [];
  return tags.flatMap((tag) => {
    const match = /^\s*"v(\d+)(?:m|-[\w-]+)?"\s*$/.exec(tag);
    return match === null ? [] : [Number(match[1])];
  });
}

/** Throws 412 unless the present version is among those that the caller has seen. */
export function checkVersion(expected: number[] | undefined, present: number): void {
  if (expected === undefined || expected.includes(present)) return;
  throw new DomainError('stale_version', `The present version is ${present}. Read it again and decide anew.`);
}

/** RFC 9110, 13.1.2: a weak comparison against the list, or `*`. */
export function matchesNone(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return true;
  if (ifNoneMatch.trim() === '*') return false;
  return !ifNoneMatch.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}

/** A single thing, or 304 where the caller has what the ETag names. */
export const unlessKnown = (ifNoneMatch: string | undefined, ETag: string, body: () => unknown): Reply =>
  matchesNone(ifNoneMatch, ETag)
    ? { status: 200, body: body(), headers: { ETag } }
    : { status: 304, headers: { ETag } };

/** What has no version of its own is told apart by its content: 304 where the caller has it. */
export const contentReply = (body: unknown, ifNoneMatch: string | undefined): Reply =>
  unlessKnown(ifNoneMatch, `"${digestOf(body).slice(0, 22)}"`, () => body);
