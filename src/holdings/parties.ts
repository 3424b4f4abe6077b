/**
 * Who stands in which role to a holding. A role runs over [starts_on, ends_on). A holding has one primary owner at
 * any time: naming another hands it over, and the former one ends; ending the primary owner alone cannot be. Owners'
 * shares come to 100 percent at most. Ended roles are kept.
 */
import { Big } from 'big.js';
import type { FieldProblem } from '../platform/errors.js';
import { ownerRoles, type PartyRole } from './vocabulary.js';

export type Party = {
  id: string;
  customerId: string;
  role: PartyRole;
  share: string | null;
  startsOn: string | null;
  endsOn: string | null;
};

type Changeable = { share?: string | null; startsOn?: string | null; endsOn?: string | null };

/** A party as it was stated, with the id that it gets where it is new. Absent is not stated. */
export type StatedParty = { id: string; customerId: string; role: PartyRole } & Changeable;

export type PartiesStatement =
  /** all who stand now: others end, if `mayEnd` says that the caller can see them */
  | { mode: 'replace'; parties: readonly StatedParty[]; mayEnd: (customerId: string) => boolean }
  | { mode: 'add'; parties: readonly StatedParty[] }
  | { mode: 'change'; partyId: string; change: Changeable };

export type PartiesDecision = { parties: Party[]; problems: FieldProblem[] };

const problem = (pointer: string, code: string, message: string): FieldProblem => ({
  in: 'body',
  pointer,
  code,
  message,
});

const isOpen = (party: Party) => party.endsOn === null;
const stands = (party: Party, as: StatedParty) =>
  party.customerId === as.customerId && party.role === as.role;
const later = (left: string | null, right: string) => (left !== null && left > right ? left : right);

const merged = (party: Party, change: Changeable): Party => ({
  ...party,
  share: change.share === undefined || sameShare(party.share, change.share) ? party.share : change.share,
  startsOn: change.startsOn === undefined ? party.startsOn : change.startsOn,
  endsOn: change.endsOn === undefined ? party.endsOn : change.endsOn,
});

const sameShare = (left: string | null, right: string | null) =>
  left === null || right === null ? left === right : new Big(left).eq(right);

const ended = (party: Party, day: string): Party => ({ ...party, endsOn: later(party.startsOn, day) });

/** @param day from which those end of whom nothing else is said */
export function changeParties(
  before: readonly Party[],
  statement: PartiesStatement,
  day: string,
): PartiesDecision {
  let parties = [...before];
  if (statement.mode === 'change') {
    parties = parties.map((party) =>
      party.id === statement.partyId ? merged(party, statement.change) : party,
    );
  } else {
    for (const stated of statement.parties) parties = withParty(parties, stated, day);
    if (statement.mode === 'replace') parties = withoutOthers(parties, statement, day);
  }
  return { parties, problems: problemsOf(parties, statement) };
}

function withParty(parties: readonly Party[], stated: StatedParty, day: string): Party[] {
  const known =
    parties.find((party) => stands(party, stated) && isOpen(party)) ??
    parties.find((party) => stands(party, stated) && !isOpen(party) && party.endsOn === stated.endsOn);
  const next: Party = known
    ? merged(known, stated)
    : merged({ ...stated, share: null, startsOn: null, endsOn: null }, stated);
  const others = parties.map((party) => (party === known ? next : party));
  const all = known === undefined ? [...others, next] : others;
  if (next.role !== 'primary_owner' || !isOpen(next)) return all;
  const handedOver = next.startsOn ?? day;
  return all.map((party) =>
    party !== next && party.role === 'primary_owner' && isOpen(party) ? ended(party, handedOver) : party,
  );
}

function withoutOthers(
  parties: readonly Party[],
  statement: Extract<PartiesStatement, { mode: 'replace' }>,
  day: string,
): Party[] {
  const ends = (party: Party) =>
    isOpen(party) &&
    party.role !== 'primary_owner' &&
    statement.mayEnd(party.customerId) &&
    !statement.parties.some((stated) => stands(party, stated));
  return parties.map((party) => (ends(party) ? ended(party, day) : party));
}

function problemsOf(parties: readonly Party[], statement: PartiesStatement): FieldProblem[] {
  const at = statement.mode === 'replace' ? '/parties' : '';
  const primary = parties.filter((party) => party.role === 'primary_owner' && isOpen(party)).length;
  if (primary !== 1) {
    const message =
      'a holding has one primary owner who stands: name the new one, and the former one ends by that';
    return [
      problem(statement.mode === 'change' ? '/ends_on' : at || '/role', 'primary_owner_required', message),
    ];
  }
  const open = parties.filter(isOpen);
  const keys = new Set(open.map((party) => `${party.customerId} ${party.role}`));
  if (keys.size < open.length) {
    return [problem(at || '/ends_on', 'already_stands', 'the customer stands in this role already')];
  }
  if (
    parties.some((party) => party.startsOn !== null && party.endsOn !== null && party.endsOn < party.startsOn)
  ) {
    return [problem(at || '/ends_on', 'ends_before_start', 'a role cannot end before it starts')];
  }
  const shares = open.filter((party) => ownerRoles.includes(party.role)).map((party) => party.share ?? '0');
  const total = shares.reduce((sum, share) => sum.plus(share), new Big(0));
  return total.gt(100)
    ? [problem(at || '/share', 'shares_exceed_whole', "owners' shares come to more than 100 percent")]
    : [];
}
