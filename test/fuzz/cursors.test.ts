/** Cursors are made by one list, for one caller and one set of filters: nothing else takes them, and nobody forges them. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FuzzOperation } from '../support/fuzz/operations.js';
import { openApi, operations, type Setting, startSetting } from '../support/fuzz/setting.js';
import { sampleOf } from '../support/operations.js';

const lists = operations.filter(
  ({ method, parameters }) => method === 'GET' && parameters.some(({ name }) => name === 'cursor'),
);

let setting: Setting;
/** by the list: a cursor of it, and the target that it belongs to */
const cursors = new Map<string, { target: string; cursor: string }>();

beforeAll(async () => {
  setting = await startSetting();
  for (const list of lists) {
    for (const target of targetsOf(list)) {
      const { status, body } = await setting.t.client.request('GET', `${target}?limit=1`);
      if (status !== 200 || body.next_cursor === null) continue;
      cursors.set(list.id, { target, cursor: body.next_cursor });
      break;
    }
  }
});
afterAll(() => setting.stop());

/** Of everything that has such a list. */
function targetsOf(list: FuzzOperation): string[] {
  const places = setting.world.placesFor(list.path);
  const row = { ...list, scope: null, ofTheBank: false } as never;
  return (places.length === 0 ? [{}] : places).map((place) => sampleOf(openApi, row, place).target);
}

const ask = (target: string, cursor: string, client = setting.t.client) =>
  client.request('GET', `${target}${target.includes('?') ? '&' : '?'}cursor=${encodeURIComponent(cursor)}`);

async function expectNone(target: string, cursor: string, what: string, client = setting.t.client) {
  const { status, body } = await ask(target, cursor, client);
  expect([status, body.code], `${what} at ${target}: ${JSON.stringify(body)}`).toEqual([
    400,
    'invalid_cursor',
  ]);
}

test('every list has a cursor', () => {
  expect(lists.length).toBeGreaterThan(10);
  expect(lists.map(({ id }) => id).filter((id) => !cursors.has(id))).toEqual([]);
});

test.each(lists.map(({ id }) => id))('%s takes its own, and no other', async (id) => {
  const own = cursors.get(id);
  if (own === undefined) throw new Error(`${id} has no cursor`);
  expect((await ask(own.target, own.cursor)).status).toBe(200);
  for (const [other, { cursor }] of cursors) if (other !== id) await expectNone(own.target, cursor, other);
});

test.each(lists.map((list) => [list.id, list] as const))(
  '%s takes none that was changed',
  async (id, list) => {
    const { target, cursor } = cursors.get(id) as { target: string; cursor: string };
    const flipped = [...cursor].map(
      (letter, at) => cursor.slice(0, at) + (letter === 'A' ? 'B' : 'A') + cursor.slice(at + 1),
    );
    const [payload = '', ...rest] = cursor.split('.');
    const other = Buffer.from(JSON.stringify(["' or '1'='1", null])).toString('base64url');
    const forged = {
      ...Object.fromEntries(
        flipped
          .filter((_one, at) => at % 7 === 0 || at > cursor.length - 3)
          .map((one, at) => [`flipped ${at}`, one]),
      ),
      'cut off': cursor.slice(0, -1),
      'half of it': cursor.slice(0, cursor.length / 2),
      longer: `${cursor}A`,
      'with another payload': [other, ...rest].join('.'),
      'without its signature': payload,
      twice: `${cursor}${cursor}`.slice(0, 1000),
      'of another case': cursor.toUpperCase(),
      'a space behind': `${cursor} `,
      nothing: '',
      JSON: '["a"]',
      null: 'null',
      SQL: "'; drop table customers; --",
      emoji: '👨‍👩‍👧‍👦',
      '1,000 letters': 'A'.repeat(1000),
    };
    for (const [what, one] of Object.entries(forged)) await expectNone(target, one, what);
    await setting.t.client.problem('GET', `${target}?cursor=${'A'.repeat(1001)}`, 'malformed_request');
    // the same list of another thing, or with another filter
    for (const another of targetsOf(list).filter((one) => one !== target)) {
      const { status } = await ask(another, cursor);
      expect([400, 404], another).toContain(status);
    }
  },
);

test('the cursor of one reach is none for another', async () => {
  const [, , clerk] = setting.world.callers;
  for (const [id, { target, cursor }] of cursors) {
    const { status, body } = await ask(target, cursor, clerk);
    // what the clerk may not read at all is refused before
    if (![403, 404].includes(status)) expect([status, body.code], id).toEqual([400, 'invalid_cursor']);
  }
});
