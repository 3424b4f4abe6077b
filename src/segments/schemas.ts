import { type Static, Type } from 'typebox';
import { Plan } from '../platform/http/approval-schemas.js';
import {
  Count,
  DateOnly,
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
import { leafKinds, RuleSchema } from '../rules/schema.js';

const definition = {
  name: Text('Name for people', 100),
  description: Type.String({
    maxLength: 1000,
    description: 'What it is for, and where its thresholds come from',
  }),
};

const memberEvents = Type.Optional(
  Type.Boolean({
    description:
      'Whether an event tells of each customer that enters or leaves by this version when it begins to answer; one event tells how many in any case',
  }),
);

export const RuleSegmentCreate = Strict(
  {
    key: Key('Of the segment'),
    ...definition,
    kind: Type.Optional(StringEnum(['rule'], { description: 'Where it is not said, it is this' })),
    rule: Ref(RuleSchema),
    member_events: memberEvents,
  },
  { $id: 'RuleSegmentCreate', description: 'A new segment of all whom a rule fits' },
);
export const StaticSegmentCreate = Strict(
  { key: Key('Of the segment'), ...definition, kind: StringEnum(['static']) },
  { $id: 'StaticSegmentCreate', description: 'A new segment of those who are put into it' },
);
export const SegmentCreate = Type.Union([Ref(RuleSegmentCreate), Ref(StaticSegmentCreate)], {
  $id: 'SegmentCreate',
  description: 'A new segment',
});
export const SegmentPut = Strict(
  {
    ...definition,
    rule: Type.Optional(
      Type.Unsafe<Static<typeof RuleSchema>>({
        ...Ref(RuleSchema),
        description: 'Of a rule segment; a static one has none',
      }),
    ),
    member_events: memberEvents,
  },
  { $id: 'SegmentPut', description: 'The next version of a segment' },
);

export const Segment = Strict(
  {
    key: Key('Of the segment'),
    ...definition,
    kind: StringEnum(['rule', 'static']),
    rule: Nullable(Ref(RuleSchema)),
    rule_version: Count('The newest version of the rule'),
    live_version: Nullable(
      Count(
        'The version that answers, until the newest is evaluated; null where none is yet, or none is needed',
      ),
    ),
    state: StringEnum(['evaluating', 'current', 'failing'], {
      description:
        'evaluating while customers wait to be judged by the newest version; failing where the rule cannot be judged, as `error` says: its members stay as they are',
    }),
    progress: Nullable(
      Strict({
        done: Count('Customers that are judged by the newest version'),
        total: Count('How many there were when that began'),
      }),
    ),
    error: Nullable(Ref(FieldProblem)),
    ranks_as_of: Nullable(
      Instant(
        'When the ranks and scores that the rule asks for were refreshed, the oldest of them; null where it asks for none, or they are not yet',
      ),
    ),
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
    entered_at: Instant('Since when; of a restated answer the instant that was asked for'),
    left_at: Nullable(Instant('Until when, where it has left since')),
    rule_version: Count('By which version of the rule'),
  },
  { $id: 'Member', description: 'A customer in a segment' },
);
export const MemberPage = Strict(
  { data: Type.Array(Ref(Member)), next_cursor: Nullable(Type.String()), freshness: Ref(Freshness) },
  { $id: 'MemberPage', description: 'A page of members' },
);

export const SegmentChange = Strict(
  {
    customer_id: Id('Who'),
    change: StringEnum(['entered', 'left']),
    effective_at: Instant('When it took effect'),
    decided_at: Instant('When it was found'),
    rule_version: Count('By which version of the rule'),
    cause: Type.String({ description: 'change, time, rule_version, rank, merge or correction' }),
  },
  { $id: 'SegmentChange', description: 'A customer entered a segment, or left it' },
);
export const SegmentChangePage = Page(Ref(SegmentChange), 'SegmentChangePage');

const Day = Strict(
  {
    date: DateOnly('At the bank'),
    size: Count('Members at its end; of today, now'),
    entries: Count('How many entered on it'),
    exits: Count('How many left on it'),
  },
  { description: 'A day of a segment' },
);
export const SegmentStatistics = Strict(
  {
    from: DateOnly('The first day'),
    to: DateOnly('The last day'),
    time_zone: Type.String({ description: 'Of the bank: where days begin' }),
    size_before: Count('Members before the first day'),
    days: Type.Array(Day, { description: 'Each size is the one before, and the entries, less the exits' }),
    freshness: Ref(Freshness),
  },
  { $id: 'SegmentStatistics', description: 'The size of a segment through time' },
);

export const CustomerSegment = Strict(
  {
    segment: Key('Of the segment'),
    name: Type.String(),
    entered_at: Instant('Since when; of a restated answer the instant that was asked for'),
    left_at: Nullable(Instant('Until when, where it has left since')),
    rule_version: Count('By which version of the rule'),
    cause: Type.String({
      description: 'change, time, rank, rule_version, merge; restated of an answer that is not stored',
    }),
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

const measuredOver = {
  since: Nullable(Instant('The earliest instant that the window reaches back to')),
  counted: Type.Array(Id('Of an activity'), {
    description: 'What was counted, the latest first, at most 20',
  }),
  days: Strict({
    first: DateOnly('The first day that counts'),
    until: DateOnly('The day after the last'),
  }),
};

/** A node of an explanation is one of many kinds: what a kind does not have is left out. */
export const ExplanationNode = Type.Unsafe<Record<string, unknown>>({
  $id: 'ExplanationNode',
  type: 'object',
  additionalProperties: false,
  required: ['pointer', 'kind', 'verdict'],
  description: 'A part of a rule, what it said, and what it saw',
  properties: {
    pointer: Type.String({ description: 'RFC 6901, into the rule' }),
    kind: StringEnum(['all', 'any', 'not', 'holds_for', ...leafKinds]),
    verdict: Type.Boolean(),
    next_change_at: Nullable(Instant('The earliest instant at which the verdict can change with no write')),
    condition: Type.Unsafe({ $ref: 'Rule#' }),
    value: {
      anyOf: [Type.String(), Type.Number(), Type.Boolean(), Type.Array(Type.String()), Type.Null()],
      description: 'What it saw; null where it is missing',
    },
    ...measuredOver,
    against: {
      type: 'object',
      additionalProperties: false,
      required: ['value', 'bound'],
      description: "Another value of the customer's own, where the rule holds the first against one",
      properties: {
        value: {
          anyOf: [Type.String(), Type.Number(), Type.Null()],
          description: 'What it is; null where it is missing',
        },
        bound: Nullable(Type.String({ description: 'That times the factor of the rule' })),
        ...measuredOver,
      },
    },
    period: Type.String({ description: 'Of several periods, which: 2026-03, or 2026-Q1' }),
    back: Type.Integer({ description: 'Of several periods, which: how many before the one of then' }),
    bounds: Type.Array(Nullable(Type.String()), { description: 'Where the ranks are cut' }),
    population: Nullable(Type.Integer({ description: 'How many customers are ranked' })),
    as_of: Nullable(Instant('When the ranks were last refreshed')),
    conditions: Type.Array(Type.Unsafe<unknown>({ $ref: 'ExplanationNode#' })),
  },
});

export const MembershipExplanation = Strict(
  {
    customer_id: Id('Of the customer'),
    segment: Key('Of the segment'),
    basis: StringEnum(['present', 'recorded', 'restated'], {
      description:
        'present: at this instant; recorded: as it was decided then; restated: that instant, with what is known today',
    }),
    as_of: Instant('The instant that it speaks of'),
    member: Type.Boolean({ description: 'Whether the customer is in the segment; the root says the same' }),
    rule_version: Nullable(Count('The version of the rule; null where none answered')),
    entered_at: Nullable(Instant('Since when it is in, or was last')),
    left_at: Nullable(Instant('Since when it is not')),
    cause: Nullable(Type.String({ description: 'Why it entered, or left' })),
    evaluated_at: Nullable(Instant('When it was decided')),
    next_change_at: Nullable(Instant('When it can change with no write')),
    explanation: Nullable(Ref(ExplanationNode)),
  },
  {
    $id: 'MembershipExplanation',
    description:
      'Why a customer is in a segment or not. No tree where members are listed, where no rule answers yet, or where nothing was recorded: the customer was never in the segment until then',
  },
);

const sampled = Type.Array(Id('Of a customer'), { description: 'The first of them, in the order of ids' });

export const SegmentPreview = Strict(
  {
    evaluated_at: Instant('When it was judged'),
    customers: Count('How many were judged'),
    count: Count('How many belong'),
    enters: Count('How many of them are not in the segment now'),
    leaves: Count('How many are in the segment now and do not belong'),
    sample: sampled,
    sample_enters: sampled,
    sample_leaves: sampled,
    reads: Type.Array(Type.String(), { description: 'What the rule reads' }),
  },
  {
    $id: 'SegmentPreview',
    description: 'What saving a rule would give, in one snapshot; nothing is written',
  },
);

export const FactDescription = Strict(
  {
    name: Type.String({ description: 'As rules name it' }),
    type: Type.String({ description: 'Of its values' }),
    unit: Nullable(Type.String({ description: 'What it counts in' })),
    description: Type.String({ description: 'What it says of a customer' }),
    operators: Type.Array(Type.String(), { description: 'What it can be asked with' }),
    values: Nullable(Type.Array(Type.String(), { description: 'All that it can be, where they are few' })),
    balance: Nullable(
      Type.String({
        description: 'How balance conditions name it, where it has a value at the end of each day',
      }),
    ),
    changes_with_time: Type.Boolean({ description: 'Whether it can become another with no write' }),
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
