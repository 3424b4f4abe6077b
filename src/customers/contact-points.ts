/**
 * The normal forms of contact points. Each has a `value`, which is what was meant and is kept, and an `index`,
 * which is what the blind index is made of: two spellings of one contact point have one index.
 *
 * - Phone: E.164 (ITU-T), by the numbering plans of libphonenumber. The full metadata is used: the reduced
 *   sets check only the length of many countries' numbers. An extension is kept and is not part of the index.
 * - E-mail: `dot-string@domain` of RFC 5321, 4.1.2, with international local parts (RFC 6531) and domains
 *   (compared as ASCII); no quoted local parts, no address literals. The domain is lower-cased in the value;
 *   the whole is in the index, since no provider tells the case of local parts apart.
 */
import { domainToASCII } from 'node:url';
import { type CountryCode, parsePhoneNumberFromString } from 'libphonenumber-js/max';

export type InvalidContactPoint = {
  ok: false;
  code: 'phone_invalid' | 'email_invalid' | 'address_empty' | 'address_invalid';
  message: string;
};
export type NormalisedPhone =
  | { ok: true; value: string; index: string; extension?: string }
  | InvalidContactPoint;
export type NormalisedEmail = { ok: true; value: string; index: string } | InvalidContactPoint;

/** Fields of one line each but `lines`; `country` is ISO 3166-1 alpha-2. */
export type Address = {
  lines: string[];
  district?: string;
  city?: string;
  province?: string;
  postal_code?: string;
  country: string;
};
export type AddressInput = { [Field in keyof Omit<Address, 'lines'>]?: string | null | undefined } & {
  lines?: readonly string[] | null | undefined;
};
export type NormalisedAddress = { ok: true; value: Address; index: string } | InvalidContactPoint;

const LOCAL_PART = /^[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+(?:\.[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+)*$/u;
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

function invalid(code: InvalidContactPoint['code'], message: string): InvalidContactPoint {
  return { ok: false, code, message };
}

function cleaned(text: string): string {
  return text
    .normalize('NFKC')
    .replace(/\p{Cf}/gu, '')
    .trim();
}

/** `defaultCountry` is the bank's: a number without a country code is read as dialled there. */
export function normalisePhone(text: string, defaultCountry: string): NormalisedPhone {
  const wrong = invalid('phone_invalid', 'The phone number is not one of its country’s numbering plan.');
  if (text.length > 64) return wrong;
  const typed = cleaned(text).replace(/转|轉|分机|分機/, ' ext. ');
  const phone = parsePhoneNumberFromString(typed, {
    defaultCountry: defaultCountry as CountryCode,
    extract: false,
  });
  if (!phone?.isValid()) return wrong;
  const normal = { ok: true as const, value: phone.number, index: phone.number };
  return phone.ext === undefined ? normal : { ...normal, extension: phone.ext };
}

function asciiDomain(domain: string): string | undefined {
  const ascii = domainToASCII(domain.toLowerCase());
  const labels = ascii.split('.');
  const topLabel = labels.at(-1) ?? '';
  const isDomain = labels.length >= 2 && ascii.length <= 253 && labels.every((label) => LABEL.test(label));
  // A top label of digits alone is an IPv4 address (RFC 3696, section 2).
  return isDomain && topLabel.length >= 2 && !/^\d+$/.test(topLabel) ? ascii : undefined;
}

export function normaliseEmail(text: string): NormalisedEmail {
  const wrong = invalid('email_invalid', 'The e-mail address does not have the form local-part@domain.');
  if (text.length > 512) return wrong;
  const typed = cleaned(text);
  const at = typed.lastIndexOf('@');
  const local = typed.slice(0, at);
  const domain = at < 1 ? undefined : asciiDomain(typed.slice(at + 1));
  if (domain === undefined || Buffer.byteLength(local) > 64 || !LOCAL_PART.test(local)) return wrong;
  const value = `${local}@${domain}`;
  return value.length > 254 ? wrong : { ok: true, value, index: value.toLowerCase().normalize('NFKC') };
}

function line(text: string | null | undefined): string | undefined {
  const clean = cleaned(text ?? '').replace(/\s+/gu, ' ');
  return clean === '' ? undefined : clean;
}

const regionNames = new Intl.DisplayNames('en', { type: 'region', fallback: 'none' });

function isCountry(code: string): boolean {
  // What the names' table holds beyond ISO 3166-1: groups of countries and the code for "unknown".
  return (
    /^[A-Z]{2}$/.test(code) && !/^(?:EU|EZ|QO|UN|XA|XB|ZZ)$/.test(code) && regionNames.of(code) !== undefined
  );
}

/** Needs at least a line, a district or a city; `defaultCountry` is the bank's. */
export function normaliseAddress(input: AddressInput, defaultCountry: string): NormalisedAddress {
  const lines = (input.lines ?? []).map(line).filter((text) => text !== undefined);
  const district = line(input.district);
  const city = line(input.city);
  const province = line(input.province);
  const postalCode = line(input.postal_code)?.toUpperCase();
  const country = (line(input.country) ?? defaultCountry).toUpperCase();
  if (lines.length === 0 && district === undefined && city === undefined) {
    return invalid('address_empty', 'An address has at least a line, a district or a city.');
  }
  const texts = [...lines, district ?? '', city ?? '', province ?? ''];
  if (lines.length > 5 || texts.some((text) => text.length > 200 || /[\p{Cc}\p{Cs}]/u.test(text))) {
    return invalid('address_invalid', 'An address has at most 5 lines, and no field over 200 characters.');
  }
  if (!isCountry(country))
    return invalid('address_invalid', 'The country is not an ISO 3166-1 alpha-2 code.');
  const postalForm = country === 'CN' ? /^\d{6}$/ : /^[\p{L}\p{N}][\p{L}\p{N} -]{0,15}$/u;
  if (postalCode !== undefined && !postalForm.test(postalCode)) {
    return invalid('address_invalid', 'The postal code does not have the form of its country.');
  }
  const value: Address = {
    lines,
    ...(district !== undefined && { district }),
    ...(city !== undefined && { city }),
    ...(province !== undefined && { province }),
    ...(postalCode !== undefined && { postal_code: postalCode }),
    country,
  };
  const index = [country, postalCode, province, city, district, ...lines]
    .map((text) => (text ?? '').toLowerCase().replace(/[\s,.，。、]/gu, ''))
    .join('\n');
  return { ok: true, value, index };
}
