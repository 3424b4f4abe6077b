import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  identifierNormalisers,
  isSingle,
  normaliseIdentifier,
  residentIdCheckCharacter,
  usccCheckCharacter,
} from '../../src/customers/identifier-schemes.js';

const outcomeOf = (normaliser: (typeof identifierNormalisers)[number], text: string) => {
  const result = normaliseIdentifier(normaliser, text);
  return result.ok ? result.value : result.code;
};

const digits = (length: number) => fc.stringMatching(new RegExp(`^[0-9]{${length}}$`));
const birthDate = fc
  .date({ min: new Date('1800-01-01T00:00:00Z'), max: new Date('2199-12-31T00:00:00Z'), noInvalidDate: true })
  .map((date) => date.toISOString().slice(0, 10).replaceAll('-', ''));
const residentId = fc
  .tuple(fc.stringMatching(/^[1-9][0-9]{5}$/), birthDate, digits(3))
  .map((parts) => parts.join(''))
  .map((first17) => first17 + residentIdCheckCharacter(first17));
const USCC = [...'0123456789ABCDEFGHJKLMNPQRTUWXY'];
const uscc = fc
  .array(fc.constantFrom(...USCC), { minLength: 17, maxLength: 17 })
  .map((characters) => characters.join(''))
  .map((first17) => first17 + usccCheckCharacter(first17));

const replaced = (text: string, at: number, character: string) =>
  text.slice(0, at) + character + text.slice(at + 1);
const exchanged = (text: string, at: number) =>
  text.slice(0, at) + text.charAt(at + 1) + text.charAt(at) + text.slice(at + 2);

describe('resident ids', () => {
  it('accepts the examples of GB 11643-1999', () => {
    expect(outcomeOf('cn_resident_id', '11010519491231002X')).toBe('11010519491231002X');
    expect(outcomeOf('cn_resident_id', '440524188001010014')).toBe('440524188001010014');
  });

  it.each([
    [' 110105 19491231 002x ', '11010519491231002X'],
    ['１１０１０５１９４９１２３１００２Ｘ', '11010519491231002X'],
    ['11010519491231-002X', '11010519491231002X'],
  ])('reads %s as %s', (text, value) => {
    expect(outcomeOf('cn_resident_id', text)).toBe(value);
  });

  it('keeps 15 digits as they are, and knows either form by the other', () => {
    const old = { ok: true, value: '110105491231002', otherForm: '11010519491231002X' };
    expect(normaliseIdentifier('cn_resident_id', '110105 491231 002')).toEqual(old);
    fc.assert(
      fc.property(residentId, (id) => {
        const otherForm = id.slice(0, 6) + id.slice(8, 17);
        const isOfThe20th = id.startsWith('19', 6);
        const expected = isOfThe20th ? { ok: true, value: id, otherForm } : { ok: true, value: id };
        expect(normaliseIdentifier('cn_resident_id', id)).toEqual(expected);
        if (!isOfThe20th) return;
        const other = { ok: true, value: otherForm, otherForm: id };
        expect(normaliseIdentifier('cn_resident_id', otherForm)).toEqual(other);
      }),
    );
  });

  it.each([
    ['110105194912310021', 'identifier_check_character'],
    ['110105194902290029', 'identifier_birth_date'],
    ['110105491301002', 'identifier_birth_date'],
    ['11010500000000002X', 'identifier_birth_date'],
    ['1101051949123100X2', 'identifier_characters'],
    ['01010519491231002X', 'identifier_characters'],
    ['11010549123100X', 'identifier_characters'],
    ['1101051949123100', 'identifier_length'],
    ['', 'identifier_empty'],
  ])('refuses %s: %s', (text, code) => {
    expect(normaliseIdentifier('cn_resident_id', text)).toMatchObject({ ok: false, code });
  });

  it('detects every wrong digit and every exchange of neighbours, as mod 11-2 guarantees', () => {
    fc.assert(
      fc.property(residentId, fc.nat(17), fc.nat(9), fc.nat(16), (id, at, digit, pair) => {
        expect(outcomeOf('cn_resident_id', id)).toBe(id);
        const wrong = replaced(id, at, `${digit}`);
        if (wrong !== id) expect(normaliseIdentifier('cn_resident_id', wrong).ok).toBe(false);
        const swapped = exchanged(id, pair);
        if (swapped !== id) expect(normaliseIdentifier('cn_resident_id', swapped).ok).toBe(false);
      }),
      { numRuns: 500 },
    );
  });
});

describe('unified social credit codes', () => {
  it('accepts the example of GB 32100-2015 and codes in use', () => {
    for (const code of ['91350100M000100Y43', '91110000600037341L', '91440300708461136T']) {
      expect(outcomeOf('cn_uscc', code.toLowerCase())).toBe(code);
    }
  });

  it.each([
    ['91350100M000100Y44', 'identifier_check_character'],
    ['91350100I000100Y43', 'identifier_characters'],
    ['91350100M000100Y4', 'identifier_length'],
    ['９１３５０１００Ｍ０００１００Ｙ４３', '91350100M000100Y43'],
  ])('reads %s as %s', (text, outcome) => {
    expect(outcomeOf('cn_uscc', text)).toBe(outcome);
  });

  it('detects every wrong character and every exchange of neighbours, as mod 31 guarantees', () => {
    fc.assert(
      fc.property(uscc, fc.nat(17), fc.constantFrom(...USCC), fc.nat(16), (code, at, character, pair) => {
        expect(outcomeOf('cn_uscc', code)).toBe(code);
        const wrong = replaced(code, at, character);
        if (wrong !== code) expect(outcomeOf('cn_uscc', wrong)).toBe('identifier_check_character');
        const swapped = exchanged(code, pair);
        if (swapped !== code) expect(outcomeOf('cn_uscc', swapped)).toBe('identifier_check_character');
      }),
      { numRuns: 500 },
    );
  });
});

describe('other schemes', () => {
  it('know of which a customer has one only', () => {
    expect(identifierNormalisers.filter(isSingle)).toEqual(['cn_resident_id', 'cn_uscc']);
  });

  it.each([
    ['none', '  Ａb-1 ', 'Ab-1'],
    ['none', '\u200bx\ufeff', 'x'],
    ['upper', ' e 1234 5678 ', 'E12345678'],
    ['digits', '6222 0200-0001', '622202000001'],
    ['digits', '٣', 'identifier_characters'],
    ['digits', '12a', 'identifier_characters'],
    ['none', ' \u200b ', 'identifier_empty'],
    ['none', 'a\u0000b', 'identifier_characters'],
    ['none', 'a\ud800', 'identifier_characters'],
    ['none', 'x'.repeat(129), 'identifier_too_long'],
    ['none', 'x'.repeat(1_000_000), 'identifier_too_long'],
    ['none', '\ufdfa'.repeat(10), 'identifier_too_long'],
  ] as const)('%s reads %j as %s', (normaliser, text, outcome) => {
    expect(outcomeOf(normaliser, text)).toBe(outcome);
  });

  it('never throws, and leaves normal forms as they are', () => {
    const anything = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 150 }),
      fc.string({ unit: 'grapheme' }),
      residentId,
      uscc,
    );
    fc.assert(
      fc.property(fc.constantFrom(...identifierNormalisers), anything, (normaliser, text) => {
        const result = normaliseIdentifier(normaliser, text);
        if (!result.ok) return;
        const { value } = result;
        expect(value).not.toBe('');
        // Upper case and compatibility forms can lengthen a value; the first bound is for what was sent.
        if (value.length <= 128) expect(normaliseIdentifier(normaliser, value)).toEqual(result);
      }),
      { numRuns: 1000 },
    );
  });
});
