/**
 * What a reader without the right to identifying data sees of it: enough to recognise a customer one already
 * knows, too little to learn of one that one does not. A mask never shows a whole value, however short, and
 * repeats no length where the length tells something; what does not have the expected form is hidden whole.
 */
import { parsePhoneNumberFromString } from 'libphonenumber-js/max';
import { splitChineseName } from './chinese-names.js';
import type { Address } from './contact-points.js';

const HIDDEN = '****';

function keepEnds(text: string, first: number, last: number): string {
  const characters = [...text];
  return characters.slice(0, first).join('') + HIDDEN + characters.slice(characters.length - last).join('');
}

/** Of E.164: `+86 138****5678`. At least four digits are hidden. */
export function maskPhone(phone: string): string {
  const parsed = parsePhoneNumberFromString(phone);
  const national = parsed?.nationalNumber ?? '';
  const prefix = parsed === undefined ? '' : `+${parsed.countryCallingCode} `;
  if (national.length >= 11) return prefix + keepEnds(national, 3, 4);
  if (national.length >= 8) return prefix + keepEnds(national, 2, 2);
  return prefix + HIDDEN;
}

/** `z***@example.com`; the only letter of a local part is hidden too. */
export function maskEmail(email: string): string {
  const at = email.lastIndexOf('@');
  if (at < 0) return HIDDEN;
  const [first = '', ...others] = email.slice(0, at);
  return `${others.length > 0 ? first : ''}***${email.slice(at)}`;
}

function maskRun(run: string, isWholeName: boolean): string {
  const characters = [...run];
  if (!/^\p{Script=Han}/u.test(run)) return characters.length > 1 ? `${characters[0]}***` : '***';
  const { family } = isWholeName ? splitChineseName(characters) : { family: characters.slice(0, 1) };
  // A family name alone (欧阳, 张) would be shown whole.
  const shown = family.length < characters.length ? family : characters.slice(0, characters.length - 1);
  return shown.join('') + '*'.repeat(characters.length - shown.length);
}

/**
 * Of a person: the family name of a Chinese name and a star a character (张*, 欧阳**), the first letter of each
 * word of others (J*** S***), the first character of each part of a name with dots (阿**·买**). Names of
 * organizations are public and are not masked.
 */
export function maskName(name: string): string {
  const runs =
    name.normalize('NFC').match(/\p{Script=Han}+|(?:(?!\p{Script=Han})[\p{L}\p{M}\p{N}'’-])+/gu) ?? [];
  const hanRuns = runs.filter((run) => /^\p{Script=Han}/u.test(run)).length;
  const masked = runs.map((run) => maskRun(run, hanRuns === 1));
  return masked.length === 0 ? '***' : masked.join(/[·•・]/u.test(name) ? '·' : ' ');
}

/** Of a person's given name: beside the masked full name (张**) it tells nothing more. 小明 is `**`, John `J***`. */
export function maskGivenName(name: string): string {
  const characters = [...name.normalize('NFC')];
  return characters.some((character) => /\p{Script=Han}/u.test(character))
    ? '*'.repeat(characters.length)
    : maskName(name);
}

/** Both ends of long values (4 and 4 from 16 characters on, 3 and 4 from 12, 2 and 2 from 8), else nothing. */
export function maskIdentifier(value: string): string {
  const length = [...value].length;
  if (length >= 16) return keepEnds(value, 4, 4);
  if (length >= 12) return keepEnds(value, 3, 4);
  if (length >= 8) return keepEnds(value, 2, 2);
  return HIDDEN;
}

/** Of an ISO 8601 date: `1990-**-**`. */
export function maskDate(date: string): string {
  return /^\d{4}-\d{2}-\d{2}$/.test(date) ? `${date.slice(0, 4)}-**-**` : '****-**-**';
}

/** The city and the country alone. */
export function maskAddress(address: Address): Address {
  return { lines: [], ...(address.city !== undefined && { city: address.city }), country: address.country };
}
