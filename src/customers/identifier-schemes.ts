/**
 * The normal form of an identifier's value, by the normaliser that its scheme declares. Two spellings of one
 * identifier have one normal form, so that the scheme's uniqueness and the blind index see them as equal.
 *
 * - Resident id (GB 11643-1999): 17 digits (region 6, birth date 8, sequence 3) and a check character by
 *   ISO 7064 mod 11-2. The 15 digits of GB 11643-1989 became 18: "19" after digit 6 and the check character.
 *   Each form is an identifier of its own, since 15 digits were given out twice here and there: that the other
 *   form is known of a customer is a proposal for a person to decide, never an identity.
 *   The first digit may be 9: permanent residents from abroad have a number of the same form.
 * - Unified social credit code (GB 32100-2015): 17 characters of 0-9 and A-Z without I, O, S, V, Z, and a
 *   check character by mod 31 with weights 3^(i-1). A few codes of 2015 carry a wrong one: a bank that has
 *   such customers declares its scheme as `upper`.
 */
import { Temporal } from 'temporal-polyfill';

export const identifierNormalisers = ['none', 'upper', 'digits', 'cn_resident_id', 'cn_uscc'] as const;
export type IdentifierNormaliser = (typeof identifierNormalisers)[number];

export type InvalidIdentifier = {
  ok: false;
  code:
    | 'identifier_empty'
    | 'identifier_too_long'
    | 'identifier_characters'
    | 'identifier_length'
    | 'identifier_birth_date'
    | 'identifier_check_character';
  message: string;
};

/** `otherForm` is how the same number would be written by the other edition of its standard. */
export type NormalisedIdentifier = { ok: true; value: string; otherForm?: string } | InvalidIdentifier;

/** Whether a customer has only one of them at a time: another one speaks for another customer. */
export const isSingle = (normaliser: IdentifierNormaliser): boolean => normaliser.startsWith('cn_');

/** Of a value, in characters. */
export const identifierLengthMax = 128;

const RESIDENT_ID_CHECKS = '10X98765432';
const USCC_ALPHABET = '0123456789ABCDEFGHJKLMNPQRTUWXY';

function invalid(code: InvalidIdentifier['code'], message: string): InvalidIdentifier {
  return { ok: false, code, message };
}

/** Folds widths and compatibility forms, drops invisible format characters, and trims. */
function cleaned(text: string): string {
  return text
    .normalize('NFKC')
    .replace(/\p{Cf}/gu, '')
    .trim()
    .normalize('NFKC');
}

/** The check character of 17 digits (ISO 7064 mod 11-2: weights 2^(17-i) mod 11). */
export function residentIdCheckCharacter(first17: string): string {
  let remainder = 0;
  for (const digit of first17) remainder = ((remainder + Number(digit)) * 2) % 11;
  return RESIDENT_ID_CHECKS.charAt(remainder);
}

/** The check character of the first 17 characters (mod 31, weights 3^(i-1)). */
export function usccCheckCharacter(first17: string): string {
  let sum = 0;
  let weight = 1;
  for (const character of first17) {
    sum += USCC_ALPHABET.indexOf(character) * weight;
    weight = (weight * 3) % 31;
  }
  return USCC_ALPHABET.charAt((31 - (sum % 31)) % 31);
}

function isBirthDate(yyyymmdd: string): boolean {
  const year = Number(yyyymmdd.slice(0, 4));
  const month = Number(yyyymmdd.slice(4, 6));
  const day = Number(yyyymmdd.slice(6, 8));
  if (year < 1800 || year > 2199) return false;
  try {
    return Temporal.PlainDate.from({ year, month, day }, { overflow: 'reject' }).day === day;
  } catch {
    return false;
  }
}

function normaliseResidentId(text: string): NormalisedIdentifier {
  const compact = text.replace(/[\s-]/g, '').toUpperCase();
  const isOld = compact.length === 15;
  if (!isOld && compact.length !== 18) {
    return invalid('identifier_length', 'A resident id has 18 characters, or 15 in its old form.');
  }
  if (!/^[1-9](?:\d{14}|\d{16}[\dX])$/.test(compact)) {
    return invalid('identifier_characters', 'A resident id is digits, with X at the end only.');
  }
  const first17 = isOld ? `${compact.slice(0, 6)}19${compact.slice(6)}` : compact.slice(0, 17);
  if (!isBirthDate(first17.slice(6, 14))) {
    return invalid('identifier_birth_date', 'Characters 7 to 14 of a resident id are a date of birth.');
  }
  const value = first17 + residentIdCheckCharacter(first17);
  if (isOld) return { ok: true, value: compact, otherForm: value };
  if (value !== compact) {
    return invalid('identifier_check_character', 'The check character of the resident id is wrong.');
  }
  return first17.startsWith('19', 6)
    ? { ok: true, value, otherForm: first17.slice(0, 6) + first17.slice(8) }
    : { ok: true, value };
}

function normaliseUscc(text: string): NormalisedIdentifier {
  const value = text.replace(/[\s-]/g, '').toUpperCase();
  if (value.length !== 18) {
    return invalid('identifier_length', 'A unified social credit code has 18 characters.');
  }
  if (!/^[0-9A-HJ-NPQRTUWXY]{18}$/.test(value)) {
    return invalid(
      'identifier_characters',
      'A unified social credit code has digits and letters but I, O, S, V, Z.',
    );
  }
  return value.endsWith(usccCheckCharacter(value.slice(0, 17)))
    ? { ok: true, value }
    : invalid(
        'identifier_check_character',
        'The check character of the unified social credit code is wrong.',
      );
}

function normaliseDigits(text: string): NormalisedIdentifier {
  const value = text.replace(/[\s-]/g, '');
  if (!/^\d+$/.test(value)) return invalid('identifier_characters', 'The identifier is digits only.');
  return { ok: true, value };
}

/** Never throws; messages never repeat the value. */
export function normaliseIdentifier(normaliser: IdentifierNormaliser, text: string): NormalisedIdentifier {
  // Bounded first: normalisation can make 18 characters of one.
  if (text.length > identifierLengthMax * 2)
    return invalid('identifier_too_long', 'The identifier is too long.');
  const clean = cleaned(text);
  if (clean === '') return invalid('identifier_empty', 'The identifier is empty.');
  if (clean.length > identifierLengthMax) {
    return invalid('identifier_too_long', `An identifier has at most ${identifierLengthMax} characters.`);
  }
  // Control characters and lone surrogates can neither be typed nor stored.
  if (/[\p{Cc}\p{Cs}]/u.test(clean)) {
    return invalid('identifier_characters', 'The identifier holds characters that cannot be typed.');
  }
  if (normaliser === 'none') return { ok: true, value: clean };
  if (normaliser === 'upper')
    return { ok: true, value: clean.replace(/\s/g, '').toUpperCase().normalize('NFKC') };
  if (normaliser === 'digits') return normaliseDigits(clean);
  return normaliser === 'cn_uscc' ? normaliseUscc(clean) : normaliseResidentId(clean);
}
