/** ETags are versions: `"v7"`, or `"v7m"` where identifying fields are masked. Either names version 7. */
import { DomainError } from '../errors.js';

export const etagOf = (version: number, masked = false): string => `"v${version}${masked ? 'm' : ''}"`;

/** The versions that an `If-Match` names; undefined for `*`. Throws 428 without the header. */
export function requiredVersions(ifMatch: string | undefined): number[] | undefined {
  if (ifMatch === undefined) {
    throw new DomainError(
      'precondition_required',
      'Send the ETag of the version that you have read as If-Match.',
    );
  }
  if (ifMatch.trim() === '*') return undefined;
  return ifMatch.split(',').flatMap((tag) => {
    const match = /^\s*"v(\d+)m?"\s*$/.exec(tag);
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
