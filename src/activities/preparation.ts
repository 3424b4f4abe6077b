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
export type PlacedActivity = { activity: PreparedActivity; customerId: string; holdingId: string | null };

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
    const { holding, currency = null } = input;
    const amount = input.amount === undefined ? null : plainAmount(input.amount);
    const activity: PreparedActivity = {
      id: newId(),
      source: input.source,
      sourceId: input.source_id,
      key: `${input.source} ${input.source_id}`,
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
  return hash('sha256', `${holding}|${one.type}|${when}|${money}|${how}|${one.attributes ?? ''}`, 'hex');
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
