import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DomainError } from '../../src/platform/errors.js';
import { parseJson } from '../../src/platform/http/body.js';

const parse = (text: string) => parseJson(Buffer.from(text, 'utf8'));

function refusalOf(text: string): string | undefined {
  try {
    parse(text);
    return undefined;
  } catch (error) {
    return error instanceof DomainError ? error.details.errors?.[0]?.code : String(error);
  }
}

/** All that may come in: text that can be stored, no key that reaches a prototype, numbers as JavaScript prints them. */
const text = fc
  .string({
    unit: fc.oneof(
      fc.constantFrom('"', '\\', '[', '{', ']', '}', '1', 'e'),
      fc.string({ unit: 'grapheme', maxLength: 1 }),
    ),
  })
  .filter((one) => !one.includes('\u0000') && one !== '__proto__');
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 6 },
    text,
    fc.double({ noDefaultInfinity: true, noNaN: true }).map((one) => one + 0),
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(text, tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
}));

describe('what may come in', () => {
  test('comes in as it is', () => {
    fc.assert(
      fc.property(value, fc.constantFrom(0, 2), (one, indent) => {
        const sent = JSON.stringify(one, null, indent);
        expect(parse(sent)).toEqual(JSON.parse(sent));
      }),
    );
  });

  test('is taken in an escaped spelling too', () => {
    fc.assert(
      fc.property(text, (one) => {
        const escaped = [...one].map((letter) =>
          Array.from(
            { length: letter.length },
            (_, at) => `\\u${letter.charCodeAt(at).toString(16).padStart(4, '0')}`,
          ).join(''),
        );
        expect(parse(`["${escaped.join('')}"]`)).toEqual([one]);
      }),
    );
  });

  test('may hold brackets and digits in its texts, as many as it likes', () => {
    const brackets = '[{'.repeat(1000);
    expect(parse(JSON.stringify({ [brackets]: `\\"${brackets}\\` }))).toEqual({
      [brackets]: `\\"${brackets}\\`,
    });
    expect(parse('["9007199254740993"]')).toEqual(['9007199254740993']);
  });
});

describe('what may not', () => {
  test('is nested deeper than 32 levels', () => {
    const nested = (depth: number) => `${'[{"a":'.repeat(depth / 2)}1${'}]'.repeat(depth / 2)}`;
    expect(refusalOf(nested(32))).toBeUndefined();
    expect(refusalOf(nested(34))).toBe('too_deep');
  });

  test('is a number that would be another one here', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 2n ** 53n, max: 10n ** 21n - 1n }), (number) => {
        const kept = BigInt(Number(number)) === number || String(Number(number)) === String(number);
        expect(refusalOf(`{"n":${number}}`)).toBe(kept ? undefined : 'inexact_number');
        expect(refusalOf(`[-${number}]`)).toBe(kept ? undefined : 'inexact_number');
      }),
    );
    for (const number of ['1e309', '-1e999', '1e-400', '0.1234567890123456789'])
      expect(refusalOf(number), number).toBe('inexact_number');
    for (const number of [
      '38933639212135770',
      '-1e21',
      '0',
      '-0.0',
      '0.10',
      '1e2',
      '1.7976931348623157e308',
      '123456789012345678901234567890e0'.slice(0, 15),
    ])
      expect(refusalOf(number), number).toBeUndefined();
  });

  test('is half a surrogate pair, NUL, or a key that reaches a prototype, however it is spelled', () => {
    for (const half of ['\\ud83d', '\\uD83D', '\\udE00', '\\ud83d\\ud83d'])
      expect(refusalOf(`["${half}"]`), half).toBe('invalid_text');
    expect(refusalOf('["\\u0000"]')).toBe('invalid_text');
    for (const key of ['__proto__', '\\u005f_proto__', '_\\u005Fproto__', '__pr\\u006fto__'])
      expect(refusalOf(`{"a":[{"${key}":1}]}`), key).toBe('invalid_key');
  });
});
