/**
 * JSON bodies as they may come in: valid UTF-8, no deeper than can be walked, and no text that PostgreSQL cannot
 * store. What is refused here is refused before any schema sees it.
 */
import { isUtf8 } from 'node:buffer';
import { DomainError } from '../errors.js';

const maximumDepth = 32;

const malformed = (message: string, code: string) =>
  new DomainError('malformed_request', message, { errors: [{ in: 'body', pointer: '', code, message }] });

/** Escapes of NUL, surrogates or letters of ASCII, or a key that would reach an object's prototype. */
const suspicious = /\\u00(?:00|[4-7])|\\u[dD][89a-fA-F]|"__proto__"/;

/** Parses a JSON body. Throws `malformed_request`. */
export function parseJson(bytes: Buffer): unknown {
  if (bytes.length === 0) throw malformed('The body is empty; a JSON value is expected.', 'empty_body');
  if (!isUtf8(bytes)) throw malformed('The body is not valid UTF-8.', 'invalid_utf8');
  return parseJsonText(bytes.toString('utf8'));
}

/**
 * Parses a form (RFC 6749, appendix B): texts by name. One without a value counts as not sent, one that comes twice is
 * refused, as RFC 6749, 3.2 asks.
 */
export function parseForm(bytes: Buffer): Record<string, string> {
  const refuse = (description: string) =>
    new DomainError('malformed_request', description, {
      extra: { error: 'invalid_request', error_description: description },
    });
  if (!isUtf8(bytes)) throw refuse('The body is not valid UTF-8.');
  const form: Record<string, string> = Object.create(null);
  for (const [name, value] of new URLSearchParams(bytes.toString('utf8'))) {
    if (value === '') continue;
    if (form[name] !== undefined) throw refuse('A parameter comes more than once.');
    if (value.includes('\u0000') || value.length > 4000)
      throw refuse('A parameter is too long, or holds NUL.');
    form[name] = value;
  }
  return form;
}

/** The same for what is text already. */
export function parseJsonText(text: string): unknown {
  const longNumbers = scan(text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw malformed('The body is not valid JSON.', 'invalid_json');
  }
  for (const number of longNumbers) checkExact(number);
  if (text.includes('\u0000') || suspicious.test(text)) checkTexts(value, '');
  return value;
}

/** Counts brackets outside of strings, and returns the numbers there that a double may not hold as they stand. */
function scan(text: string): string[] {
  const longNumbers: string[] = [];
  let depth = 0;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === 34) index = endOfString(text, index);
    else if (code === 123 || code === 91) {
      depth += 1;
      if (depth > maximumDepth)
        throw malformed(`The body is nested deeper than ${maximumDepth} levels.`, 'too_deep');
    } else if (code === 125 || code === 93) depth -= 1;
    else if (code >= 48 && code <= 57) {
      numberAt.lastIndex = index;
      const number = numberAt.exec(text)?.[0] ?? '';
      if (number.length > 15 || /e/i.test(number)) longNumbers.push(number);
      index += Math.max(number.length - 1, 0);
    }
  }
  return longNumbers;
}

/** The place of the quote that ends the string which begins at a place: no backslash stands before it, or an even number. */
function endOfString(text: string, begin: number): number {
  for (let end = text.indexOf('"', begin + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let before = end - 1;
    while (text.charCodeAt(before) === 92) before -= 1;
    if ((end - before) % 2 === 1) return end;
  }
  return text.length;
}

const numberAt = /[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const significant = (number: string) =>
  number
    .replace(/[eE].*/, '')
    .replace('.', '')
    .replace(/^0+/, '');

const trailingZeros = /0+$/;

/**
 * JSON says nothing of precision, JavaScript would round in silence: a number is taken only where it stays itself, or
 * where it is how a double is written: by the fewest digits that tell it from its neighbours, then zeros.
 */
function checkExact(number: string): void {
  const digits = significant(number);
  const value = Number(number);
  if (digits === '') return;
  const kept =
    Number.isFinite(value) &&
    value !== 0 &&
    digits.length <= 100 &&
    (significant(value.toPrecision(digits.length)) === digits ||
      significant(String(value)).replace(trailingZeros, '') === digits.replace(trailingZeros, ''));
  if (!kept) throw malformed('A number has more digits than can be kept; send it as text.', 'inexact_number');
}

/** True where PostgreSQL can store the text as it is: no NUL, no lone surrogate. */
export const isStorable = (text: string): boolean => !text.includes('\u0000') && text.isWellFormed();

/** Throws at the first text, or key, that cannot be stored. Depth is bounded by `scan`. */
export function checkTexts(value: unknown, pointer: string): void {
  if (typeof value === 'string') {
    if (isStorable(value)) return;
    const message = 'Text must not contain NUL or half of a surrogate pair.';
    throw new DomainError('malformed_request', message, {
      errors: [{ in: 'body', pointer, code: 'invalid_text', message }],
    });
  }
  if (typeof value !== 'object' || value === null) return;
  for (const [key, item] of Object.entries(value)) {
    if (key === '__proto__' || !isStorable(key)) {
      throw malformed('A key of the body is not allowed.', 'invalid_key');
    }
    checkTexts(item, `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`);
  }
}
