import { Type } from 'typebox';
import { Plan } from '../platform/http/approval-schemas.js';
import {
  Count,
  FieldProblem,
  Id,
  Instant,
  Key,
  Nullable,
  Page,
  Ref,
  Strict,
  StringEnum,
  Text,
} from '../platform/http/schemas.js';
import { RuleSchema } from '../rules/schema.js';

const definition = {
  name: Text('Name for people', 100),
  description: Type.String({
    maxLength: 1000,
    description: 'What it is for, and where its thresholds come from',
  }),
};

export const SegmentCreate = Strict(
  { key: Key('Of the segment'), ...definition, rule: Ref(RuleSchema) },
  { $id: 'SegmentCreate', description: 'A new segment' },
);
export const SegmentPut = Strict(
  { ...definition, rule: Ref(RuleSchema) },
  { $id: 'SegmentPut', description: 'The next version of a segment' },
);

export const Segment = Strict(
  {
    key: Key('Of the segment'),
    ...definition,
    kind: StringEnum(['rule', 'static']),
    rule: Ref(RuleSchema),
    rule_version: Count('Version of the rule that answers'),
    state: StringEnum(['evaluating', 'current'], {
      description: 'evaluating while customers wait to be judged by the newest version',
    }),
    created_at: Instant('When it was made'),
    updated_at: Instant('When its newest version was made'),
  },
  { $id: 'Segment', description: 'A segment in the version that answers now' },
);
export const SegmentOrPlan = Type.Union([Ref(Segment), Ref(Plan)], {
  $id: 'SegmentOrPlan',
  description: 'The segment, or with `dry_run` what would become of it',
});
export const SegmentPage = Page(Ref(Segment), 'SegmentPage');

export const Freshness = Strict(
  {
    evaluated_at: Instant('When this was read'),
    unreviewed: Count(
      'Customers within reach of the caller that changed and wait for their review, of the first 10,000',
    ),
    oldest_unreviewed_at: Nullable(Instant('Since when the first of them waits')),
  },
  { $id: 'Freshness', description: 'How far the review is behind: 0 and null is not at all' },
);

export const Member = Strict(
  {
    customer_id: Id('Of the member'),
    entered_at: Instant('Since when'),
    left_at: Nullable(Instant('Until when, where it has left since')),
    rule_version: Count('By which version of the rule'),
  },
  { $id: 'Member', description: 'A customer in a segment' },
);
export const MemberPage = Strict(
  { data: Type.Array(Ref(Member)), next_cursor: Nullable(Type.String()), freshness: Ref(Freshness) },
  { $id: 'MemberPage', description: 'A page of members' },
);

export const CustomerSegment = Strict(
  {
    segment: Key('Of the segment'),
    name: Type.String(),
    entered_at: Instant('Since when'),
    left_at: Nullable(Instant('Until when, where it has left since')),
    rule_version: Count('By which version of the rule'),
    cause: Type.String({ description: 'change, time or rule_version' }),
  },
  { $id: 'CustomerSegment', description: 'A segment that a customer is in' },
);
export const CustomerSegments = Strict(
  {
    data: Type.Array(Ref(CustomerSegment)),
    evaluated_at: Nullable(Instant('When the customer was last reviewed')),
    pending: Type.Boolean({ description: 'Something changed since, and the review is due' }),
    next_change_at: Nullable(Instant('When a membership can change with no write')),
  },
  { $id: 'CustomerSegments', description: 'All segments that a customer is in at an instant' },
);

export const FactDescription = Strict(
  {
    name: Type.String({ description: 'As rules name it' }),
    type: Type.String({ description: 'Of its values' }),
    unit: Nullable(Type.String({ description: 'What it counts in' })),
    description: Type.String({ description: 'What it says of a customer' }),
    operators: Type.Array(Type.String(), { description: 'What it can be asked with' }),
    touched_by: Type.Array(Type.String(), { description: 'Writes to these can change it' }),
  },
  { $id: 'FactDescription', description: 'A fact that rules may speak of' },
);
export const FactList = Strict(
  { data: Type.Array(Ref(FactDescription)) },
  { $id: 'FactList', description: 'All facts that rules may speak of' },
);

export const RuleValidation = Strict(
  {
    valid: Type.Boolean(),
    reads: Type.Array(Type.String(), { description: 'What the rule reads' }),
    errors: Type.Array(Ref(FieldProblem)),
  },
  { $id: 'RuleValidation', description: 'Whether a rule can be taken, and what it reads' },
);
