/**
 * What the claims of an access token say (RFC 9068): who calls, what they may do, and which customers they reach.
 *
 * `scope` holds our scopes, separated by spaces; those of others are passed over. The reach is told by one claim:
 * `clientele_branches` (codes), `clientele_manager` (staff code), `clientele_customer` (id), or `clientele_bank`
 * (true: the whole bank). A claim that does not have its form refuses the token, and so do two of them: nothing
 * that is wrong may widen what a caller reaches.
 */
import { validate } from 'uuid';
import type { DataScope, Principal } from './context.js';
import { allScopes } from './scopes.js';

/** What a token without any of the four claims is worth. */
export type Unbound = 'refuse' | 'bank';

export type ReadClaims = { ok: true; principal: Principal } | { ok: false; reason: string };

const refused = (reason: string) => ({ ok: false as const, reason });

const branchesMax = 1000;

/** @param claims of a token whose signature, issuer, audience and times are good */
export function readClaims(claims: Readonly<Record<string, unknown>>, unbound: Unbound): ReadClaims {
  const { sub, client_id: client, scope = '', cnf } = claims;
  if (!isName(sub)) return refused('The claim sub is not 1 to 255 characters of printable ASCII.');
  if (!isName(client)) return refused('The claim client_id is not 1 to 255 characters of printable ASCII.');
  if (typeof scope !== 'string') return refused('The claim scope is not a text.');
  // whoever stole it could use it here, which is what binding it to a key is to prevent
  if (cnf !== undefined) return refused('Tokens that are bound to a key of the sender are not taken.');
  const reach = readReach(claims, unbound);
  if (!reach.ok) return reach;
  // a client that acts for itself is never taken for a person, whatever name it was registered under (RFC 9068, 5)
  const actor = sub === client ? `oidc-client:${sub}` : `oidc:${sub}`;
  const known: readonly string[] = allScopes;
  const scopes = new Set(scope.split(' ').filter((one) => known.includes(one)));
  return { ok: true, principal: { actor, scopes, dataScope: reach.dataScope } };
}

/** OpenID Connect Core 1.0, 2: ASCII, at most 255 characters. */
const isName = (value: unknown): value is string =>
  typeof value === 'string' && /^[\x20-\x7e]{1,255}$/.test(value) && value.trim() !== '';

const isCode = (value: unknown, lengthMax: number): value is string =>
  typeof value === 'string' && value.length <= lengthMax && /^[^\p{Cc}\p{Cs}]+$/u.test(value);

type Reach = { ok: true; dataScope: DataScope } | { ok: false; reason: string };

const readers: Record<string, (value: unknown) => DataScope | undefined> = {
  clientele_branches: (value) => {
    const isList = Array.isArray(value) && value.length > 0 && value.length <= branchesMax;
    if (!isList || !value.every((code) => isCode(code, 40))) return undefined;
    // one order for the same reach: cursors and imports are bound to it
    return { branches: [...new Set(value as string[])].sort() };
  },
  clientele_manager: (value) => (isCode(value, 60) ? { manager: value } : undefined),
  clientele_customer: (value) =>
    typeof value === 'string' && validate(value) ? { customer: value.toLowerCase() } : undefined,
  clientele_bank: (value) => (value === true ? null : undefined),
};

function readReach(claims: Readonly<Record<string, unknown>>, unbound: Unbound): Reach {
  const stated = Object.keys(readers).filter((name) => claims[name] !== undefined);
  const [name, ...others] = stated;
  if (name === undefined) {
    if (unbound === 'bank') return { ok: true, dataScope: null };
    return refused(`The token names no data scope: one of ${Object.keys(readers).join(', ')}.`);
  }
  if (others.length > 0) return refused(`The token names several data scopes: ${stated.join(', ')}.`);
  const dataScope = readers[name]?.(claims[name]);
  return dataScope === undefined
    ? refused(`The claim ${name} does not have its form.`)
    : { ok: true, dataScope };
}
