/**
 * What a statement changes of a holding. Its source is the only one that numbers it, so the later statement of the
 * source wins: what it knew earlier and tells late is ignored, and said to be. Balances count by their business dates,
 * each day by itself. A change by hand is never late.
 */
import { isDeepStrictEqual } from 'node:util';
import type { FieldProblem } from '../platform/errors.js';
import { readFreeForm } from '../platform/free-form.js';
import { microsOf } from '../platform/instants.js';
import { mergePatch } from '../platform/merge-patch.js';
import {
  type BalanceWindow,
  noBalances,
  type StatedDay,
  sameAmount,
  stateBalance,
} from './balance-intervals.js';
import { changeParties, type PartiesStatement, type Party } from './parties.js';
import type { Category, HoldingStatus } from './vocabulary.js';

/** What a source states of a holding, beside its attributes and parties. */
export type HoldingFields = {
  category: Category;
  product: string | null;
  status: HoldingStatus;
  status_reason: string | null;
  currency: string;
  opened_on: string | null;
  closed_on: string | null;
  balance: string | null;
  balance_date: string | null;
};

export type HoldingState = HoldingFields & {
  attributes: Record<string, unknown>;
  source_time: string | null;
  parties: Party[];
  /** by business date, around the days that statements are about */
  balances: BalanceWindow;
  /** those that it came into, and that are not written yet */
  statuses: StatusEntry[];
};

export type StatusEntry = { status: HoldingStatus; reason: string | null; sourceTime: string };

export const ownerOf = ({ parties }: Pick<HoldingState, 'parties'>): string =>
  parties.find((party) => party.role === 'primary_owner' && party.endsOn === null)?.customerId ?? '';

export type HoldingChange = {
  fields: Partial<HoldingFields>;
  attributes: Record<string, unknown> | undefined;
  parties: PartiesStatement | undefined;
  sourceTime: string;
  /** the calendar day of `sourceTime` at the bank */
  sourceDay: string;
  /** when it is recorded here, and the day of that at the bank */
  recordedAt: string;
  recordedDay: string;
  byHand: boolean;
};

export type Ignored = { field: string; reason: 'older' };

export type HoldingDecision =
  | { ok: true; state: HoldingState; changed: string[]; ignored: Ignored[] }
  | { ok: false; problems: FieldProblem[] };

const later = (left: string | null, right: string) =>
  left !== null && Date.parse(left) > Date.parse(right) ? left : right;

const same = (field: string, left: unknown, right: unknown) =>
  field === 'balance' && typeof left === 'string' && typeof right === 'string'
    ? sameAmount(left, right)
    : isDeepStrictEqual(left, right);

export function decideHolding(
  before: HoldingState | undefined,
  change: HoldingChange,
  currency: string,
): HoldingDecision {
  const base = before ?? emptyHolding(change, currency);
  if (base === undefined) {
    const message = 'is needed: no holding of this source has the number yet';
    return { ok: false, problems: [{ in: 'body', pointer: '/category', code: 'required', message }] };
  }
  const stated = statedFields(before, change);
  const balance = decideBalance(base, change);
  if (!change.byHand && later(base.source_time, change.sourceTime) !== change.sourceTime) {
    const state = { ...base, ...balance.state };
    const changed = [...changedNames(base, state), ...balance.others];
    return {
      ok: true,
      state: changed.length === 0 && state.balances === base.balances ? base : state,
      changed,
      ignored: [...olderThan(base, change, stated), ...balance.ignored],
    };
  }
  const decided = { ...base, ...stated, ...balance.state };
  decided.statuses = withStatus(before, decided, change);
  if (change.attributes !== undefined) {
    decided.attributes = mergePatch(base.attributes, change.attributes) as HoldingState['attributes'];
  }
  const parties = change.parties && changeParties(base.parties, change.parties, change.sourceDay);
  if (parties !== undefined) decided.parties = parties.parties;
  const problems = [
    ...(parties?.problems ?? []),
    ...ownerProblems(before, decided, change),
    ...dateProblems(decided),
    ...(change.attributes === undefined ? [] : attributeProblems(decided.attributes)),
  ];
  if (problems.length > 0) return { ok: false, problems };
  if (before === undefined && !decided.parties.some((party) => party.role === 'primary_owner')) {
    const message = 'a new holding needs a primary owner';
    return {
      ok: false,
      problems: [{ in: 'body', pointer: '/parties', code: 'primary_owner_required', message }],
    };
  }
  const changed = [...changedNames(before, decided), ...balance.others];
  const state =
    changed.length === 0
      ? { ...base, balances: decided.balances }
      : { ...decided, source_time: later(base.source_time, change.sourceTime) };
  return { ok: true, state, changed, ignored: balance.ignored };
}

/** An attribute may have the name of what every object has. */
const ownValue = (attributes: Record<string, unknown>, name: string): unknown =>
  Object.hasOwn(attributes, name) ? attributes[name] : undefined;

/** Whatever the sources have told by and by: all of it together stays readable. */
function attributeProblems(attributes: Record<string, unknown>): FieldProblem[] {
  const read = readFreeForm(attributes);
  return read.ok ? [] : [{ in: 'body', pointer: '/attributes', code: 'too_much', message: read.message }];
}

function emptyHolding({ fields }: HoldingChange, currency: string): HoldingState | undefined {
  if (fields.category === undefined) return undefined;
  return {
    category: fields.category,
    product: null,
    status: 'active',
    status_reason: null,
    currency,
    opened_on: null,
    closed_on: null,
    balance: null,
    balance_date: null,
    attributes: {},
    source_time: null,
    parties: [],
    balances: noBalances,
    statuses: [],
  };
}

/** With what follows from what was said; the balance is decided apart. */
function statedFields(before: HoldingState | undefined, change: HoldingChange): Partial<HoldingFields> {
  const { balance: _balance, balance_date: _date, ...fields } = change.fields;
  const { status, opened_on: openedOn = before?.opened_on ?? null } = fields;
  if (status === undefined || status === before?.status) return fields;
  // a reason is that of its status; a closure can be reversed
  const isClosed = status === 'closed';
  const day = openedOn !== null && openedOn > change.sourceDay ? openedOn : change.sourceDay;
  return { status_reason: null, closed_on: isClosed ? day : null, ...fields };
}

function withStatus(
  before: HoldingState | undefined,
  { status, status_reason: reason, statuses }: HoldingState,
  { sourceTime }: HoldingChange,
): StatusEntry[] {
  const isSame = status === before?.status && reason === before.status_reason;
  return isSame ? statuses : [...statuses, { status, reason, sourceTime }];
}

type BalanceChange = {
  state: Partial<Pick<HoldingState, 'balance' | 'balance_date' | 'balances'>>;
  /** what changed beside the balance that stands now */
  others: string[];
  ignored: Ignored[];
};

/** A balance counts for its business date; the one that stands now is that of the latest. */
function decideBalance(base: HoldingState, change: HoldingChange): BalanceChange {
  const statement = statedBalance(base, change);
  if (statement === undefined) {
    const clears = change.fields.balance_date === null && base.balance === null;
    return { state: clears ? { balance_date: null } : {}, others: [], ignored: [] };
  }
  const decision = stateBalance(base.balances, statement, change.byHand);
  if (decision.outcome === 'older') {
    const ignored = (['balance', 'balance_date'] as const)
      .filter(
        (field) => change.fields[field] !== undefined && !same(field, base[field], change.fields[field]),
      )
      .map((field): Ignored => ({ field, reason: 'older' }));
    return { state: {}, others: [], ignored };
  }
  const { window: balances, isChange } = decision;
  const { day, amount } = statement;
  const isPresent = decision.isLatest && (base.balance_date === null || day >= base.balance_date);
  if (!isPresent) return { state: { balances }, others: isChange ? ['balances'] : [], ignored: [] };
  const present = sameAmount(base.balance, amount) ? base.balance : amount;
  return {
    state: { balances, balance: present, balance_date: amount === null ? null : day },
    others: [],
    ignored: [],
  };
}

/** The day and the amount that are said, or follow from what is. */
function statedBalance(base: HoldingState, change: HoldingChange): StatedDay | undefined {
  const { balance, balance_date: date } = change.fields;
  const amount = balance === undefined ? base.balance : balance;
  if (balance === undefined && (date ?? null) === null) return undefined;
  if (amount === null && base.balance === null) return undefined;
  // the same without a day says nothing new
  if (date === undefined && sameAmount(base.balance, amount)) return undefined;
  return {
    day: date ?? change.sourceDay,
    amount,
    currency: change.fields.currency ?? base.currency,
    sourceMicros: microsOf(change.sourceTime),
    recordedMicros: microsOf(change.recordedAt),
  };
}

/** What the late statement would have changed. */
function olderThan(base: HoldingState, change: HoldingChange, stated: Partial<HoldingFields>): Ignored[] {
  const fields = Object.entries(stated)
    .filter(([field, value]) => !same(field, base[field as keyof HoldingFields], value))
    .map(([field]) => field);
  const attributes = Object.entries(change.attributes ?? {})
    .filter(([name, value]) => !isDeepStrictEqual(ownValue(base.attributes, name) ?? null, value))
    .map(([name]) => `attributes.${name}`);
  const parties = change.parties && changeParties(base.parties, change.parties, change.sourceDay).parties;
  const others = parties !== undefined && !isDeepStrictEqual(parties, base.parties) ? ['parties'] : [];
  return [...fields, ...attributes, ...others].map((field) => ({ field, reason: 'older' }));
}

/** A holding lives with its primary owner: it is handed over on the day, not before. */
function ownerProblems(
  before: HoldingState | undefined,
  after: HoldingState,
  { recordedDay }: HoldingChange,
): FieldProblem[] {
  const owner = after.parties.find(({ role, endsOn }) => role === 'primary_owner' && endsOn === null);
  if (before === undefined || owner === undefined || ownerOf(before) === owner.customerId) return [];
  if (owner.startsOn === null || owner.startsOn <= recordedDay) return [];
  const message = 'a new primary owner takes over today or took over before: name it on the day';
  return [{ in: 'body', pointer: '/parties', code: 'takes_over_later', message }];
}

function dateProblems({ opened_on, closed_on, status }: HoldingState): FieldProblem[] {
  const at = (code: string, message: string): FieldProblem[] => [
    { in: 'body', pointer: '/closed_on', code, message },
  ];
  if (closed_on === null) return [];
  if (status !== 'closed') return at('not_closed', 'only a holding whose status is closed has this day');
  return opened_on !== null && closed_on < opened_on
    ? at('closes_before_opening', 'a holding cannot be closed before it was opened')
    : [];
}

const scalarNames = [
  'category',
  'product',
  'status',
  'status_reason',
  'currency',
  'opened_on',
  'closed_on',
  'balance',
  'balance_date',
] as const;

function changedNames(before: HoldingState | undefined, after: HoldingState): string[] {
  const scalars = scalarNames.filter((name) => !same(name, before?.[name] ?? null, after[name]));
  const names = new Set([...Object.keys(before?.attributes ?? {}), ...Object.keys(after.attributes)]);
  const attributes = [...names].filter(
    (name) =>
      !isDeepStrictEqual(before && ownValue(before.attributes, name), ownValue(after.attributes, name)),
  );
  const parties = isDeepStrictEqual(before?.parties, after.parties) ? [] : ['parties'];
  return [...scalars, ...attributes.map((name) => `attributes.${name}`), ...parties];
}
