/** The headers of uploads: where they go on, whether they end the body, and what the whole of it must be. */
import type { IncomingHttpHeaders } from 'node:http';
import { DomainError } from '../platform/errors.js';

function wrong(name: string, message: string): DomainError {
  return new DomainError('malformed_request', `${name} ${message}.`, {
    errors: [{ in: 'header', pointer: `/${name.toLowerCase()}`, code: 'format', message }],
  });
}

export function uploadOffset(headers: IncomingHttpHeaders): number {
  const text = String(headers['upload-offset'] ?? '');
  if (!/^(0|[1-9]\d{0,14})$/.test(text)) throw wrong('Upload-Offset', 'must be a number of bytes');
  return Number(text);
}

/** A boolean of structured fields (RFC 9651): `?1` is as good as nothing. */
export function isUploadComplete(headers: IncomingHttpHeaders): boolean {
  const text = String(headers['upload-complete'] ?? '?1').trim();
  if (text !== '?0' && text !== '?1') throw wrong('Upload-Complete', 'must be ?0 or ?1');
  return text === '?1';
}

/** SHA-256 in base64, of the header or in hexadecimal of `control_sha256`; other algorithms beside it are passed over. Undefined where nothing is announced. */
export function announcedDigest(headers: IncomingHttpHeaders, hex: string | undefined): string | undefined {
  const header = headers['repr-digest'];
  const stated = hex === undefined ? undefined : Buffer.from(hex, 'hex').toString('base64');
  if (header === undefined) return stated;
  const digest = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):\s*(?:,|$)/.exec(String(header))?.[1];
  if (digest === undefined) throw wrong('Repr-Digest', 'must hold a SHA-256 as `sha-256=:…:`');
  if (stated !== undefined && stated !== digest) throw wrong('Repr-Digest', 'must be `control_sha256`');
  return digest;
}
