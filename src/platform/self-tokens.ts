/**
 * Tokens for one customer, which a back end gets for its own key or token (RFC 8693) and uses for that customer's
 * session. They are sealed with the deployment's own key: opaque to whoever holds them, good on every process without a
 * store, and read by nobody but this service, so that there is no format to agree on and no algorithm to choose.
 */
import { realNow } from './clock.js';
import type { Principal } from './context.js';
import type { Scope } from './scopes.js';
import type { Keyring } from './secrets.js';

/** What a token for one customer may be good for at most; what changes something is asked for by name. */
export const selfScopes = {
  reading: [
    'customers:read',
    'customers:read_sensitive',
    'activities:read',
    'segments:read',
    'organization:read',
  ],
  writing: ['customers:write', 'activities:write'],
} as const satisfies Record<string, readonly Scope[]>;

export const allSelfScopes: readonly Scope[] = [...selfScopes.reading, ...selfScopes.writing];

export type SelfToken = {
  customer: string;
  scopes: readonly string[];
  /** who got it, and acts with it */
  actor: string;
  /** the key that it was got with: it ends with that key */
  keyId: string | null;
  /** RFC 3339, of the real clock */
  expiresAt: string;
};

const place = 'self_token';

export const writeSelfToken = (keyring: Keyring, token: SelfToken): string =>
  `ct_${keyring.encrypt(JSON.stringify(token), place).toString('base64url')}`;

/** What a token says that was written here and has not expired. */
export function readSelfToken(keyring: Keyring, text: string): SelfToken | undefined {
  const sealed = /^ct_([\w-]{40,2000})$/.exec(text)?.[1];
  if (sealed === undefined) return undefined;
  let token: SelfToken;
  try {
    token = JSON.parse(keyring.decrypt(Buffer.from(sealed, 'base64url'), place)) as SelfToken;
  } catch {
    // made elsewhere, or changed
    return undefined;
  }
  return Date.parse(token.expiresAt) > Date.parse(realNow()) ? token : undefined;
}

/** Whoever holds it reaches the one customer, with what it was given as far as its giver still has it. */
export function principalOf(token: SelfToken, giver: ReadonlySet<string> | undefined): Principal {
  const has = (scope: string) => giver === undefined || giver.has(scope) || giver.has('admin');
  const scopes = token.scopes.filter((scope) => allSelfScopes.some((one) => one === scope) && has(scope));
  return {
    actor: token.actor,
    onBehalfOf: `customer:${token.customer}`,
    scopes: new Set(scopes),
    dataScope: { customer: token.customer },
  };
}
