/** The whole picture of a customer. */
import { Type } from 'typebox';
import { Activity } from '../activities/schemas.js';
import { Customer } from '../customers/schemas.js';
import { CustomerHolding } from '../holdings/schemas.js';
import { Count, Id, Instant, Nullable, Ref, Strict, StringEnum, Worth } from '../platform/http/schemas.js';
import { Relationship } from '../relationships/schemas.js';
import { CustomerSegment } from '../segments/schemas.js';

export const ProfileTotals = Strict(
  {
    currency: Type.String({ description: 'The currency of the bank' }),
    aum: Nullable(Worth('Assets under management of holdings whose primary owner the customer is')),
    liabilities: Nullable(Worth('What is owed on loans, mortgages and credit cards')),
    net: Nullable(Worth('Assets less liabilities; null where nothing is valued')),
    holdings: Count('Holdings that are not closed, of which it is the primary owner'),
    unvalued: Count(
      'Those of them that should be valued and are not: no balance, or a currency without a rate',
    ),
  },
  { $id: 'ProfileTotals', description: 'Sums over all that a customer holds' },
);

export const ActivityTotal = Strict(
  {
    type: Type.String(),
    direction: StringEnum(['in', 'out', 'none']),
    initiated_by: StringEnum(['customer', 'bank', 'third_party']),
    count: Count('Of all time'),
    amount: Worth('Sum in the currency of the bank'),
    unvalued: Count('Those that have no reporting amount'),
    first_at: Instant('The first of them'),
    last_at: Instant('The last of them'),
  },
  { $id: 'ActivityTotal', description: 'What a customer did of one type, of all time' },
);

export const StatedValue = Strict(
  {
    source: Type.String(),
    value: Type.Unknown({ description: 'Masked as the value itself is' }),
    source_time: Instant('When the source knew it'),
    recorded_at: Instant('When it came here'),
    merged_from: Type.Optional(Id('The merged customer of whose record it was stated')),
  },
  { $id: 'StatedValue', description: 'What a source stated of a field, and when' },
);

export const Profile = Strict(
  {
    customer: Ref(Customer),
    provenance: Type.Record(Type.String(), Type.Array(Ref(StatedValue)), {
      description: 'By field: who stated what and when; the first is the value that stands',
    }),
    totals: Ref(ProfileTotals),
    holdings: Type.Array(Ref(CustomerHolding), { description: 'In every present role, at most 200' }),
    relationships: Type.Array(Ref(Relationship), { description: 'Present ones, at most 200' }),
    segments: Type.Array(Ref(CustomerSegment)),
    activity_totals: Type.Array(Ref(ActivityTotal)),
    last_activities: Type.Array(Ref(Activity), { description: 'The last ten' }),
    review: Strict({
      evaluated_at: Nullable(Instant('When memberships were last judged')),
      pending: Type.Boolean({ description: 'Something changed since' }),
      next_change_at: Nullable(Instant('When they can change with no write')),
    }),
    as_of: Instant('When this was read'),
  },
  { $id: 'Profile', description: 'The whole picture of a customer in one read' },
);

export const Summary = Strict(
  {
    id: Id('Of the customer'),
    display_name: Nullable(Type.String({ description: 'The best name that is known' })),
    kind: StringEnum(['person', 'organization']),
    status: Type.String({ description: 'Life of the relationship' }),
    branch: Nullable(Type.String({ description: 'Code of the branch' })),
    relationship_manager: Nullable(Type.String({ description: 'Staff code' })),
    totals: Ref(ProfileTotals),
    segments: Type.Array(Type.String(), { description: 'Keys of the present ones' }),
    last_activity_at: Nullable(Instant('Of all activities')),
    evaluated_at: Nullable(Instant('When memberships were last judged')),
    pending: Type.Boolean({ description: 'Something has come about since, which they do not know yet' }),
  },
  { $id: 'Summary', description: 'What a mobile screen needs' },
);

export const TimelineEntry = Strict(
  {
    kind: StringEnum(['activity', 'change', 'event']),
    id: Id('Of the activity, the audit entry or the event'),
    at: Instant('When it happened'),
    type: Type.String({ description: 'Type of the activity, action of the change, or type of the event' }),
    activity: Type.Optional(Ref(Activity)),
    actor: Type.Optional(Type.String({ description: 'Who made the change' })),
    on_behalf_of: Type.Optional(
      Type.String({ description: '`customer:<id>`, where it was made with a token for this customer' }),
    ),
    data: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  },
  { $id: 'TimelineEntry', description: 'One thing that happened' },
);
export const TimelinePage = Strict(
  { data: Type.Array(Ref(TimelineEntry)), next_cursor: Nullable(Type.String()) },
  { $id: 'TimelinePage', description: 'A page of a timeline, newest first' },
);

export const profileComponents = [
  ProfileTotals,
  ActivityTotal,
  StatedValue,
  Profile,
  Summary,
  TimelineEntry,
  TimelinePage,
];
