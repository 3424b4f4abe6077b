/** Identifiers with the check characters that their standards ask for. */
import { residentIdCheckCharacter, usccCheckCharacter } from '../customers/identifier-schemes.js';
import type { Random } from './random.js';

/** GB 11643: district, birth date, a sequence number that is odd for men, check character. */
export function residentId(district: string, birthDate: string, sequence: number): string {
  const first17 = `${district}${birthDate.replaceAll('-', '')}${String(sequence).padStart(3, '0')}`;
  return first17 + residentIdCheckCharacter(first17);
}

/** GB 32100: 91 for an enterprise, district, organization code (GB 11714), check character. */
export function socialCreditCode(district: string, random: Random): string {
  const first17 = `91${district}${organizationCode(random)}`;
  return first17 + usccCheckCharacter(first17);
}

const organizationWeights = [3, 7, 9, 10, 5, 8, 4, 2];

/** GB 11714: eight characters and a check character by mod 11. Those that began with MA came with the new code. */
function organizationCode(random: Random): string {
  const first8 = `MA${Array.from({ length: 6 }, () => random.pick([...'0123456789ABCDEFGHJKLMNPQRTUWXY'])).join('')}`;
  const sum = organizationWeights.reduce(
    (total, weight, position) => total + weight * Number.parseInt(first8.charAt(position), 36),
    0,
  );
  const check = (11 - (sum % 11)) % 11;
  return first8 + (check === 10 ? 'X' : String(check));
}

/** ISO/IEC 7812-1: the issuer's six digits, nine of the account, and the check digit by Luhn. */
export function cardNumber(issuer: string, account: number): string {
  const first15 = issuer + String(account).padStart(9, '0');
  const sum = [...first15].reduce((total, digit, position) => {
    const doubled = position % 2 === 0 ? Number(digit) * 2 : Number(digit);
    return total + (doubled > 9 ? doubled - 9 : doubled);
  }, 0);
  return first15 + String((10 - (sum % 10)) % 10);
}

const mobilePrefixes = [
  '130',
  '131',
  '135',
  '136',
  '137',
  '138',
  '139',
  '150',
  '158',
  '159',
  '177',
  '186',
  '188',
  '189',
];

export const mobileNumber = (random: Random): string =>
  random.pick(mobilePrefixes) + String(random.integer(0, 99_999_999)).padStart(8, '0');
