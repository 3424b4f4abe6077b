/**
 * Where requests are counted: in Redis where there is one, so that all API processes count together, else in this
 * process. Redis away, slow or full must not stop anybody: then each process counts for itself until it is back.
 */
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Redis } from 'ioredis';
import type { Config } from '../../config.js';
import type { Logger } from '../log.js';

export type Counted = { remaining: number; ttlInSeconds: number; isExceeded: boolean };

/** Counts one more for a key that may have so many in a window. */
export type Count = (key: string, requests: number) => Promise<Counted>;

/** So many keys and addresses are remembered; those that were not seen for longest are forgotten. */
const keysMax = 10_000;
/** A counter is not worth more of a request's time. */
const commandMilliseconds = 500;
/** For so long Redis is not asked again after it has failed. */
const pauseMilliseconds = 3000;

export async function openCounters(app: FastifyInstance, config: Config, log: Logger): Promise<Count> {
  const inMemory = await openCounter(app, config, undefined);
  if (config.redisUrl === undefined) return inMemory;
  const shared = await openCounter(app, config, openRedis(app, config.redisUrl, log));
  let away = false;
  let askAgainAt = 0;
  return async (key, requests) => {
    if (performance.now() < askAgainAt) return inMemory(key, requests);
    try {
      const counted = await shared(key, requests);
      if (away) log.info('rate limits are shared again');
      away = false;
      return counted;
    } catch (error) {
      if (!away) log.warn({ err: error }, 'Redis does not answer: each process counts for itself');
      away = true;
      askAgainAt = performance.now() + pauseMilliseconds;
      return inMemory(key, requests);
    }
  };
}

/** What the library is told of instead of a request: what to count, and that its route has no limit of its own. */
type Subject = Pick<FastifyRequest, 'routeOptions'> & { key: string; requests: number };
const routeOptions = { config: {} } as FastifyRequest['routeOptions'];

async function openCounter(app: FastifyInstance, config: Config, redis: Redis | undefined): Promise<Count> {
  let count: ReturnType<FastifyInstance['createRateLimit']> | undefined;
  // in a scope of its own: the library makes one store a scope
  await app.register(async (scope) => {
    await scope.register(rateLimit, {
      global: false,
      cache: keysMax,
      timeWindow: config.rateLimitWindowSeconds * 1000,
      keyGenerator: (subject) => (subject as unknown as Subject).key,
      max: (subject) => (subject as unknown as Subject).requests,
      nameSpace: 'clientele-rate:',
      ...(redis === undefined ? {} : { redis }),
    });
    count = scope.createRateLimit();
  });
  return async (key, requests) => {
    const subject: Subject = { routeOptions, key, requests };
    const counted = await count?.(subject as unknown as FastifyRequest);
    if (counted === undefined || counted.isAllowed) throw new Error('nothing was counted');
    return counted;
  };
}

function openRedis(app: FastifyInstance, url: string, log: Logger): Redis {
  const redis = new Redis(url, {
    connectionName: 'clientele-rate-limits',
    // a request never waits for a connection
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: commandMilliseconds,
    connectTimeout: 5000,
    retryStrategy: (attempt) => Math.min(attempt * 100, 2000),
  });
  redis.on('error', (error) => log.debug({ err: error }, 'the connection to Redis failed'));
  app.addHook('onClose', async () => redis.disconnect());
  return redis;
}
