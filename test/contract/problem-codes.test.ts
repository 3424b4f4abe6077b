/** Every code that a problem can carry is used, told in both languages, and explained where its type leads. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DomainError } from '../../src/platform/errors.js';
import { problemBody } from '../../src/platform/http/problems.js';
import { type ProblemCode, problems } from '../../src/platform/problem-codes.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { type OpenApi, withReplies } from '../support/contract.js';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.stop());

const codes = Object.entries(problems).map(([code, problem]) => ({ code, ...problem }));
const han = /\p{Script=Han}/u;

const sources = path.resolve(import.meta.dirname, '../../src');
const text = readdirSync(sources, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.endsWith('problem-codes.ts'))
  .map((name) => readFileSync(path.join(sources, name), 'utf8'))
  .join('\n');

describe.each(codes)('$code', ({ code, status, title, titleZh, description, descriptionZh }) => {
  test('is well formed, in both languages', () => {
    expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(600);
    for (const english of [title, description]) expect(english).not.toMatch(han);
    for (const chinese of [titleZh, descriptionZh]) expect(chinese).toMatch(han);
    const inBackticks = (words: string) => (words.match(/`[^`]+`/g) ?? []).sort();
    expect(inBackticks(descriptionZh)).toEqual(inBackticks(description));
  });

  test('is used', () => {
    expect(text.includes(`'${code}'`)).toBe(true);
  });

  test('has a type that resolves to where it is explained', async () => {
    const { type } = problemBody(new DomainError(code as ProblemCode, ''), '0');
    const reply = await fetch(new URL(type, t.origin));
    expect(reply.status).toBe(200);
    expect(reply.headers.get('content-type')).toContain('text/html');
    const section = new RegExp(`<section id="${new URL(type, t.origin).hash.slice(1)}">.*?</section>`).exec(
      await reply.text(),
    )?.[0];
    for (const words of [code, String(status), title, titleZh, description, descriptionZh])
      expect(section).toContain(words);
  });
});

test('titles differ, so that people can tell codes apart', () => {
  expect(new Set(codes.map(({ title }) => title)).size).toBe(codes.length);
  expect(new Set(codes.map(({ titleZh }) => titleZh)).size).toBe(codes.length);
});

test('the document speaks of no other codes, and of each at its status', () => {
  const { paths } = withReplies(t.app.swagger() as unknown as OpenApi);
  for (const operation of Object.values(paths).flatMap((path) => Object.values(path))) {
    for (const [status, { description }] of Object.entries(operation.responses)) {
      if (Number(status) < 400) continue;
      const named = [...description.matchAll(/`([a-z_]+)`: /g)].map((match) => match[1] ?? '');
      expect(named.length, `${operation.operationId} ${status}`).toBeGreaterThan(0);
      for (const code of named) expect(problems[code as ProblemCode]?.status, code).toBe(Number(status));
    }
  }
});
