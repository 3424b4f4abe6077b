/**
 * Access tokens of the bank's OpenID provider: JWTs by RFC 9068, checked as RFC 8725 asks. The algorithms are fixed
 * here and never taken from the token; type, issuer, audience and times must be there and be right. Tokens that are
 * no access tokens, such as ID tokens, have another type.
 */
import { errors, type JWTVerifyOptions, jwtVerify } from 'jose';
import type { Principal } from './context.js';
import { DomainError, invalidToken } from './errors.js';
import type { Logger } from './log.js';
import { type ProviderSettings, providerKeys } from './provider-keys.js';
import { readClaims, type Unbound } from './token-claims.js';

export type TokenSettings = ProviderSettings & {
  audience: string;
  /** names of JWA, asymmetric ones */
  algorithms: readonly string[];
  tokenMaxAgeSeconds: number;
  unbound: Unbound;
};

/** FAPI 2.0 Security Profile, 5.3.2.1: a clock may be ahead of ours by so much. */
const clockToleranceSeconds = 10;

/** Finds the principal of a token. Throws 401, or 503 where the provider's keys cannot be had. */
export function tokenAuthenticator(
  settings: TokenSettings,
  log: Logger,
): (token: string) => Promise<{ principal: Principal; until: string | null }> {
  const keys = providerKeys(settings, (error) =>
    log.warn({ err: error }, 'the keys of the OpenID provider cannot be had'),
  );
  const options: JWTVerifyOptions = {
    // RFC 9864 has a name of its own for the one curve that is meant
    algorithms: settings.algorithms.flatMap((name) => (name === 'EdDSA' ? ['EdDSA', 'Ed25519'] : [name])),
    issuer: settings.issuer,
    audience: settings.audience,
    typ: 'at+jwt',
    requiredClaims: ['exp', 'iat', 'sub', 'client_id'],
    clockTolerance: clockToleranceSeconds,
    maxTokenAge: settings.tokenMaxAgeSeconds,
  };
  return async (token) => {
    const { payload } = await jwtVerify(token, keys, options).catch((error: unknown) => {
      throw refusalOf(error, log);
    });
    const read = readClaims(payload, settings.unbound);
    if (!read.ok) throw invalidToken(read.reason);
    const { exp } = payload;
    return {
      principal: read.principal,
      until: exp === undefined ? null : new Date(exp * 1000).toISOString(),
    };
  };
}

/** What may be told of a claim: its name, where we know it. */
const knownClaims = ['typ', 'iss', 'aud', 'exp', 'nbf', 'iat', 'sub', 'client_id'];

/** Nothing of the token is repeated: what it holds came from anybody. */
function refusalOf(error: unknown, log: Logger): DomainError {
  if (error instanceof DomainError) return error;
  if (error instanceof errors.JWTExpired) {
    return invalidToken(error.claim === 'iat' ? 'The token is too old.' : 'The token has expired.');
  }
  if (error instanceof errors.JWTClaimValidationFailed) {
    const claim = knownClaims.includes(error.claim) ? error.claim : 'type';
    return invalidToken(`The ${claim} of the token is missing or is not what is asked for.`);
  }
  if (error instanceof errors.JOSEAlgNotAllowed) {
    return invalidToken('The algorithm of the token is not allowed.');
  }
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) {
    return invalidToken('The token names no key of the provider.');
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return invalidToken('The signature of the token is wrong.');
  }
  if (!(error instanceof errors.JOSEError)) log.warn({ err: error }, 'a token could not be checked');
  return invalidToken('The token could not be read.');
}
