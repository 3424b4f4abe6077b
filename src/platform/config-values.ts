/** What the variables of the configuration may hold, and how lists among them are read. */
import { isIP } from 'node:net';
import { parseKeys } from './key-file.js';
import { isSecureUrl } from './secure-url.js';

export function isWord(value: string) {
  return /^[A-Za-z0-9.:_%-]+$/.test(value);
}

export function isUrlOf(...protocols: string[]) {
  return (value: string) => URL.canParse(value) && protocols.includes(new URL(value).protocol);
}

/** The parts of a comma-separated list. */
export const listOf = (value: string | undefined): string[] =>
  (value ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

export function isAddressList(value: string) {
  const parts = listOf(value);
  return parts.length > 0 && parts.every(isAddressOrNetwork);
}

function isAddressOrNetwork(part: string) {
  const [address = '', bits, ...rest] = part.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return bits === undefined || (/^[1-9]\d{0,2}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

export function isOriginList(value: string) {
  const parts = listOf(value);
  return (
    parts.length > 0 &&
    parts.every((part) => isUrlOf('https:', 'http:')(part) && new URL(part).origin === part)
  );
}

/** OpenID Connect Discovery 1.0, 2: no query and no fragment. */
export function isIssuer(value: string) {
  return isSecureUrl(value) && !/[?#]/.test(value);
}

/** Asymmetric ones alone: with a shared secret whoever can check a token could make one. */
export const tokenAlgorithms = ['RS256', 'PS256', 'ES256', 'EdDSA'] as const;

export function isAlgorithmList(value: string) {
  const names = value.split(',');
  const known: readonly string[] = tokenAlgorithms;
  return names.every((name) => known.includes(name)) && new Set(names).size === names.length;
}

export function isKeyList(value: string) {
  try {
    return parseKeys(value) !== undefined;
  } catch {
    return false;
  }
}

export function isInstant(value: string) {
  const match = /^(\d{4}-\d{2}-\d{2})T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})$/.exec(value);
  if (!match || Number.isNaN(Date.parse(value))) return false;
  // The engine rolls 30 February over into March; the calendar has no such day.
  return new Date(`${match[1]}T00:00:00Z`).toISOString().startsWith(match[1] ?? '');
}
