/** The whole picture of a customer, and the small one, each in one read. */
import type { Static } from 'typebox';
import { activitiesOf } from '../activities/homes.js';
import { displayName } from '../customers/fields.js';
import { maskName } from '../customers/masking.js';
import { inOrder, type Stated, type Statements } from '../customers/provenance.js';
import { type PreferredOrigins, rankBy, type SourcePriorities } from '../customers/sources.js';
import { type CustomerRecord, maskedValue, toCustomer } from '../customers/view.js';
import { type CustomerHoldingRecord, toCustomerHolding } from '../holdings/view.js';
import { type Ctx, mayReadSensitive, today } from '../platform/context.js';
import { minorUnits } from '../platform/currencies.js';
import { notFound } from '../platform/errors.js';
import { type RelationshipRecord, toRelationship } from '../relationships/view.js';
import type { LoadFacts } from '../rules/facts.js';
import { reviewOne } from '../segments/review.js';
import type { Profile, ProfileTotals, Summary } from './schemas.js';
import { lastActivitiesOf, profileStatement, summaryStatement } from './statement.js';

type ProfileOut = Static<typeof Profile>;
type Totals = Omit<Static<typeof ProfileTotals>, 'currency'>;

type ProfileRow = CustomerRecord & {
  totals: Totals;
  holdings: CustomerHoldingRecord[];
  relationships: RelationshipRecord[];
  segments: ProfileOut['segments'];
  activity_totals: ProfileOut['activity_totals'];
  last_activities: ProfileOut['last_activities'];
  statements: Statements;
  preferred_origins: PreferredOrigins;
  sources: Record<string, SourcePriorities>;
  /** names of all attributes that are declared sensitive, stated here or not */
  sensitive_names: string[];
  review: (ProfileOut['review'] & { is_moving: boolean }) | null;
};

const parameters = (ctx: Ctx, id: string) => {
  const reach = ctx.reach ?? {};
  return [
    id,
    today(ctx),
    ctx.bank.currency,
    'codes' in reach ? reach.codes : null,
    'staff' in reach ? reach.staff : null,
    'customer' in reach ? reach.customer : null,
    minorUnits(ctx.bank.currency),
    ctx.now,
  ];
};

const notReviewed = { evaluated_at: null, pending: true, next_change_at: null, is_moving: false };

/** Throws the one 404. */
export async function getProfile(ctx: Ctx, id: string): Promise<ProfileOut> {
  const [row] = await ctx.database.named<ProfileRow>('get_profile', profileStatement, parameters(ctx, id));
  if (row === undefined) throw notFound('customer');
  const { is_moving, ...review } = row.review ?? notReviewed;
  return {
    customer: toCustomer(ctx, row),
    provenance: provenanceOf(ctx, row),
    totals: { currency: ctx.bank.currency, ...row.totals },
    holdings: row.holdings.map((holding) => toCustomerHolding(ctx, holding)),
    relationships: row.relationships.map((one) => toRelationship(ctx, one)),
    segments: row.segments,
    activity_totals: row.activity_totals,
    last_activities: is_moving ? await lastActivities(ctx, row.id) : row.last_activities,
    review,
    as_of: ctx.now,
  };
}

async function lastActivities(ctx: Ctx, id: string): Promise<ProfileOut['last_activities']> {
  const [row] = await ctx.database.rows<Pick<ProfileRow, 'last_activities'>>(
    lastActivitiesOf(await activitiesOf(ctx.database, id)),
  );
  return row?.last_activities ?? [];
}

/** By field, the statement that stands first. Values are masked as the picture masks the one that stands. */
function provenanceOf(ctx: Ctx, row: ProfileRow): ProfileOut['provenance'] {
  const clear = mayReadSensitive(ctx, 'customers');
  const sensitive = new Set(row.sensitive_names);
  const rank = rankBy(new Map(Object.entries(row.sources)), row.preferred_origins);
  const byField = new Map<string, (Statements[number] & Stated)[]>();
  for (const statement of row.statements) {
    for (const [field, stated] of Object.entries(statement.fields)) {
      byField.set(field, [...(byField.get(field) ?? []), { ...statement, ...stated }]);
    }
  }
  const shown = ([field, list]: [string, (Statements[number] & Stated)[]]) => [
    field,
    inOrder(list, (one) => rank(one, field)).map(({ source, origin, value, source_time, recorded_at }) => ({
      source,
      value: clear ? value : maskedValue(row.kind, field, value, sensitive),
      source_time,
      recorded_at,
      ...(origin === null ? {} : { merged_from: origin }),
    })),
  ];
  return Object.fromEntries([...byField].map(shown));
}

type SummaryOut = Static<typeof Summary>;

type SummaryRow = Parameters<typeof displayName>[0] & {
  id: string;
  kind: 'person' | 'organization';
  status: string;
  branch: string | null;
  manager: string | null;
  totals: Totals;
  segments: string[];
  last_activity_at: string | null;
  /** `stale_since`: when something came about that the memberships do not know yet */
  review: { evaluated_at: string | null; stale_since: string | null } | null;
};

async function readSummary(ctx: Ctx, id: string): Promise<SummaryRow> {
  const [row] = await ctx.database.named<SummaryRow>('get_summary', summaryStatement, parameters(ctx, id));
  if (row === undefined) throw notFound('customer');
  return row;
}

/** For how many seconds the memberships have not known all; 0 where nothing has come about since. */
const staleSeconds = ({ review }: SummaryRow, now: string): number =>
  review?.stale_since == null ? 0 : Math.max(0, (Date.parse(now) - Date.parse(review.stale_since)) / 1000);

/**
 * The small picture, and for how many seconds it may be used again. Memberships that have been behind for longer than
 * `maxAge` seconds are judged before the answer, with 0 in any case; without it they are taken as they are. Throws the
 * one 404.
 */
export async function getSummary(
  ctx: Ctx,
  facts: LoadFacts,
  id: string,
  maxAge: number | undefined,
): Promise<{ summary: SummaryOut; goodForSeconds: number }> {
  let row = await readSummary(ctx, id);
  if (maxAge !== undefined && (maxAge === 0 || staleSeconds(row, ctx.now) > maxAge)) {
    await reviewOne(ctx, facts, row.id);
    row = await readSummary(ctx, id);
  }
  const left = Math.floor((maxAge ?? 0) - staleSeconds(row, ctx.now));
  return { summary: toSummary(ctx, row), goodForSeconds: Math.max(0, left) };
}

function toSummary(ctx: Ctx, row: SummaryRow): SummaryOut {
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
    evaluated_at: row.review?.evaluated_at ?? null,
    pending: row.review?.evaluated_at == null || row.review.stale_since !== null,
  };
}
