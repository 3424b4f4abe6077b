/** The whole picture of a customer, and the small one, each in one read. */
import type { Static } from 'typebox';
import { displayName } from '../customers/fields.js';
import { maskName } from '../customers/masking.js';
import type { Stated } from '../customers/provenance.js';
import { type CustomerRecord, maskedValue, toCustomer } from '../customers/view.js';
import { type CustomerHoldingRecord, toCustomerHolding } from '../holdings/view.js';
import { type Ctx, mayReadSensitive } from '../platform/context.js';
import { notFound } from '../platform/errors.js';
import { dateIn, microsOf } from '../platform/instants.js';
import { type RelationshipRecord, toRelationship } from '../relationships/view.js';
import type { Profile, ProfileTotals, StatedValue, Summary } from './schemas.js';
import { profileStatement, summaryStatement } from './statement.js';

type ProfileOut = Static<typeof Profile>;
type Totals = Omit<Static<typeof ProfileTotals>, 'currency'>;

type ProfileRow = CustomerRecord & {
  totals: Totals;
  holdings: CustomerHoldingRecord[];
  relationships: RelationshipRecord[];
  segments: ProfileOut['segments'];
  activity_totals: ProfileOut['activity_totals'];
  last_activities: ProfileOut['last_activities'];
  statements: Record<string, Record<string, Stated>>;
  /** names of all attributes that are declared sensitive, stated here or not */
  sensitive_names: string[];
  review: ProfileOut['review'] | null;
};

const parameters = (ctx: Ctx, id: string) => {
  const scope = ctx.dataScope ?? {};
  return [
    id,
    dateIn(ctx.bank.timeZone, ctx.now),
    ctx.bank.currency,
    'branches' in scope ? scope.branches : null,
    'manager' in scope ? scope.manager : null,
    'customer' in scope ? scope.customer : null,
  ];
};

/** Throws the one 404. */
export async function getProfile(ctx: Ctx, id: string): Promise<ProfileOut> {
  const [row] = await ctx.database.named<ProfileRow>('get_profile', profileStatement, parameters(ctx, id));
  if (row === undefined) throw notFound('customer');
  return {
    customer: toCustomer(ctx, row),
    provenance: provenanceOf(ctx, row),
    totals: { currency: ctx.bank.currency, ...row.totals },
    holdings: row.holdings.map((holding) => toCustomerHolding(ctx, holding)),
    relationships: row.relationships.map((one) => toRelationship(ctx, one)),
    segments: row.segments,
    activity_totals: row.activity_totals,
    last_activities: row.last_activities,
    review: row.review ?? { evaluated_at: null, pending: true, next_change_at: null },
    as_of: ctx.now,
  };
}

/** By field, the statement that stands first. Values are masked as the picture masks the one that stands. */
function provenanceOf(ctx: Ctx, { kind, statements, sensitive_names }: ProfileRow): ProfileOut['provenance'] {
  const clear = mayReadSensitive(ctx, 'customers');
  const sensitive = new Set(sensitive_names);
  const byField: Record<string, Static<typeof StatedValue>[]> = {};
  for (const [source, fields] of Object.entries(statements)) {
    for (const [field, { value, source_time, recorded_at }] of Object.entries(fields)) {
      const shown = clear ? value : maskedValue(kind, field, value, sensitive);
      byField[field] = [...(byField[field] ?? []), { source, value: shown, source_time, recorded_at }];
    }
  }
  for (const list of Object.values(byField)) {
    list.sort(
      (left, right) =>
        Date.parse(right.source_time) - Date.parse(left.source_time) ||
        microsOf(right.recorded_at) - microsOf(left.recorded_at),
    );
  }
  return byField;
}

type SummaryRow = Parameters<typeof displayName>[0] & {
  id: string;
  kind: 'person' | 'organization';
  status: string;
  branch: string | null;
  manager: string | null;
  totals: Totals;
  segments: string[];
  last_activity_at: string | null;
};

/** Throws the one 404. */
export async function getSummary(ctx: Ctx, id: string): Promise<Static<typeof Summary>> {
  const [row] = await ctx.database.named<SummaryRow>('get_summary', summaryStatement, parameters(ctx, id));
  if (row === undefined) throw notFound('customer');
  const name = displayName(row);
  const masked = name !== null && row.kind === 'person' && !mayReadSensitive(ctx, 'customers');
  return {
    id: row.id,
    display_name: masked ? maskName(name) : name,
    kind: row.kind,
    status: row.status,
    branch: row.branch,
    relationship_manager: row.manager,
    totals: { currency: ctx.bank.currency, ...row.totals },
    segments: row.segments,
    last_activity_at: row.last_activity_at,
  };
}
