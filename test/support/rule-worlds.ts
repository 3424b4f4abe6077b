/** Generated customers, moments and rules for the properties of the rule engine. */
import fc from 'fast-check';
import { Temporal } from 'temporal-polyfill';
import { allFacts } from '../../src/facts.js';
import { categories } from '../../src/holdings/categories.js';
import { instantOf, microsOf } from '../../src/platform/instants.js';
import { measureOperators, measureType } from '../../src/rules/activity-condition.js';
import { fieldOf } from '../../src/rules/activity-fields.js';
import { momentOf, type RuleContext, zonedOf } from '../../src/rules/moment.js';
import type { ActivityPart, ActivityTotalPart, CustomerPicture } from '../../src/rules/picture.js';
import type {
  ActivityCondition,
  ActivityFilter,
  Comparison,
  Operator,
  Rule,
  Scalar,
} from '../../src/rules/schema.js';
import { measures } from '../../src/rules/schema.js';
import { compareValues, operatorsOf, type ValueType } from '../../src/rules/values.js';

export const runs = (standard: number): number => Number(process.env.PROPERTY_RUNS ?? standard);

export const declared = {
  attributes: [
    { name: 'note', description: 'a text', json_schema: { type: 'string' } },
    {
      name: 'grade',
      description: 'one of some',
      json_schema: { type: ['string', 'null'], enum: ['甲', '乙', null] },
    },
    { name: 'score', description: 'a number', json_schema: { type: 'number' } },
    { name: 'visits', description: 'a whole number', json_schema: { type: 'integer' } },
    { name: 'vip', description: 'yes or no', json_schema: { type: 'boolean' } },
    { name: 'joined', description: 'a day', json_schema: { type: 'string', format: 'date' } },
    { name: 'shape', description: 'no fact', json_schema: { type: 'object' } },
  ],
  schemes: ['core_banking', 'passport'].map((key) => ({ key, name: key })),
  roles: ['spouse', 'child'].map((role) => ({ role, name: role })),
};

export const facts = allFacts(declared);

export const zones = [
  'Asia/Shanghai',
  'Europe/Prague',
  'America/New_York',
  'America/Havana',
  'Australia/Lord_Howe',
] as const;

export const windows = [
  'PT12H',
  'P1D',
  'P1DT6H',
  'P7D',
  'P2W',
  'P30D',
  'P90D',
  'P1M',
  'P1M1D',
  'P2M',
  'P6M',
  'P1Y',
  'P1Y6M',
];

/** Ends of months, leap days, and hours that the clocks skip or repeat. */
const delicate = [
  '2024-02-29T03:30:00Z',
  '2025-02-27T23:59:59.999999Z',
  '2025-02-28T03:00:00Z',
  '2025-02-28T16:00:00Z',
  '2025-03-01T05:00:00.000001Z',
  '2025-03-09T06:59:59.999999Z',
  '2025-03-09T07:00:00Z',
  '2025-03-30T00:59:59.999999Z',
  '2025-03-30T01:00:00Z',
  '2025-03-31T10:00:00Z',
  '2025-04-05T15:00:00Z',
  '2025-04-30T10:00:00Z',
  '2025-10-26T00:30:00Z',
  '2025-10-26T01:30:00Z',
  '2025-11-02T04:30:00Z',
  '2025-11-02T05:30:00Z',
  '2025-11-02T06:30:00Z',
  '2025-11-30T04:59:59.999999Z',
];

const hour = 3_600_000_000;
const day = 24 * hour;

const within = (from: string, to: string): fc.Arbitrary<string> =>
  fc.integer({ min: microsOf(from), max: microsOf(to) }).map(instantOf);

export const contexts: fc.Arbitrary<RuleContext> = fc.record({
  now: fc.oneof(fc.constantFrom(...delicate), within('2024-06-01T00:00:00Z', '2026-03-01T00:00:00Z')),
  timeZone: fc.constantFrom(...zones),
  currency: fc.constant('CNY'),
});

const windowSlips = fc.oneof(
  fc.constantFrom(0, -1, 1, hour / 2, -hour / 2, hour, -hour, day, -day, 2 * day, -2 * day, -3 * day),
  fc.integer({ min: -4 * day, max: 4 * day }),
);

/** Many activities about the bound of one window at a delicate moment, and rules that count them exactly. */
export const windowWorlds = fc
  .record({
    now: fc.tuple(fc.constantFrom(...delicate), fc.constantFrom(0, hour, 5 * hour, 12 * hour)),
    timeZone: fc.constantFrom(...zones),
    last: fc.constantFrom(...windows),
  })
  .chain(({ now: [base, by], timeZone, last }) => {
    const context: RuleContext = { now: instantOf(microsOf(base) + by), timeZone, currency: 'CNY' };
    const start = startOf(last, context);
    const instants = windowSlips.map((slip) => instantOf(start + slip));
    const counting = (value: number, op: 'eq' | 'gte'): Rule => ({
      activity: 'login',
      window: { last },
      measure: 'count',
      op,
      value,
    });
    const picture = fc
      .array(
        activity(instants).map((each): ActivityPart => ({ ...each, type: 'login', state: 'current' })),
        { minLength: 1, maxLength: 8 },
      )
      .map(
        (activities): CustomerPicture => ({ ...nobody, activities, activityTotals: totalsOf(activities) }),
      );
    return fc.record({
      context: fc.constant(context),
      all: fc.array(picture, { minLength: 4, maxLength: 8 }),
      // the last of them changes when all have left, the others when the first does
      rules: fc.constantFrom(
        [1, 2, 3, 4, 5, 6, 7, 8].map((value) => counting(value, 'eq')),
        [counting(1, 'gte')],
      ),
    });
  });

export const nobody: CustomerPicture = {
  customer: {
    kind: 'person',
    status: 'active',
    stub: false,
    birth_date: null,
    customer_since: null,
    branch: null,
    city: null,
    language: null,
    gender: null,
    attributes: {},
  },
  identifiers: [],
  relationships: [],
  holdings: [],
  parties: [],
  activities: [],
  activityTotals: [],
};

function startOf(last: string, { now, timeZone }: RuleContext): number {
  return Number(zonedOf(microsOf(now), timeZone).subtract(last).epochNanoseconds / 1000n);
}

/** About a bound of a window, about now, or anywhere in two years and a while ahead. */
export function instantsAbout(context: RuleContext): fc.Arbitrary<string> {
  const micros = microsOf(context.now);
  const slip = fc.oneof(
    fc.constantFrom(0, 0, -1, 1, hour / 2, -hour / 2, hour, -hour),
    fc.integer({ min: -3 * day, max: 3 * day }),
    fc.constantFrom(day, -day, 2 * day, -2 * day, 3 * day),
  );
  return fc.oneof(
    fc.tuple(fc.constantFrom(...windows), slip).map(([last, by]) => instantOf(startOf(last, context) + by)),
    slip.map((by) => instantOf(micros + by)),
    within(instantOf(micros - 700 * day), instantOf(micros + 40 * day)),
  );
}

const daysAbout = (today: string, years: boolean): fc.Arbitrary<string> =>
  fc
    .record({
      back: years ? fc.constantFrom(0, 1, 17, 18, 19, 60, 65) : fc.constant(0),
      days: fc.oneof(fc.constantFrom(-1, 0, 1, 30, 89, 90, 91, 365), fc.integer({ min: -40, max: 800 })),
      leap: fc.boolean(),
    })
    .map(({ back, days, leap }) => {
      if (leap && years) return '2004-02-29';
      const from = Temporal.PlainDate.from(today).subtract({ years: back });
      return from.subtract({ days }).toString();
    });

const texts = fc.constantFrom('', 'a', 'Z', '上海', '北京', '𠮷野', '￥', 'é', 'app', '甲');
const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { freq: 3 });
const amounts = fc.oneof(
  fc.constantFrom('0', '0.10', '99.99', '100', '100.00', '1000000', '33.333'),
  moneyText(),
);

function moneyText(): fc.Arbitrary<string> {
  return fc.integer({ min: 0, max: 20_000 }).map((cents) => (cents / 100).toFixed(2));
}

const signed = fc.tuple(fc.constantFrom('', '-'), amounts).map(([sign, amount]) => `${sign}${amount}`);

export const activityTypes = ['card_payment', 'login', 'transfer'];

const activity = (instants: fc.Arbitrary<string>): fc.Arbitrary<ActivityPart> =>
  instants.chain((occurredAt) =>
    fc.record({
      id: fc.uuid(),
      type: fc.constantFrom(...activityTypes),
      occurred_at: fc.constant(occurredAt),
      business_date: fc.constant(occurredAt.slice(0, 10)),
      amount: maybe(amounts),
      reporting_amount: maybe(amounts),
      currency: maybe(fc.constantFrom('CNY', 'EUR')),
      direction: fc.constantFrom('in', 'out', 'none'),
      channel: maybe(fc.constantFrom('app', 'atm', 'branch')),
      initiated_by: fc.constantFrom('customer', 'customer', 'bank', 'third_party'),
      own_transfer: fc.boolean(),
      holding_id: maybe(
        fc.constantFrom('0198f2a0-0000-7000-8000-000000000001', '0198f2a0-0000-7000-8000-000000000002'),
      ),
      source: fc.constantFrom('core', 'app'),
      attributes: maybe(
        fc.dictionary(
          fc.constantFrom('mcc', 'score', 'flag'),
          fc.oneof(texts, fc.constantFrom(1, 1.5, -2), fc.boolean()),
          {
            maxKeys: 3,
          },
        ),
      ),
      state: fc.constantFrom('current', 'current', 'current', 'current', 'superseded', 'reversed'),
    }),
  );

/** As they are kept at ingestion. */
export function totalsOf(activities: readonly ActivityPart[]): ActivityTotalPart[] {
  const totals = new Map<string, ActivityTotalPart>();
  for (const each of activities) {
    if (each.state !== 'current') continue;
    const { type, direction, initiated_by, occurred_at: at } = each;
    const key = `${type} ${direction} ${initiated_by}`;
    const known = totals.get(key) ?? {
      type,
      direction,
      initiated_by,
      count: 0,
      amount: '0',
      unvalued: 0,
      first_at: at,
      last_at: at,
    };
    totals.set(key, {
      ...known,
      count: known.count + 1,
      amount: (BigInt(known.amount) + thousandths(each.reporting_amount ?? '0')).toString(),
      unvalued: known.unvalued + (each.amount !== null && each.reporting_amount === null ? 1 : 0),
      first_at: microsOf(at) < microsOf(known.first_at) ? at : known.first_at,
      last_at: microsOf(at) > microsOf(known.last_at) ? at : known.last_at,
    });
  }
  return [...totals.values()].map((each) => ({ ...each, amount: fromThousandths(BigInt(each.amount)) }));
}

const thousandths = (amount: string): bigint => {
  const [whole = '0', part = ''] = amount.split('.');
  return BigInt(whole) * 1000n + BigInt(part.padEnd(3, '0'));
};
const fromThousandths = (amount: bigint) => `${amount / 1000n}.${String(amount % 1000n).padStart(3, '0')}`;

export function pictures(context: RuleContext): fc.Arbitrary<CustomerPicture> {
  const { today } = momentOf(context);
  const customer = fc.record({
    kind: fc.constantFrom('person', 'organization'),
    status: fc.constantFrom('prospect', 'active', 'closed'),
    stub: fc.boolean(),
    birth_date: maybe(daysAbout(today, true)),
    customer_since: fc.option(daysAbout(today, false), { freq: 1 }),
    branch: maybe(texts),
    city: maybe(texts),
    language: maybe(fc.constantFrom('zh', 'cs')),
    gender: maybe(fc.constantFrom('female', 'male', 'other')),
    attributes: fc.dictionary(
      fc.constantFrom('note', 'grade', 'score', 'visits', 'vip', 'joined'),
      fc.oneof(texts, fc.constantFrom(0, 1, 1.5, -2, 90, null), fc.boolean(), daysAbout(today, false)),
      { maxKeys: 4 },
    ),
  });
  const holding = fc.record({
    category: fc.constantFrom(...categories),
    product: maybe(texts),
    status: fc.constantFrom('active', 'active', 'dormant', 'closed'),
    currency: fc.constantFrom('CNY', 'CNY', 'CNY', 'EUR'),
    balance: maybe(signed),
    opened_on: maybe(daysAbout(today, false)),
  });
  const party = fc.record({
    role: fc.constantFrom('joint_owner', 'authorised', 'guarantor'),
    opened_on: maybe(daysAbout(today, false)),
  });
  return fc
    .record({
      customer,
      identifiers: fc.uniqueArray(
        fc.record({
          scheme: fc.constantFrom('core_banking', 'passport', 'crm'),
          status: fc.constantFrom('active', 'superseded'),
        }),
        { maxLength: 3, selector: (each) => each.scheme },
      ),
      relationships: fc.array(
        fc
          .record({
            role: fc.constantFrom('spouse', 'child'),
            starts_on: maybe(daysAbout(today, false)),
            ends_on: maybe(daysAbout(today, false)),
          })
          .filter(({ starts_on: from, ends_on: to }) => from === null || to === null || from <= to),
        { maxLength: 3 },
      ),
      owned: fc.array(holding, { maxLength: 4 }),
      others: fc.array(party, { maxLength: 2 }),
      activities: fc.array(activity(instantsAbout(context)), { maxLength: 10 }),
    })
    .map(({ owned, others, activities, ...rest }) => ({
      ...rest,
      holdings: owned,
      parties: [...owned.map(({ opened_on }) => ({ role: 'primary_owner', opened_on })), ...others],
      activities,
      activityTotals: totalsOf(activities),
    }));
}

function scalars(
  type: ValueType,
  values: readonly string[] | undefined,
  context: RuleContext,
): fc.Arbitrary<Scalar> {
  if (values !== undefined) return fc.constantFrom(...values);
  switch (type) {
    case 'money':
      return signed;
    case 'number':
      return fc.constantFrom(0, 1, 1.5, -2, 0.1);
    case 'integer':
      return fc.constantFrom(0, 1, 2, 3, 17, 18, 60, 89, 90, 91, 365, -1, 1_000_000_000);
    case 'boolean':
      return fc.boolean();
    case 'date':
      return daysAbout(momentOf(context).today, false);
    case 'instant':
      return instantsAbout(context);
    default:
      return texts;
  }
}

function comparisons(
  type: ValueType,
  operators: readonly Operator[],
  values: readonly string[] | undefined,
  context: RuleContext,
): fc.Arbitrary<Comparison> {
  const scalar = scalars(type, values, context);
  return fc.constantFrom(...operators).chain((op): fc.Arbitrary<Comparison> => {
    if (op === 'exists' || op === 'missing') return fc.constant({ op });
    if (op === 'in' || op === 'not_in') {
      return fc.array(scalar, { minLength: 1, maxLength: 6 }).map((value) => ({ op, value }));
    }
    if (op === 'between') {
      return fc
        .tuple(scalar, scalar)
        .map((pair) => ({ op, value: pair.sort((a, b) => compareValues(type, a, b)) }));
    }
    return scalar.map((value) => ({ op, value }));
  });
}

const filterNames = [
  'amount',
  'business_date',
  'channel',
  'currency',
  'direction',
  'holding_id',
  'initiated_by',
  'own_transfer',
  'source',
];

function filters(context: RuleContext): fc.Arbitrary<ActivityFilter[]> {
  const named = fc.constantFrom(...filterNames).chain((field) => {
    const { type, values } = fieldOf(field, undefined) as { type: ValueType; values?: readonly string[] };
    return comparisons(type, operatorsOf[type], values, context).map((comparison) => ({
      field,
      ...comparison,
    }));
  });
  const attribute = fc
    .tuple(fc.constantFrom('mcc', 'score', 'flag'), fc.constantFrom<ValueType>('text', 'number', 'boolean'))
    .chain(([name, type]) =>
      comparisons(type, operatorsOf[type], undefined, context).map((comparison) => ({
        field: `attributes.${name}`,
        ...comparison,
      })),
    );
  const totalled = fc.constantFrom('direction', 'initiated_by').chain((field) => {
    const { values } = fieldOf(field, undefined) as { values: readonly string[] };
    return comparisons('text', operatorsOf.text, values, context).map((comparison) => ({
      field,
      ...comparison,
    }));
  });
  return fc.oneof(
    fc.constant<ActivityFilter[]>([]),
    fc.array(totalled, { minLength: 1, maxLength: 2 }),
    fc.array(fc.oneof(named, attribute), { minLength: 1, maxLength: 2 }),
  );
}

export const activityConditions = (context: RuleContext): fc.Arbitrary<ActivityCondition> =>
  fc
    .record({
      activity: fc.constantFrom(...activityTypes),
      where: filters(context),
      last: fc.option(fc.constantFrom(...windows), { freq: 4 }),
      measure: fc.constantFrom(...measures),
      of: fc.constantFrom(
        'channel',
        'currency',
        'direction',
        'holding_id',
        'business_date',
        'attributes.mcc',
        'attributes.score',
      ),
    })
    .chain(({ activity, where, last, measure, of }) =>
      comparisons(measureType[measure], measureOperators(measure), undefined, context).map(
        (comparison): ActivityCondition => ({
          activity,
          ...(where.length === 0 ? {} : { where }),
          ...(last === null ? {} : { window: { last } }),
          measure,
          ...(measure === 'distinct' ? { of } : {}),
          ...comparison,
        }),
      ),
    );

export const factConditions = (context: RuleContext): fc.Arbitrary<Rule> =>
  fc
    .constantFrom(...facts.values())
    .chain(({ name, type, values }) =>
      comparisons(type, operatorsOf[type], values, context).map((comparison) => ({
        fact: name,
        ...comparison,
      })),
    );

export function rules(context: RuleContext): fc.Arbitrary<Rule> {
  const { rule } = fc.letrec<{ rule: Rule }>((tie) => {
    const inner = fc.array(tie('rule'), { minLength: 1, maxLength: 3 });
    return {
      rule: fc.oneof(
        { maxDepth: 3, depthSize: 'small' },
        { arbitrary: factConditions(context), weight: 3 },
        { arbitrary: activityConditions(context), weight: 3 },
        { arbitrary: inner.map((all) => ({ all })), weight: 1 },
        { arbitrary: inner.map((any) => ({ any })), weight: 1 },
        { arbitrary: tie('rule').map((not) => ({ not })), weight: 1 },
      ),
    };
  });
  return rule;
}
