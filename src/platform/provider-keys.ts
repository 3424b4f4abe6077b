/**
 * The public keys of the OpenID provider. They are read when the first token comes, again after a while, and when a
 * token names a key that is not known, but no sooner than the cool-down allows: forged key ids do not reach the
 * provider. While it does not answer, the keys that were read last stay good for a day, and nobody who has one of
 * them waits for it.
 */
import {
  createRemoteJWKSet,
  customFetch,
  errors,
  type JWKSCacheInput,
  type JWTVerifyGetKey,
  jwksCache,
} from 'jose';
import { realNow } from './clock.js';
import { DomainError } from './errors.js';
import { isSecureUrl } from './secure-url.js';

export type ProviderSettings = {
  issuer: string;
  /** undefined: where the discovery document says */
  jwksUrl: string | undefined;
  keysMaxAgeSeconds: number;
  keysCooldownSeconds: number;
};

const timeoutMilliseconds = 3000;
/** Between two attempts while the provider fails. */
const retrySeconds = 5;
/** A day without the provider: whoever keeps it from answering keeps a key alive no longer. */
const staleMilliseconds = 86_400_000;

/** It failed a moment ago: it is not asked again yet. */
class ProviderFailed extends Error {}

const unavailable = () =>
  new DomainError('unavailable', 'The keys of the OpenID provider cannot be had right now.', {
    retryAfterSeconds: retrySeconds,
  });

/** What is wrong with the token, and not with the provider. */
const isOfToken = (error: unknown) =>
  error instanceof errors.JWKSNoMatchingKey ||
  error instanceof errors.JWKSMultipleMatchingKeys ||
  error instanceof errors.JOSENotSupported;

const now = () => Date.parse(realNow());

/** Finds the key of a token. Throws 503 where it cannot know whether there is one. */
export function providerKeys(
  settings: ProviderSettings,
  onFailure: (error: unknown) => void,
): JWTVerifyGetKey {
  const cache: JWKSCacheInput = {};
  let failedAt = 0;
  const readAt = () => (cache as { uat?: number }).uat ?? 0;
  const isFailing = () => failedAt > readAt();
  const remote = createRemoteJWKSet(new URL(settings.jwksUrl ?? settings.issuer), {
    timeoutDuration: timeoutMilliseconds,
    cooldownDuration: settings.keysCooldownSeconds * 1000,
    // when they are read again is decided below: here whoever comes would wait for it
    cacheMaxAge: Number.POSITIVE_INFINITY,
    [jwksCache]: cache,
    [customFetch]: async (_url, options) => {
      if (isFailing() && now() < failedAt + retrySeconds * 1000) throw new ProviderFailed();
      return fetch(settings.jwksUrl ?? (await discoverJwksUrl(settings.issuer, options.signal)), options);
    },
  });
  const noteFailure = (error: unknown) => {
    if (error instanceof ProviderFailed) return;
    // all who waited for the one attempt come here
    if (!isFailing() || now() >= failedAt + retrySeconds * 1000) onFailure(error);
    failedAt = now();
  };
  const maxAge = settings.keysMaxAgeSeconds * 1000;
  return async (header, token) => {
    const age = now() - readAt();
    if (age > maxAge / 2) {
      const mayGoOn = age <= maxAge || (isFailing() && age <= staleMilliseconds);
      const reading = remote.reload().catch(noteFailure);
      if (!mayGoOn) await reading;
    }
    if (now() - readAt() > staleMilliseconds) throw unavailable();
    try {
      return await remote(header, token);
    } catch (error) {
      if (isOfToken(error)) throw error;
      noteFailure(error);
      throw unavailable();
    }
  };
}

/** OpenID Connect Discovery 1.0, 4: what it says is taken only where it names the issuer that was asked. */
async function discoverJwksUrl(issuer: string, signal: AbortSignal): Promise<string> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const reply = await fetch(url, { signal, redirect: 'error', headers: { Accept: 'application/json' } });
  if (reply.status !== 200) throw new Error(`the discovery document came with the status ${reply.status}`);
  const document = (await reply.json()) as { issuer?: unknown; jwks_uri?: unknown } | null;
  if (document?.issuer !== issuer) throw new Error('the discovery document is of another issuer');
  if (typeof document.jwks_uri !== 'string' || !isSecureUrl(document.jwks_uri)) {
    throw new Error('the discovery document names no URL of keys that is protected');
  }
  return document.jwks_uri;
}
