/**
 * What a statement changes of a holding. Its source is the only one that numbers it, so the later statement of the
 * source wins: what it knew earlier and tells late is ignored, and said to be. A balance gives way only to one of the
 * same or a later business date. A change by hand is never late.
 */
import { isDeepStrictEqual } from 'node:util';
import { Big } from 'big.js';
import type { FieldProblem } from '../platform/errors.js';
import { readFreeForm } from '../platform/free-form.js';
import { mergePatch } from '../platform/merge-patch.js';
import { changeParties, type PartiesStatement, type Party } from './parties.js';
import type { Category, HoldingStatus } from './vocabulary.js';

/** What a source states of a holding, beside its attributes and parties. */
export type HoldingFields = {
  category: Category;
  product: string | null;
  status: HoldingStatus;
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
};

export const ownerOf = ({ parties }: Pick<HoldingState, 'parties'>): string =>
  parties.find((party) => party.role === 'primary_owner' && party.endsOn === null)?.customerId ?? '';

export type HoldingChange = {
  fields: Partial<HoldingFields>;
  attributes: Record<string, unknown> | undefined;
  parties: PartiesStatement | undefined;
  sourceTime: string;
  /** the calendar day of `sourceTime` at the bank */
  sourceDay: string;
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
    ? new Big(left).eq(right)
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
  const stated = statedFields(base, change);
  if (!change.byHand && later(base.source_time, change.sourceTime) !== change.sourceTime) {
    return { ok: true, state: base, changed: [], ignored: olderThan(base, change, stated) };
  }
  const { fields, ignored } = withoutOldBalance(base, change, stated);
  const decided = { ...base, ...fields };
  if (change.attributes !== undefined) {
    decided.attributes = mergePatch(base.attributes, change.attributes) as HoldingState['attributes'];
  }
  const parties = change.parties && changeParties(base.parties, change.parties, change.sourceDay);
  if (parties !== undefined) decided.parties = parties.parties;
  const problems = [
    ...(parties?.problems ?? []),
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
  const changed = changedNames(before, decided);
  const state =
    changed.length === 0 ? base : { ...decided, source_time: later(base.source_time, change.sourceTime) };
  return { ok: true, state, changed, ignored };
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
    currency,
    opened_on: null,
    closed_on: null,
    balance: null,
    balance_date: null,
    attributes: {},
    source_time: null,
    parties: [],
  };
}

/** With what follows from what was said. */
function statedFields(base: HoldingState, change: HoldingChange): Partial<HoldingFields> {
  const fields = { ...change.fields };
  const { balance, status } = fields;
  if (balance != null && fields.balance_date === undefined && !same('balance', base.balance, balance)) {
    fields.balance_date = change.sourceDay;
  }
  if (balance === null && fields.balance_date === undefined) fields.balance_date = null;
  // a closure can be reversed
  if (status !== undefined && status !== 'closed' && fields.closed_on === undefined) fields.closed_on = null;
  return fields;
}

function withoutOldBalance(base: HoldingState, change: HoldingChange, stated: Partial<HoldingFields>) {
  const { balance_date: date, balance: _balance, ...others } = stated;
  const isOld = !change.byHand && date != null && base.balance_date !== null && date < base.balance_date;
  if (!isOld) return { fields: stated, ignored: [] };
  const ignored: Ignored[] = (['balance', 'balance_date'] as const)
    .filter((field) => stated[field] !== undefined)
    .map((field) => ({ field, reason: 'older' }));
  return { fields: others, ignored };
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
