/**
 * Load shedding: a request that would only wait is refused at once, before anything is done for it, so that those
 * that were taken are answered in time. Health is asked and answered all the same.
 */
import { getHeapStatistics } from 'node:v8';
import underPressure from '@fastify/under-pressure';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Config } from '../../config.js';
import { DomainError } from '../errors.js';
import type { Logger } from '../log.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** answered whatever the load is */
    evenWhenOverloaded?: boolean;
  }
}

const sampleMilliseconds = 1000;

const isExempt = (request: FastifyRequest) => request.routeOptions.config.evenWhenOverloaded === true;

/** Not all of those that are refused should come back at once. */
const overloaded = () =>
  new DomainError('overloaded', 'The service has too much to do; nothing of this request was done.', {
    retryAfterSeconds: 1 + Math.floor(Math.random() * 3),
  });

/** Tells the operator, at most once in ten seconds, how many were refused. */
function teller(log: Logger): (why: string) => void {
  let refused = 0;
  let quietUntil = 0;
  return (why) => {
    refused += 1;
    if (performance.now() < quietUntil) return;
    log.warn({ why, refused }, 'requests are refused: there is too much to do');
    refused = 0;
    quietUntil = performance.now() + 10_000;
  };
}

/** @param waiting how many wait for a database connection now */
export async function useLoadShedding(
  app: FastifyInstance,
  config: Config,
  log: Logger,
  waiting: () => number,
): Promise<void> {
  const tell = teller(log);
  const { overloadPoolWaiting: waitingMax } = config;
  if (waitingMax > 0) {
    app.addHook('onRequest', (request, _reply, done) => {
      if (waiting() < waitingMax || isExempt(request)) return done();
      tell('poolWaiting');
      done(overloaded());
    });
  }
  const isSustained = { eventLoopDelay: streak(), eventLoopUtilization: streak(), heapUsedBytes: streak() };
  await app.register(underPressure, {
    sampleInterval: sampleMilliseconds,
    maxEventLoopDelay: config.overloadEventLoopDelayMilliseconds,
    maxEventLoopUtilization: config.overloadEventLoopUtilizationPercent / 100,
    eventLoopUtilizationMode: 'interval',
    maxHeapUsedBytes: Math.round((getHeapStatistics().heap_size_limit * config.overloadHeapPercent) / 100),
    pressureHandler: (request, _reply, type, value) => {
      const sustained = isSustained[type as keyof typeof isSustained](value ?? 0);
      if (!sustained || isExempt(request)) return;
      tell(type);
      throw overloaded();
    },
  });
}

/** One sample above a bound can be the start of the process, or one long step: two in a row are a load. */
function streak(): (value: number) => boolean {
  let samples = 0;
  let last: number | undefined;
  let seenAt = Number.NEGATIVE_INFINITY;
  return (value) => {
    const now = performance.now();
    // a loop that is late asks late, too
    if (now - seenAt > sampleMilliseconds * 3) samples = 1;
    else if (value !== last) samples += 1;
    last = value;
    seenAt = now;
    return samples > 1;
  };
}
