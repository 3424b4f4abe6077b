/** One thing wrong: what can be put into a place of a body, or of a parameter, instead of what belongs there. */
import { holdsRaw, isLexicallyRefused, Raw } from './json-text.js';
import { strangeTimes, textsThatAreNone, textsThatAreText } from './texts.js';

export type Change = { what: string; value: unknown };

const nested = (open: string, close: string, levels: number) =>
  new Raw(`${levels} levels of ${open}`, open.repeat(levels) + close.repeat(levels));

const anywhere: readonly Change[] = [
  ...[null, true, 0, -1, 1.5, 2 ** 53, '', [], {}, [[]], { a: 1 }].map((value) => ({
    what: `it is ${JSON.stringify(value)}`,
    value,
  })),
  ...[
    new Raw('2^53 + 1', '9007199254740993'),
    new Raw('a number beyond all bounds', '-1e999'),
    new Raw('more digits than a double has', '0.12345678901234567891'),
    new Raw('NaN', 'NaN'),
    new Raw('nothing', '', false),
    new Raw('a trailing comma', '[1,]'),
    new Raw('a comment', '/* */ 1'),
    new Raw('an escape that is none', '"\\x41"'),
    new Raw('an open text', '"'),
    nested('[', ']', 33),
    nested('{"a":', '}', 30_000),
    nested('[', ']', 30_000),
    new Raw('half a surrogate pair, escaped', '"\\ud83d"'),
    new Raw('NUL, escaped', '"a\\u0000"'),
    new Raw('__proto__, escaped', '{"\\u005f_proto__":{"admin":true}}'),
    new Raw('the same key twice', '{"a":1,"a":2}', false),
  ].map((raw) => ({ what: `it is ${raw.what}`, value: raw })),
];

const textChanges: readonly Change[] = [
  ...[
    ...textsThatAreText,
    ...strangeTimes,
    ...textsThatAreNone,
    'x'.repeat(100_000),
    '中'.repeat(10_000),
  ].map((value) => ({ what: `the text ${JSON.stringify(value).slice(0, 60)}`, value })),
];

/** Everything that can be put into the place of a value. */
export function changesOf(present: unknown): readonly Change[] {
  if (typeof present === 'string') return [...textChanges, ...anywhere];
  if (Array.isArray(present)) return [...listChanges(present), ...anywhere];
  if (typeof present === 'object' && present !== null) return [...objectChanges(present), ...anywhere];
  return [...anywhere, { what: 'a text', value: String(present) }];
}

const mostBytes = 500_000;

function listChanges(present: readonly unknown[]): Change[] {
  const item = present[0] ?? 'x';
  const count = Math.min(2000, Math.floor(mostBytes / (JSON.stringify(item).length + 1)));
  return [
    { what: `a list of ${count}`, value: Array(count).fill(item) },
    { what: 'a list in a list', value: [present] },
    { what: 'an item of another kind', value: [...present, 7, null] },
    { what: 'the same twice', value: [...present, ...present] },
  ];
}

function objectChanges(present: object): Change[] {
  const fields = Object.entries(present);
  const without = fields.map(([name]) => ({
    what: `without ${name}`,
    value: Object.fromEntries(fields.filter(([other]) => other !== name)),
  }));
  const names = [
    'surprise',
    '__proto__',
    'constructor',
    'hasOwnProperty',
    'a\u0000b',
    'a\ud83d',
    '',
    "' or 1=1",
  ];
  const withMore = names.map((name) => ({
    what: `with ${JSON.stringify(name)}`,
    value: Object.fromEntries([...fields, [name, { admin: true }]]),
  }));
  const many = Array.from({ length: 1000 }, (_, index) => [`k${index}`, index]);
  return [
    ...without,
    ...withMore,
    { what: 'with 1000 fields', value: Object.fromEntries([...fields, ...many]) },
  ];
}

type Place = readonly (string | number)[];

/** Every place of a value, the value itself first; of long lists the beginning. */
export function placesOf(value: unknown, from: Place = []): Place[] {
  if (typeof value !== 'object' || value === null) return [from];
  const inner = Array.isArray(value)
    ? value.slice(0, 3).map((item, index) => [index, item] as const)
    : Object.entries(value);
  return [from, ...inner.flatMap(([key, item]) => placesOf(item, [...from, key]))];
}

export const valueAt = (value: unknown, place: Place): unknown =>
  place.reduce<unknown>((inner, key) => (inner as Record<string | number, unknown>)[key], value);

/** The value with another one in a place. */
export function put(value: unknown, place: Place, item: unknown): unknown {
  const [key, ...rest] = place;
  if (key === undefined) return item;
  if (Array.isArray(value)) return value.map((one, index) => (index === key ? put(one, rest, item) : one));
  return Object.fromEntries(
    Object.entries(value as object).map(([name, one]) => [name, name === key ? put(one, rest, item) : one]),
  );
}

/** A body with one thing wrong; `pick` chooses the place, and what is wrong there. */
export function mutate(
  body: unknown,
  pick: { place: number; change: number },
): { what: string; body: unknown } {
  const places = placesOf(body);
  const place = places[pick.place % places.length] ?? [];
  const changes = changesOf(valueAt(body, place));
  const { what, value } = changes[pick.change % changes.length] as Change;
  return { what: `/${place.join('/')}: ${what}`, body: put(body, place, value) };
}

/** Whether a body must be refused, may not be, or nobody can say. */
export function refusalOf(body: unknown, isValid: (value: unknown) => boolean): 'refused' | 'open' {
  if (isLexicallyRefused(body)) return 'refused';
  if (holdsRaw(body)) return 'open';
  return isValid(body) ? 'open' : 'refused';
}

/** What can stand in a target where a value belongs, as it is written. */
export const strangeParts: readonly string[] = [
  '',
  '%20',
  '%00',
  'a%00b',
  '%ff',
  '%ED%A0%80',
  '%C0%AF',
  '%',
  '%zz',
  '%2e%2e',
  '..',
  '.',
  '%2F',
  '..%2f..%2fetc',
  '*',
  ':id',
  '{id}',
  '[]',
  "'",
  '%27%20or%20%271%27%3D%271',
  '%27%3B%20drop%20table%20customers%3B%20--',
  '1',
  '0',
  '-1',
  '+1',
  '%201',
  '1.5',
  '1e1',
  '0x10',
  '00',
  '9007199254740992',
  '9007199254740993',
  '99999999999999999999999999',
  '1e999',
  'NaN',
  '%D9%A3',
  'true',
  'TRUE',
  'null',
  'undefined',
  '__proto__',
  'constructor',
  '00000000-0000-0000-0000-000000000000',
  'ffffffff-ffff-ffff-ffff-ffffffffffff',
  '01A20F85-D334-7342-8AE8-7073E642D9B7',
  '%7B01a20f85-d334-7342-8ae8-7073e642d9b7%7D',
  'urn:uuid:01a20f85-d334-7342-8ae8-7073e642d9b7',
  'x'.repeat(200),
  'x'.repeat(2000),
  '%E7%8E%8B'.repeat(100),
  '%F0%9F%98%80',
  ...strangeTimes.map(encodeURIComponent),
];
