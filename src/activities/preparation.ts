/** An activity as a source states it, checked and normalised, before anything is read or locked. */
import { hash } from 'node:crypto';
import type { Definitions } from '../customers/definitions.js';
import { type PreparedReference, prepareReference, referenceText } from '../customers/references.js';
import { holdingNumberIndex } from '../holdings/numbers.js';
import { bankDays } from '../platform/bank-days.js';
import type { Bank } from '../platform/context.js';
import { DomainError, type FieldProblem, fieldError } from '../platform/errors.js';
import { readFreeForm } from '../platform/free-form.js';
import { newId } from '../platform/ids.js';
import { instantOf } from '../platform/instants.js';
import type { Keyring } from '../platform/secrets.js';
import { earliestMicros, latestMicros, readOccurrence } from './occurrence.js';
import type { ActivityStatement } from './schemas.js';

export type PreparedActivity = {
  id: string;
  source: string;
  sourceId: string;
  /** source and source id as one text */
  key: string;
  sourceVersion: number;
  /** what it reverses, of the same source; an amount of null is all of it */
  reverses: { sourceId: string; amount: string | null } | null;
  /** who did it; undefined: the primary owner of the holding */
  customer: PreparedReference | undefined;
  /** the same customer, the same text */
  customerText: string | undefined;
  holding: { source: string; numberIndex: string } | undefined;
  type: string;
  occurredAt: string;
  precision: 'instant' | 'day';
  businessDate: string;
  amount: string | null;
  currency: string | null;
  /** in the bank's currency; null where there is no amount or no rate for it */
  reportingAmount: string | null;
  /** what it was made with; null in the bank's own currency */
  rateId: string | null;
  direction: string;
  initiatedBy: string;
  ownTransfer: boolean;
  channel: string | null;
  /** canonical JSON */
  attributes: string | null;
  /** SHA-256 of all that is said but who did it, in hexadecimal */
  contentHash: string;
};

/** With the customer that it belongs to, and the holding that it happened on. */
export type PlacedActivity = {
  activity: PreparedActivity;
  customerId: string;
  /** the merged customer of whom it was told; null: of its own */
  origin: string | null;
  holdingId: string | null;
};

export type ActivityWorld = { keyring: Keyring; bank: Bank; definitions: Definitions; now: string };

/** Checks items one by one against one world. A number is looked into once, however many items name it. */
export function activityPreparer(
  world: ActivityWorld,
): (input: ActivityStatement) => PreparedActivity | DomainError {
  const days = bankDays(world.bank.timeZone);
  const latest = latestMicros(world.now);
  const indexOf = kept((source: string, number: string) => holdingNumberIndex(world.keyring, source, number));

  return (input) => {
    const occurrence = readOccurrence(days, input.occurred_at);
    if (occurrence === undefined) {
      return fieldError('/occurred_at', 'no_such_instant', 'The calendar has no such instant.');
    }
    const { micros, precision } = occurrence;
    if (micros < earliestMicros || micros > latest) {
      return fieldError('/occurred_at', 'out_of_range', 'It lies before 1970 or more than a year ahead.');
    }
    const problems: FieldProblem[] = [];
    const customer = input.customer && prepareReference(world, input.customer, '/customer', problems);
    const free = input.attributes === undefined ? undefined : readFreeForm(input.attributes);
    if (free?.ok === false) {
      problems.push({ in: 'body', pointer: '/attributes', code: 'too_much', message: free.message });
    }
    if (problems[0] !== undefined)
      return new DomainError('rule_broken', problems[0].message, { errors: problems });
    const { holding, reverses, currency = null } = input;
    if (reverses?.source_id === input.source_id) {
      return fieldError('/reverses/source_id', 'same_activity', 'An activity does not reverse itself.');
    }
    const amount = input.amount === undefined ? null : plainAmount(input.amount);
    const activity: PreparedActivity = {
      id: newId(),
      source: input.source,
      sourceId: input.source_id,
      key: keyOf(input.source, input.source_id),
      sourceVersion: input.source_version ?? 0,
      reverses:
        reverses === undefined
          ? null
          : { sourceId: reverses.source_id, amount: reverses.amount ? plainAmount(reverses.amount) : null },
      customer,
      customerText: customer && referenceText(customer),
      holding: holding && { source: holding.source, numberIndex: indexOf(holding.source, holding.number) },
      type: input.type,
      occurredAt: instantOf(micros),
      precision,
      businessDate: input.business_date ?? days.dateOf(micros / 1000),
      amount,
      currency,
      reportingAmount: currency === world.bank.currency ? amount : null,
      rateId: null,
      direction: input.direction ?? 'none',
      initiatedBy: input.initiated_by ?? 'customer',
      ownTransfer: input.own_transfer ?? false,
      channel: input.channel ?? null,
      attributes: free?.ok === true ? free.json : null,
      contentHash: '',
    };
    activity.contentHash = contentHash(activity);
    return activity;
  };
}

/** Source and source id as one text. */
export const keyOf = (source: string, sourceId: string): string => `${source} ${sourceId}`;

/** 12.50 and 12.5 are one amount. */
const plainAmount = (amount: string): string =>
  amount.includes('.') ? amount.replace(/\.?0+$/, '') : amount;

/**
 * What makes two statements under one source id the same. Defaults are filled in, so that leaving one out is no
 * difference. Who did it is not in it: two ways of naming one customer say the same. No value but the last can
 * hold the sign between them.
 */
function contentHash(one: PreparedActivity): string {
  const holding = one.holding === undefined ? '' : `${one.holding.source} ${one.holding.numberIndex}`;
  const when = `${one.occurredAt}|${one.precision}|${one.businessDate}`;
  const money = `${one.amount ?? ''}|${one.currency ?? ''}|${one.direction}`;
  const how = `${one.initiatedBy}|${one.ownTransfer}|${one.channel ?? ''}`;
  // told apart from what it follows, an object or nothing, since it is a list
  const reverses = one.reverses === null ? '' : JSON.stringify([one.reverses.sourceId, one.reverses.amount]);
  const all = `${holding}|${one.type}|${when}|${money}|${how}|${one.attributes ?? ''}${reverses}`;
  return hash('sha256', all, 'hex');
}

function kept(make: (source: string, number: string) => string): (source: string, number: string) => string {
  const known = new Map<string, string>();
  return (source, number) => {
    const key = `${source} ${number}`;
    const value = known.get(key) ?? make(source, number);
    known.set(key, value);
    return value;
  };
}
