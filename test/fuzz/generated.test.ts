/**
 * Every operation of the OpenAPI document, asked with requests that are made from it: as it admits them, and with one
 * thing wrong. Nothing is answered with a 5xx or against the document, what it does not admit is refused, and what is
 * refused writes nothing.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fuzz } from '../support/fuzz/duration.js';
import { described } from '../support/fuzz/exchange.js';
import {
  type FuzzRequest,
  mutatedRequests,
  type RequestSources,
  validRequests,
} from '../support/fuzz/requests.js';
import { openApi, operations, type Setting, startSetting } from '../support/fuzz/setting.js';
import { requestSources } from '../support/fuzz/sources.js';

let setting: Setting;
let sources: RequestSources;

beforeAll(async () => {
  setting = await startSetting();
  sources = requestSources(openApi, setting.world);
});
afterAll(() => setting.stop());

/** Sends so many requests; the first that is answered wrongly is told with all that sends it again. */
async function sendAll(name: string, requests: fc.Arbitrary<FuzzRequest>): Promise<void> {
  const { seed, path, runs } = fuzz;
  const result = await fc.check(
    fc.asyncProperty(requests, async (request) => {
      await setting.exchange.send(request);
    }),
    // what was refused once may not be refused again: a smaller request would be another one
    { numRuns: runs, seed, endOnFailure: true, ...(path === undefined ? {} : { path }) },
  );
  const { counterexample, counterexamplePath, errorInstance } = result;
  if (counterexample === null) return;
  const again = `FUZZ_SEED=${seed} FUZZ_PATH=${counterexamplePath} npx vitest run test/fuzz -t '${name}'`;
  throw new Error(`${String(errorInstance)}\n\n${described(counterexample[0])}\n\nagain: ${again}`);
}

/** A long run takes as long as it takes. */
const timeout = 60_000 + fuzz.runs * 500;

test('the document has operations', () => {
  expect(operations.length).toBeGreaterThan(50);
});

describe.each(operations.map((operation) => [operation.id, operation] as const))('%s', (_id, operation) => {
  test('as the document admits it', { timeout }, async ({ task }) => {
    await sendAll(`${operation.id} ${task.name}`, validRequests(operation, sources));
  });
  test('with one thing wrong', { timeout }, async ({ task }) => {
    await sendAll(`${operation.id} ${task.name}`, mutatedRequests(operation, sources));
  });
});

test('what was taken is worked off', { timeout }, async () => {
  await setting.t.drain();
});
