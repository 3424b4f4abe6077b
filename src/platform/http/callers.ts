/** Who calls: the API key or the access token becomes a principal, and the principal a context. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Config } from '../../config.js';
import { tokenAuthenticator } from '../access-tokens.js';
import { keyAuthenticator } from '../api-keys.js';
import { type Clock, realNow } from '../clock.js';
import type { Ctx, IdempotentRequest, Principal, Services } from '../context.js';
import { DomainError, insufficientScope, invalidToken } from '../errors.js';
import { recordKeyUse } from '../key-use.js';
import type { Logger } from '../log.js';
import { reachAt } from '../reach.js';
import { readSelfToken, principalOf as selfPrincipal } from '../self-tokens.js';
import { purposeOf } from './conventions.js';

declare module 'fastify' {
  interface FastifyRequest {
    principal: Caller | undefined;
  }
  interface FastifyContextConfig {
    /** browsers come to it by themselves: what a caller has may be the password of HTTP Basic, too */
    browser?: boolean;
  }
}

type Caller = Principal & {
  /** requests in a window; null: as many as any caller */
  readonly rateLimit: number | null;
  /** of the key; null: it is a token */
  readonly keyId: string | null;
  /** when the key or the token ends; null: it does not */
  readonly until: string | null;
};

type Deps = { services: Services; clock: Clock; config: Config; log: Logger };

const nobody: Principal = { actor: 'anonymous', scopes: new Set(), dataScope: null };

export function decorateCallers(app: FastifyInstance, { services, clock, config, log }: Deps): void {
  const identify = identifier(app, services, config, log);
  app.decorateRequest('principal', undefined);

  app.decorate('authenticate', async (request: FastifyRequest, { scope, ofTheBank }) => {
    if (scope === null) return;
    const credentials = credentialsOf(request);
    if (credentials === undefined) {
      throw new DomainError('unauthenticated', 'Send `Authorization: Bearer` with a valid API key or token.');
    }
    const principal = await identify(credentials);
    // whoever lacks a scope is known all the same
    request.principal = principal;
    if (!principal.scopes.has(scope) && !principal.scopes.has('admin')) {
      throw insufficientScope(scope, `This operation asks for the scope ${scope}.`);
    }
    if (ofTheBank && principal.dataScope !== null) {
      throw new DomainError('bank_wide', 'This operation is not for callers that are bound to a data scope.');
    }
  });

  app.decorate(
    'contextOf',
    async (request: FastifyRequest, idempotency: IdempotentRequest | undefined): Promise<Ctx> => {
      const { actor, onBehalfOf, scopes, dataScope } = request.principal ?? nobody;
      // health is asked while the database is away, where a sandbox keeps its clock
      const isHealth = request.routeOptions.config.evenWhenOverloaded === true;
      const now = isHealth ? realNow() : await clock.now();
      return {
        ...services,
        actor,
        onBehalfOf,
        scopes,
        dataScope,
        reach: await reachAt(services, dataScope, now),
        requestId: request.id,
        traceparent: request.traceparent,
        span: request.span,
        purpose: purposeOf(request),
        now,
        log: request.log as Ctx['log'],
        idempotency,
        replayed: false,
      };
    },
  );
}

/** The key or the token; of HTTP Basic (RFC 7617) the password, whatever the name. */
function credentialsOf({ headers, routeOptions }: FastifyRequest): string | undefined {
  const { authorization = '' } = headers;
  const bearer = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
  if (bearer !== undefined || routeOptions.config.browser !== true) return bearer;
  const basic = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization)?.[1];
  if (basic === undefined) return undefined;
  return /^[^:]*:(\S+)$/.exec(Buffer.from(basic, 'base64').toString())?.[1];
}

/** Three parts of base64url. */
const jwt = /^[\w-]+\.[\w-]+\.[\w-]*$/;

/** Whose credentials they are. Throws 401, or 503 where it cannot be known right now. */
function identifier(
  app: FastifyInstance,
  services: Services,
  config: Config,
  log: Logger,
): (credentials: string) => Promise<Caller> {
  const keys = keyAuthenticator(services.database);
  const use = recordKeyUse(services.database, log);
  app.addHook('onClose', () => use.close());
  const { oidcIssuer: issuer, oidcAudience: audience } = config;
  const principalOf =
    issuer === undefined || audience === undefined
      ? undefined
      : tokenAuthenticator(
          {
            issuer,
            audience,
            jwksUrl: config.oidcJwksUrl,
            algorithms: config.oidcAlgorithms.split(','),
            tokenMaxAgeSeconds: config.oidcTokenMaxAgeSeconds,
            keysMaxAgeSeconds: config.oidcKeysMaxAgeSeconds,
            keysCooldownSeconds: config.oidcKeysCooldownSeconds,
            unbound: config.oidcUnboundTokens,
          },
          log,
        );
  /** Of a token for one customer: the key that it was got with must still be valid. */
  const selfOf = async (credentials: string): Promise<Caller> => {
    const token = readSelfToken(services.keyring, credentials);
    if (token === undefined) throw invalidToken('The token is not known here, or has expired.');
    const { keyId, expiresAt: until } = token;
    const holder = keyId === null ? undefined : await keys.byId(keyId);
    if (keyId !== null && holder === undefined)
      throw invalidToken('The key that the token was got with has expired or was revoked.');
    if (keyId !== null) use.note(keyId);
    return {
      ...selfPrincipal(token, holder?.principal.scopes),
      rateLimit: holder?.rateLimit ?? null,
      keyId,
      until,
    };
  };
  return async (credentials) => {
    if (principalOf !== undefined && jwt.test(credentials)) {
      const { principal, until } = await principalOf(credentials);
      return { ...principal, rateLimit: null, keyId: null, until };
    }
    if (credentials.startsWith('ct_')) return selfOf(credentials);
    const holder = /^ck_[\w-]{24,200}$/.test(credentials) ? await keys.bySecret(credentials) : undefined;
    if (holder === undefined) throw invalidToken('The key is not known, has expired or was revoked.');
    use.note(holder.keyId);
    const { principal, ...rest } = holder;
    return { ...principal, ...rest };
  };
}
