/** What the database cannot do now, as its driver and the network say it, is a 503 and not an error of ours. */
import { expect, test } from 'vitest';
import { toDomainError } from '../../src/platform/http/problems.js';

test.each([
  ['a link without a route', { code: 'EHOSTUNREACH' }],
  ['a network that is down', { code: 'ENETUNREACH' }],
  ['a machine that is down', { code: 'EHOSTDOWN' }],
  [
    'a connection that broke before it was used',
    { message: 'Client has encountered a connection error and is not queryable' },
  ],
  ['a connection that was closed meanwhile', { message: 'Client was closed and is not queryable' }],
  ['a deadlock that came again at each try', { code: '40P01' }],
  ['a conflict that came again at each try', { code: '40001' }],
])('%s', (_what, { code, message }: { code?: string; message?: string }) => {
  const error = Object.assign(new Error(message ?? 'failed'), code === undefined ? {} : { code });
  expect(toDomainError(error)).toMatchObject({ code: 'unavailable', details: { retryAfterSeconds: 1 } });
});
