/**
 * What can be imported. Each kind takes the same items as its operation of the API, checks them by the same schema,
 * and applies them by the same function, a batch at a time.
 */
import type { TSchema } from 'typebox';
import { ensurePartitions } from '../activities/partitions.js';
import type { PreparedActivity } from '../activities/preparation.js';
import { recordActivities } from '../activities/recording.js';
import { ActivityIn, HoldingReference, ReversesIn } from '../activities/schemas.js';
import { activityReader } from '../activities/service.js';
import { loadDefinitions } from '../customers/definitions.js';
import { prepareCustomer } from '../customers/preparation.js';
import type { Item } from '../customers/resolution.js';
import {
  AddressIn,
  ContactPointIn,
  CustomerReference,
  type CustomerStatement,
  CustomerUpsert,
  IdentifierIn,
} from '../customers/schemas.js';
import { upsertCustomers } from '../customers/upsert.js';
import type { Tx } from '../db/client.js';
import { BalanceIn, type BalanceStatement } from '../holdings/balance-schemas.js';
import { prepareBalance, prepareHolding } from '../holdings/preparation.js';
import type { HoldingItem } from '../holdings/resolution.js';
import { HoldingPartyIn, HoldingUpsert, type HoldingUpsertIn } from '../holdings/schemas.js';
import { upsertHoldings } from '../holdings/upsert.js';
import { openPoints, PointsIn, type PreparedPoints, preparePoints } from '../loyalty/openings.js';
import { rateProblems, recordRates } from '../money/recording.js';
import { ExchangeRateIn, type RateStatement } from '../money/schemas.js';
import type { AuditEntry } from '../platform/audit.js';
import type { Ctx } from '../platform/context.js';
import { DomainError, type FieldProblem } from '../platform/errors.js';
import { Ref } from '../platform/http/schemas.js';
import { bodyValidator } from '../platform/http/validation.js';
import type { OutboxEvent } from '../platform/outbox.js';
import type { Scope } from '../platform/scopes.js';
import { SegmentMemberIn } from '../segments/static-schemas.js';
import {
  listNamed,
  type PreparedListing,
  prepareListing,
  type SegmentMemberStatement,
} from '../segments/static-service.js';
import { endOfDate } from './business-dates.js';
import type { ImportKind, ImportRow } from './rows.js';

/** `accepted` is new or changed, `duplicate` said nothing new. */
export type LineOutcome = 'accepted' | 'duplicate' | DomainError;
export type Applied = { outcomes: LineOutcome[]; audit: AuditEntry[]; events: OutboxEvent[] };

/** Items of one chunk: they are added one by one, and applied in a transaction. */
export type Batch = {
  /** Takes a record's value, or says why it cannot be. */
  add(value: unknown): DomainError | undefined;
  /** What must be there before the transaction. */
  prepare(): Promise<void>;
  /** Applies those that were taken, from one place to before another. It may be called again. */
  apply(tx: Tx, ctx: Ctx, from: number, to: number): Promise<Applied>;
};

type Settings = Pick<ImportRow, 'source' | 'on_unknown' | 'business_date'>;

export type Kind = {
  schema: TSchema;
  components: readonly TSchema[];
  /** what a caller needs beside `imports:write` */
  scope: Scope;
  /** concerns the whole bank: callers that are bound to a data scope are refused */
  ofTheBank?: true;
  open(ctx: Ctx, settings: Settings): Promise<Batch>;
};

const customerParts = [AddressIn, ContactPointIn, IdentifierIn, CustomerUpsert];
const holdingParts = [CustomerReference, HoldingPartyIn, HoldingUpsert];
const checkCustomer = bodyValidator(customerParts, Ref(CustomerUpsert));
const checkBalance = bodyValidator([BalanceIn], Ref(BalanceIn));
const checkRate = bodyValidator([ExchangeRateIn], Ref(ExchangeRateIn));
const checkMember = bodyValidator([CustomerReference, SegmentMemberIn], Ref(SegmentMemberIn));
const checkPoints = bodyValidator([CustomerReference, PointsIn], Ref(PointsIn));
const checkHolding = bodyValidator(holdingParts, Ref(HoldingUpsert));

export const kinds: Record<ImportKind, Kind> = {
  activities: {
    schema: ActivityIn,
    components: [CustomerReference, HoldingReference, ReversesIn, ActivityIn],
    scope: 'activities:write',
    open: openActivities,
  },
  customers: {
    schema: CustomerUpsert,
    components: customerParts,
    scope: 'customers:write',
    open: openCustomers,
  },
  holdings: { schema: HoldingUpsert, components: holdingParts, scope: 'customers:write', open: openHoldings },
  balances: { schema: BalanceIn, components: [BalanceIn], scope: 'customers:write', open: openBalances },
  exchange_rates: {
    schema: ExchangeRateIn,
    components: [ExchangeRateIn],
    scope: 'definitions:write',
    ofTheBank: true,
    open: openRates,
  },
  segment_members: {
    schema: SegmentMemberIn,
    components: [CustomerReference, SegmentMemberIn],
    scope: 'segments:write',
    open: openMembers,
  },
  points: {
    schema: PointsIn,
    components: [CustomerReference, PointsIn],
    scope: 'loyalty:write',
    open: openBroughtPoints,
  },
};

/** A line that names no source speaks for the import's. */
function stated(value: unknown, defaults: Record<string, unknown>): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const record = value as Record<string, unknown>;
  for (const [field, standard] of Object.entries(defaults)) {
    if (standard !== null && record[field] === undefined) record[field] = standard;
  }
  return record;
}

/** A file of a business date speaks of its end, however late it comes: a word of a later day stands. */
const knownBy = (ctx: Ctx, date: string | null) => (date === null ? null : endOfDate(ctx, date));

const nothing = async () => undefined;

async function openActivities(ctx: Ctx, { source, on_unknown }: Settings): Promise<Batch> {
  const read = await activityReader(ctx);
  const activities: PreparedActivity[] = [];
  return {
    add(value) {
      const activity = read(source === null ? value : stated(value, { source }));
      if (activity instanceof DomainError) return activity;
      activities.push(activity);
      return undefined;
    },
    prepare: () =>
      ensurePartitions(
        ctx.database,
        activities.map((activity) => activity.occurredAt),
      ),
    async apply(tx, at, from, to) {
      const effect = await recordActivities(tx, at, activities.slice(from, to), on_unknown);
      return {
        ...effect,
        outcomes: effect.outcomes.map((outcome) => {
          if (!outcome.ok) return outcome.error;
          return outcome.outcome === 'duplicate' ? 'duplicate' : 'accepted';
        }),
      };
    },
  };
}

const faulty = (code: 'malformed_request' | 'rule_broken', errors: FieldProblem[]) => {
  const { pointer, message } = errors[0] ?? { pointer: '', message: 'is not valid' };
  return new DomainError(code, `${pointer} ${message}.`.trimStart(), { errors });
};

type Upserted =
  | { ok: true; outcome: 'created' | 'updated' | 'unchanged' }
  | { ok: false; error: DomainError };

const lineOutcome = (outcome: Upserted): LineOutcome =>
  outcome.ok ? (outcome.outcome === 'unchanged' ? 'duplicate' : 'accepted') : outcome.error;

async function openCustomers(ctx: Ctx, { source, business_date }: Settings): Promise<Batch> {
  const world = { ...ctx, definitions: await loadDefinitions(ctx.database) };
  const items: Item[] = [];
  const source_time = knownBy(ctx, business_date);
  return {
    add(value) {
      const input = stated(value, { source, source_time });
      const errors = checkCustomer(input);
      if (errors.length > 0) return faulty('malformed_request', errors);
      const { prepared, problems } = prepareCustomer(world, input as CustomerStatement);
      if (problems.length > 0) return faulty('rule_broken', problems);
      items.push({ prepared, mode: 'upsert' });
      return undefined;
    },
    prepare: nothing,
    async apply(tx, at, from, to) {
      const effect = await upsertCustomers(tx, at, items.slice(from, to));
      return { ...effect, outcomes: effect.outcomes.map(lineOutcome) };
    },
  };
}

async function openHoldings(ctx: Ctx, { source, on_unknown, business_date }: Settings): Promise<Batch> {
  const world = { ...ctx, definitions: await loadDefinitions(ctx.database) };
  const items: HoldingItem[] = [];
  const source_time = knownBy(ctx, business_date);
  return {
    add(value) {
      const input = stated(value, { source, on_unknown, source_time });
      const errors = checkHolding(input);
      if (errors.length > 0) return faulty('malformed_request', errors);
      const { key, prepared, problems } = prepareHolding(world, input as HoldingUpsertIn);
      if (problems.length > 0) return faulty('rule_broken', problems);
      items.push({ key, prepared });
      return undefined;
    },
    prepare: nothing,
    async apply(tx, at, from, to) {
      const effect = await upsertHoldings(tx, at, items.slice(from, to));
      return { ...effect, outcomes: effect.outcomes.map(lineOutcome) };
    },
  };
}

async function openBalances(ctx: Ctx, { source }: Settings): Promise<Batch> {
  const world = { ...ctx, definitions: await loadDefinitions(ctx.database) };
  const items: HoldingItem[] = [];
  return {
    add(value) {
      const input = stated(value, { source });
      const errors = checkBalance(input);
      if (errors.length > 0) return faulty('malformed_request', errors);
      const { key, prepared, problems } = prepareBalance(world, input as BalanceStatement);
      if (problems.length > 0) return faulty('rule_broken', problems);
      items.push({ key, prepared, isKnown: true });
      return undefined;
    },
    prepare: nothing,
    async apply(tx, at, from, to) {
      const effect = await upsertHoldings(tx, at, items.slice(from, to));
      return { ...effect, outcomes: effect.outcomes.map(lineOutcome) };
    },
  };
}

async function openRates(ctx: Ctx, { source }: Settings): Promise<Batch> {
  const rates: RateStatement[] = [];
  return {
    add(value) {
      const input = stated(value, { source });
      const errors = checkRate(input);
      if (errors.length > 0) return faulty('malformed_request', errors);
      const problems = rateProblems(ctx, input as RateStatement);
      if (problems.length > 0) return faulty('rule_broken', problems);
      rates.push(input as RateStatement);
      return undefined;
    },
    prepare: nothing,
    async apply(tx, at, from, to) {
      const effect = await recordRates(tx, at, rates.slice(from, to));
      return {
        ...effect,
        outcomes: effect.outcomes.map((outcome) => (outcome === 'recorded' ? 'accepted' : 'duplicate')),
      };
    },
  };
}

async function openMembers(ctx: Ctx): Promise<Batch> {
  const world = { ...ctx, definitions: await loadDefinitions(ctx.database) };
  const listings: PreparedListing[] = [];
  return {
    add(value) {
      const errors = checkMember(value);
      if (errors.length > 0) return faulty('malformed_request', errors);
      const prepared = prepareListing(world, value as SegmentMemberStatement);
      if (Array.isArray(prepared)) return faulty('rule_broken', prepared);
      listings.push(prepared);
      return undefined;
    },
    prepare: nothing,
    async apply(tx, at, from, to) {
      const effect = await listNamed(tx, at, listings.slice(from, to));
      return {
        ...effect,
        outcomes: effect.outcomes.map((outcome) => {
          if (outcome instanceof DomainError) return outcome;
          return outcome === 'changed' ? 'accepted' : 'duplicate';
        }),
      };
    },
  };
}

async function openBroughtPoints(ctx: Ctx): Promise<Batch> {
  const world = { ...ctx, definitions: await loadDefinitions(ctx.database) };
  const items: PreparedPoints[] = [];
  return {
    add(value) {
      const errors = checkPoints(value);
      if (errors.length > 0) return faulty('malformed_request', errors);
      const prepared = preparePoints(world, value as Parameters<typeof preparePoints>[1]);
      if (Array.isArray(prepared)) return faulty('rule_broken', prepared);
      items.push(prepared);
      return undefined;
    },
    prepare: nothing,
    apply: (tx, at, from, to) => openPoints(tx, at, items.slice(from, to)),
  };
}
