/**
 * How likely two records are one customer (Fellegi and Sunter, Journal of the American Statistical Association
 * 64, 1969). Every comparison gives evidence in bits, log2 of how much more often it comes out so for one
 * customer recorded twice than for two; the bits add up, from a prior, and the score is the probability:
 *
 *   score = 1 / (1 + 2^-(prior + sum of weights))
 *
 * The weights are set by hand for a bank of about a million customers and held below what the frequencies
 * alone would give, since names, families and addresses hang together. What one record leaves out speaks
 * neither for nor against. Two things stand outside the sum: the same identifier is decisive (1), another kind
 * of customer excludes (0). Only the first makes records one without a person's decision.
 */
import { compareNames } from './name-similarity.js';
import type { TypedComparison } from './typed-names.js';

export type DuplicateSubject = {
  kind: 'person' | 'organization';
  /** Full names, legal and short names, not parts of them: everyone shares a family name. */
  names: readonly string[];
  /** Of birth or foundation, ISO 8601. */
  birthDate?: string | undefined;
  identifiers: readonly SubjectIdentifier[];
  /** Blind indexes. */
  phones: readonly string[];
  emails: readonly string[];
};

export type SubjectIdentifier = {
  scheme: string;
  /** The normalised value or its blind index. */
  index: string;
  /** It is a resident id in the form that was not stated (15 digits for 18, or 18 for 15): evidence, not identity. */
  upgraded?: boolean | undefined;
  /** A customer has only one of this scheme (a resident id, unlike a core-banking number). */
  single?: boolean | undefined;
};

export type DuplicateReason = {
  code:
    | 'kind_differs'
    | 'identifier_same'
    | 'resident_id_upgraded'
    | 'identifier_differs'
    | 'phone_same'
    | 'email_same'
    | 'birth_date_same'
    | 'birth_date_near'
    | 'birth_date_differs'
    | TypedComparison['code'];
  /** In bits; negative where it speaks against. */
  weight: number;
};

export type DuplicateScore = {
  score: number;
  /** The sum in bits, prior included: orders what the score no longer tells apart. */
  weight: number;
  /** Heaviest first. */
  reasons: DuplicateReason[];
};

/** From `likely` on a person should look before a record is made; from `possible` on it is worth showing. */
export const thresholds = { likely: 0.95, possible: 0.5 } as const;

/** One in 4,096: of the candidates that share a token or a contact point, few are the same customer. */
const PRIOR = -12;
const DECISIVE = 60;

const WEIGHTS = {
  resident_id_upgraded: 14,
  identifier_differs: -10,
  /** Families and firms share phones: alone it leaves the matter open. */
  phone_same: 12,
  email_same: 13,
  /** A second contact point mostly comes with the first. */
  second_contact: 4,
  birth_date_same: 11,
  /** The first of January stands for an unknown day. */
  birth_date_same_new_year: 6,
  birth_date_near: 3,
  birth_date_differs: -6,
} as const;

/** Dates that systems put where they know none. */
const PLACEHOLDER_DATES = new Set(['1900-01-01', '1970-01-01', '1901-01-01', '9999-12-31']);

const shareOne = (a: readonly string[], b: readonly string[]) => a.some((value) => b.includes(value));

function identifierReason(a: DuplicateSubject, b: DuplicateSubject): DuplicateReason | undefined {
  let reason: DuplicateReason | undefined;
  let differs = false;
  for (const one of a.identifiers) {
    for (const other of b.identifiers) {
      if (one.scheme !== other.scheme) continue;
      if (one.index !== other.index) {
        differs ||= one.single === true || other.single === true;
      } else if (one.upgraded !== true && other.upgraded !== true) {
        return { code: 'identifier_same', weight: DECISIVE };
      } else {
        reason = { code: 'resident_id_upgraded', weight: WEIGHTS.resident_id_upgraded };
      }
    }
  }
  return reason ?? (differs ? { code: 'identifier_differs', weight: WEIGHTS.identifier_differs } : undefined);
}

function contactReasons(a: DuplicateSubject, b: DuplicateSubject): DuplicateReason[] {
  const email = shareOne(a.emails, b.emails);
  const phone = shareOne(a.phones, b.phones);
  const reasons: DuplicateReason[] = [];
  if (email) reasons.push({ code: 'email_same', weight: WEIGHTS.email_same });
  if (phone)
    reasons.push({ code: 'phone_same', weight: email ? WEIGHTS.second_contact : WEIGHTS.phone_same });
  return reasons;
}

/** Day and month exchanged, one digit other, or two neighbouring ones exchanged. */
function isNearDate(a: string, b: string): boolean {
  if (
    a.slice(0, 4) === b.slice(0, 4) &&
    a.slice(5, 7) === b.slice(8, 10) &&
    a.slice(8, 10) === b.slice(5, 7)
  ) {
    return true;
  }
  const digitsOfB = b.replaceAll('-', '');
  const digitsOfA = a.replaceAll('-', '');
  const different = [...digitsOfA].flatMap((digit, at) => (digit === digitsOfB[at] ? [] : [at]));
  const [first = 0, second = 0] = different;
  const exchanged =
    second === first + 1 && digitsOfA[first] === digitsOfB[second] && digitsOfA[second] === digitsOfB[first];
  return different.length === 1 || (different.length === 2 && exchanged);
}

function birthDateReason(a: string | undefined, b: string | undefined): DuplicateReason | undefined {
  if (a === undefined || b === undefined || PLACEHOLDER_DATES.has(a) || PLACEHOLDER_DATES.has(b))
    return undefined;
  if (a === b) {
    const weight = a.endsWith('-01-01') ? WEIGHTS.birth_date_same_new_year : WEIGHTS.birth_date_same;
    return { code: 'birth_date_same', weight };
  }
  const code = isNearDate(a, b) ? 'birth_date_near' : 'birth_date_differs';
  return { code, weight: WEIGHTS[code] };
}

type NameComparer = (a: readonly string[], b: readonly string[]) => TypedComparison | undefined;

/** Symmetric, by `compareNames`. Without any evidence the score is that of the prior, near 0. */
export function scoreDuplicate(
  query: DuplicateSubject,
  candidate: DuplicateSubject,
  compare: NameComparer = compareNames,
): DuplicateScore {
  if (query.kind !== candidate.kind) {
    return { score: 0, weight: -DECISIVE, reasons: [{ code: 'kind_differs', weight: -DECISIVE }] };
  }
  const identifier = identifierReason(query, candidate);
  const name = compare(query.names, candidate.names);
  const birthDate = birthDateReason(query.birthDate, candidate.birthDate);
  const reasons = [identifier, ...contactReasons(query, candidate), name, birthDate]
    .filter((reason) => reason !== undefined)
    .map(({ code, weight }) => ({ code, weight }))
    .sort((one, other) => Math.abs(other.weight) - Math.abs(one.weight));
  const weight = reasons.reduce((sum, reason) => sum + reason.weight, PRIOR);
  const score = identifier?.code === 'identifier_same' ? 1 : Math.min(1 / (1 + 2 ** -weight), 0.9999);
  return { score: Math.round(score * 10_000) / 10_000, weight, reasons };
}
