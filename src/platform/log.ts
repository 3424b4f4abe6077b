/**
 * Logs say what happened, never to whom: requests by their route's pattern, errors by type, code, constraint and
 * table. Serializers pick what is allowed; whatever else an object holds is not written.
 */
import { type Logger, pino } from 'pino';

export type { Logger };

type ErrorLike = {
  name?: string;
  code?: string;
  constraint?: string;
  table?: string;
  schema?: string;
  routine?: string;
  stack?: string;
  cause?: unknown;
};

/** The frames of a stack without its message, which may hold a bound value. */
const frames = (stack: string | undefined) =>
  stack
    ?.split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 12)
    .map((line) => line.trim());

export function describeError(error: unknown): Record<string, unknown> {
  const { name, code, constraint, table, routine, stack, cause } = (error ?? {}) as ErrorLike;
  return {
    type: name,
    code,
    constraint,
    table,
    routine,
    stack: frames(stack),
    ...(cause === undefined ? {} : { cause: describeError(cause) }),
  };
}

export function createLog(level: string, destination?: Parameters<typeof pino>[1]): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: describeError, error: describeError },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}
