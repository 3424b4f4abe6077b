/** Who calls: the bearer token becomes a principal, and the principal a context. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { keyAuthenticator, type Principal } from '../api-keys.js';
import { type Clock, realNow } from '../clock.js';
import type { Ctx, IdempotentRequest, Services } from '../context.js';
import { DomainError } from '../errors.js';
import type { Scope } from '../scopes.js';

declare module 'fastify' {
  interface FastifyRequest {
    principal: Principal | undefined;
  }
}

const nobody: Principal = { actor: 'anonymous', scopes: new Set(), dataScope: null, rateLimit: null };

/** `00-<trace>-<span>-<flags>`, W3C Trace Context */
const traceparent = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

export function decorateCallers(app: FastifyInstance, services: Services, clock: Clock): void {
  const principalOf = keyAuthenticator(services.database);
  app.decorateRequest('principal', undefined);

  app.decorate('authenticate', async (request: FastifyRequest, scope: Scope | null) => {
    if (scope === null) return;
    const secret = /^Bearer (ck_[A-Za-z0-9_-]{24,200})$/i.exec(request.headers.authorization ?? '')?.[1];
    const principal = secret === undefined ? undefined : await principalOf(secret);
    if (principal === undefined) {
      throw new DomainError('unauthenticated', 'Send `Authorization: Bearer` with a valid API key.');
    }
    request.principal = principal;
    if (!principal.scopes.has(scope) && !principal.scopes.has('admin')) {
      throw new DomainError('insufficient_scope', `This operation asks for the scope ${scope}.`);
    }
  });

  app.decorate(
    'contextOf',
    async (request: FastifyRequest, idempotency: IdempotentRequest | undefined): Promise<Ctx> => {
      const { actor, scopes, dataScope } = request.principal ?? nobody;
      const trace = request.headers.traceparent;
      return {
        ...services,
        actor,
        scopes,
        dataScope,
        requestId: request.id,
        traceparent: typeof trace === 'string' && traceparent.test(trace) ? trace : undefined,
        // health is asked while the database is away, where a sandbox keeps its clock
        now: request.routeOptions.config.evenWhenOverloaded === true ? realNow() : await clock.now(),
        log: request.log as Ctx['log'],
        idempotency,
        replayed: false,
      };
    },
  );
}
