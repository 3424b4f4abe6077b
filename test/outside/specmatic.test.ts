/**
 * Specmatic makes requests of its own from the document: valid ones, and ones with one thing wrong. The valid ones are
 * answered as the document says or refused for what no schema tells, the wrong ones are refused, each by a problem.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { XMLParser } from 'fast-xml-parser';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import { here, run } from './run.js';
import { documentForSpecmatic } from './specmatic-document.js';

/** Rules and states that no schema tells: what is named is not there, is taken already, or breaks a rule. */
const refusals = [404, 409, 422];

/** Valid requests that are refused as malformed, each with what Specmatic does not know of its schema. */
const misread: Record<string, string> = {
  'GET /v1/events': '`type` lists names of the catalogue',
  'POST /v1/customers/search': '`minProperties` of attributes',
  'PUT /v1/approval-policies/(operation:string)': 'the pattern of durations looks ahead',
  'POST /v1/sandbox/clock': 'the pattern of durations looks ahead',
  'POST /v1/api-keys/(id:uuid)/rotate': '`format: duration`',
  'PUT /v1/rfm/model': 'the pattern of durations looks ahead',
  'PUT /v1/feeds/(key:string)': '`uniqueItems` of categories',
  'POST /v1/loyalty/programmes': 'the pattern of durations looks ahead',
  'PUT /v1/loyalty/programmes/(programme:string)': 'the pattern of durations looks ahead',
  'PUT /v1/loyalty/programmes/(programme:string)/tiers': 'the pattern of durations looks ahead',
  'POST /v1/customers/(id:uuid)/loyalty/(programme:string)/holds': 'the pattern of durations looks ahead',
  'POST /v1/token': 'a subject token that is none is a 400 by RFC 6749, 5.2',
};

/** Valid requests that wait for a second person, each with what asks for one. */
const waiting: Record<string, string> = {
  'POST /v1/customers/(id:uuid)/loyalty/(programme:string)/adjustments': 'points beyond the limit',
};

/** Wrong requests that are answered by a success. */
const judgedInside: Record<string, string> = {
  'POST /v1/activities': 'items are judged one by one, in the reply',
};

type Case = { name: string; failure?: string | { '#text': string } };

let t: TestApp;
let folder: string;
let cases: Case[];

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'clientele-specmatic-'));
  t = await startTestApp();
  await writeFile(path.join(folder, 'openapi.json'), JSON.stringify(await documentForSpecmatic(t)));
  const jar = here('node_modules/specmatic/specmatic.jar');
  const { output } = await run(
    'java',
    [
      '-jar',
      jar,
      'test',
      'openapi.json',
      `--testBaseURL=${t.origin}`,
      '--timeout=40',
      '--junitReportDir=junit',
    ],
    {
      cwd: folder,
      env: {
        bearer: t.client.secret ?? '',
        SPECMATIC_GENERATIVE_TESTS: 'true',
        // of each operation, in each way of being valid: all of them would be millions
        MAX_TEST_REQUEST_COMBINATIONS: '2',
      },
      seconds: 540,
    },
  );
  const report = await readFile(path.join(folder, 'junit/TEST-junit-jupiter.xml'), 'utf8').catch(() => {
    throw new Error(`Specmatic did not come to its end: ${output.slice(-2000)}`);
  });
  const parser = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: '',
    isArray: (name) => name === 'testcase',
  });
  cases = parser.parse(report).testsuite.testcase;
}, 600_000);
afterAll(async () => {
  await t.stop();
  await rm(folder, { recursive: true, force: true });
});

const isWrong = ({ name }: Case) => name.includes('-ve ');
const operationOf = ({ name }: Case) => /Scenario: (\S+ \S+)/.exec(name)?.[1] ?? name;
const failureOf = ({ failure }: Case) => (typeof failure === 'object' ? failure['#text'] : failure);

/** A plan's content is of free form: of a list in it Specmatic expects that all are of the types of the first. */
function isOfFreeForm(one: Case): boolean {
  const wrong = [...(failureOf(one) ?? '').matchAll(/>> RESPONSE\.BODY \(when Plan object\)(\S*)/g)];
  return wrong.length > 0 && wrong.every(([, place = '']) => /^\.plan\..*\[\d+\]/.test(place));
}

test('every operation was tried, in valid and in wrong ways', () => {
  const tried = new Set(cases.map(operationOf));
  // liveness and the stream of events have nothing to vary, or no end
  expect(tried.size).toBeGreaterThanOrEqual(t.app.operations.length - 2);
  expect(cases.filter(isWrong).length).toBeGreaterThan(500);
  expect(cases.length - cases.filter(isWrong).length).toBeGreaterThan(300);
});

test('what is wrong is refused', () => {
  const left = cases.filter(
    (one) => isWrong(one) && failureOf(one) !== undefined && !(operationOf(one) in judgedInside),
  );
  expect(left.map((one) => `${one.name}: ${failureOf(one)?.slice(0, 600)}`)).toEqual([]);
});

test('what is valid is answered as the document says, or refused for what no schema tells', () => {
  const isExplained = (one: Case) => {
    const [, , status] =
      /expected status (\d+) but response contained status (\d+)/.exec(failureOf(one) ?? '') ?? [];
    // of several ways of success the document for it has one
    const isPlan = status === '200' && one.name.includes("the param 'dry_run'");
    return (
      isPlan ||
      isOfFreeForm(one) ||
      refusals.includes(Number(status)) ||
      (status === '400' && operationOf(one) in misread) ||
      (status === '202' && operationOf(one) in waiting)
    );
  };
  const left = cases.filter((one) => !isWrong(one) && failureOf(one) !== undefined && !isExplained(one));
  expect(left.map((one) => `${one.name}: ${failureOf(one)?.slice(0, 600)}`)).toEqual([]);
});
