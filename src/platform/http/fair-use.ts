/**
 * Fair use: how many requests a key may send in a window, and how many requests without a valid key an address may
 * send. Both are told by the header fields of the IETF's draft (`RateLimit-Policy`, `RateLimit`).
 */
import { normalizeIP } from '@fastify/rate-limit';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Config } from '../../config.js';
import { DomainError } from '../errors.js';
import type { Logger } from '../log.js';
import type { Asked } from './operation.js';
import { type Counted, openCounters } from './rate-counters.js';

declare module 'fastify' {
  interface FastifyInstance {
    /** Authenticates, and counts what was sent. Throws what the caller is told instead of an answer. */
    admit: (request: FastifyRequest, reply: FastifyReply, asked: Asked) => Promise<void>;
  }
}

type Limit = { policy: string; requests: number; key: string; detail: string };

export async function useFairUse(app: FastifyInstance, config: Config, log: Logger): Promise<void> {
  const count = await openCounters(app, config, log);

  /** Takes one request off a limit, tells what is left, and throws where nothing was. */
  const spend = async (reply: FastifyReply, limit: Limit) => {
    if (limit.requests === 0) return;
    const counted = await count(limit.key, limit.requests);
    tell(reply, limit, counted, config.rateLimitWindowSeconds);
    if (!counted.isExceeded) return;
    throw new DomainError('rate_limited', limit.detail, {
      retryAfterSeconds: Math.max(1, counted.ttlInSeconds),
    });
  };

  app.decorate('admit', async (request, reply, asked) => {
    try {
      await app.authenticate(request, asked);
    } catch (error) {
      // a caller who lacks a scope is known, and counted as such
      if (request.principal !== undefined) await spend(reply, limitOfCaller(request, config));
      else if ((error as { code?: string }).code === 'unauthenticated')
        await spend(reply, limitOfAddress(request, config));
      throw error;
    }
    if (request.routeOptions.config.evenWhenOverloaded === true) return;
    await spend(reply, limitOfCaller(request, config));
  });
}

/** Of the key; of the address where no key is asked for. */
function limitOfCaller({ principal, ip }: FastifyRequest, config: Config): Limit {
  const own = principal?.rateLimit ?? null;
  const requests = own ?? config.rateLimitRequests;
  return {
    policy: own === null ? 'default' : 'key',
    requests,
    key: principal?.actor ?? `address:${normalizeIP(ip)}`,
    detail: `${requests} requests in ${config.rateLimitWindowSeconds} seconds are used up.`,
  };
}

/** Whoever guesses keys is held off by address. A valid key next door is not: nobody can be locked out by others. */
function limitOfAddress({ ip }: FastifyRequest, config: Config): Limit {
  return {
    policy: 'failed-authentication',
    requests: config.failedAuthenticationLimit,
    key: `failed:${normalizeIP(ip)}`,
    detail: 'Too many requests of this address had no valid key.',
  };
}

/** draft-ietf-httpapi-ratelimit-headers: `q` requests in `w` seconds; `r` are left, and all are back in `t` seconds. */
function tell(reply: FastifyReply, { policy, requests }: Limit, counted: Counted, seconds: number): void {
  reply.header('RateLimit-Policy', `"${policy}";q=${requests};w=${seconds}`);
  reply.header('RateLimit', `"${policy}";r=${counted.remaining};t=${counted.ttlInSeconds}`);
}
