/** Generated rules for generated customers. */
import fc from 'fast-check';
import { instantOf, microsOf } from '../../src/platform/instants.js';
import { measureOperators, measureType } from '../../src/rules/activity-condition.js';
import { fieldOf } from '../../src/rules/activity-fields.js';
import { balanceOperators } from '../../src/rules/balance-condition.js';
import type { Fact } from '../../src/rules/facts.js';
import { ownOperators } from '../../src/rules/measured-condition.js';
import { momentOf, type RuleContext } from '../../src/rules/moment.js';
import type { ActivityPart, CustomerPicture } from '../../src/rules/picture.js';
import {
  type ActivityCondition,
  type ActivityFilter,
  type ActivityTypes,
  anyType,
  type BalanceCondition,
  balanceMeasures,
  type Comparing,
  type Comparison,
  type FactCondition,
  type Measured,
  type MeasuredActivity,
  type MeasuredBalance,
  type MeasuredFact,
  measures,
  type Operator,
  type Rule,
  type SampleCondition,
  type Scalar,
} from '../../src/rules/schema.js';
import { compareValues, operatorsOf, type ValueType } from '../../src/rules/values.js';
import { calendarUnits, type Window } from '../../src/rules/window-schema.js';
import {
  activity,
  activityTypes,
  calendarWindows,
  daysAbout,
  delicate,
  facts,
  hour,
  instantsAbout,
  nobody,
  rankConditions,
  signed,
  startOf,
  texts,
  totalsOf,
  vocabulary,
  windowSlips,
  windows,
  zones,
} from './customer-pictures.js';

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

/** One, any, and several of which some have no activities. */
export const typesMeasured: fc.Arbitrary<ActivityTypes> = fc.oneof(
  { arbitrary: fc.constantFrom(...activityTypes), weight: 3 },
  { arbitrary: fc.constant(anyType), weight: 1 },
  { arbitrary: fc.shuffledSubarray([...activityTypes, 'branch_visit'], { minLength: 1 }), weight: 1 },
);

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
  'type',
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
  const totalled = fc.constantFrom('direction', 'initiated_by', 'type').chain((field) => {
    const { values = activityTypes } = fieldOf(field, undefined) as { values?: readonly string[] };
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

const anyWindow: fc.Arbitrary<Window> = fc.oneof(
  fc.constantFrom(...windows).map((last): Window => ({ last })),
  calendarWindows,
);

const activitiesMeasured = (
  context: RuleContext,
  windowsOf: fc.Arbitrary<Window | null> = fc.option(anyWindow, { freq: 6 }),
): fc.Arbitrary<MeasuredActivity> =>
  fc
    .record({
      activity: typesMeasured,
      where: filters(context),
      window: windowsOf,
      measure: fc.constantFrom(...measures),
      of: fc.constantFrom(
        'channel',
        'currency',
        'direction',
        'holding_id',
        'business_date',
        'type',
        'attributes.mcc',
        'attributes.score',
      ),
    })
    .map(({ activity, where, window, measure, of }) => ({
      activity,
      ...(where.length === 0 ? {} : { where }),
      ...(window === null ? {} : { window }),
      measure,
      ...(measure === 'distinct' ? { of } : {}),
    }));

const factsMeasured: fc.Arbitrary<MeasuredFact> = fc.constantFrom(...facts.keys()).map((fact) => ({ fact }));

const balances = ['aum', 'liabilities', 'net', 'deposit', 'fund', 'loan', 'credit_card'];
const balanceWindows = fc.oneof(
  fc
    .constantFrom('P1D', 'P7D', 'P2W', 'P30D', 'P1M', 'P1M1D', 'P2M', 'P90D')
    .map((last): Window => ({ last })),
  calendarWindows,
);

const balancesMeasured = (windowsOf: fc.Arbitrary<Window> = balanceWindows): fc.Arbitrary<MeasuredBalance> =>
  fc.record({
    balance: fc.constantFrom(...balances),
    measure: fc.constantFrom(...balanceMeasures),
    window: windowsOf,
  });

function typeOf(measured: Measured) {
  if ('balance' in measured) {
    return { type: 'money' as const, operators: balanceOperators(measured.measure), values: undefined };
  }
  if ('activity' in measured) {
    const { measure } = measured;
    return { type: measureType[measure], operators: measureOperators(measure), values: undefined };
  }
  const { type, values } = facts.get(measured.fact) as Fact;
  return { type, operators: operatorsOf[type], values };
}

const isNumber = (type: ValueType) => type === 'number' || type === 'integer';

/** Held against a constant, or against another of the customer's own where there can be one. */
function held<T extends Measured>(
  measured: T,
  context: RuleContext,
  others: fc.Arbitrary<Measured>,
): fc.Arbitrary<T & Comparing> {
  const { type, operators, values } = typeOf(measured);
  const constant = comparisons(type, operators, values, context).map((one) => ({ ...measured, ...one }));
  if (type !== 'money' && !isNumber(type)) return constant;
  const own = fc
    .record({
      op: fc.constantFrom(...ownOperators),
      times: fc.constantFrom(undefined, '0', '0.2', '1', '1.5', '0.333333', '100'),
      of: others.filter((other) => {
        const { type: otherType } = typeOf(other);
        return otherType === type || (isNumber(otherType) && isNumber(type));
      }),
    })
    .map(({ op, times, of }) => ({
      ...measured,
      op,
      value: times === undefined ? { of } : { times, of },
    }));
  return fc.oneof({ arbitrary: constant, weight: 3 }, { arbitrary: own, weight: 1 });
}

/** Any that may stand on the other side. */
const allMeasured = (context: RuleContext): fc.Arbitrary<Measured> =>
  fc.oneof(factsMeasured, activitiesMeasured(context), balancesMeasured());

export const activityConditions = (context: RuleContext): fc.Arbitrary<ActivityCondition> =>
  activitiesMeasured(context).chain((one) => held(one, context, allMeasured(context)));

export const factConditions = (context: RuleContext): fc.Arbitrary<FactCondition> =>
  factsMeasured.chain((one) => held(one, context, allMeasured(context)));

export const balanceConditions = (context: RuleContext): fc.Arbitrary<BalanceCondition> =>
  balancesMeasured().chain((one) => held(one, context, allMeasured(context)));

export const sampleConditions: fc.Arbitrary<SampleCondition> = fc
  .record({
    percent: fc.constantFrom(0.0001, 0.5, 10, 33.3333, 50, 99.9999, 100),
    salt: fc.constantFrom('spring', '春'),
  })
  .map((sample) => ({ sample }));

/** A condition on periods, or two of them combined. */
export const periodRules = (context: RuleContext): fc.Arbitrary<Rule> =>
  fc
    .record({ of: fc.constantFrom(...calendarUnits), periods: fc.integer({ min: 1, max: 4 }) })
    .chain(({ of, periods }) => {
      const window = fc.constantFrom<Window>(
        { calendar: of },
        { calendar: of, offset: 0 },
        { calendar: of, offset: -1 },
        { calendar: of, periods: 3 },
      );
      const measured = fc.oneof(balancesMeasured(window), activitiesMeasured(context, window));
      const leaf: fc.Arbitrary<Rule> = measured.chain((one) => held(one, context, measured));
      const condition = fc.oneof(
        leaf,
        leaf.map((not) => ({ not })),
        fc.tuple(leaf, leaf).map((any) => ({ any })),
        fc.tuple(leaf, leaf).map((all) => ({ all })),
      );
      return condition.map((one): Rule => ({ holds_for: { periods, of, condition: one } }));
    });

export function rules(context: RuleContext): fc.Arbitrary<Rule> {
  const { rule } = fc.letrec<{ rule: Rule }>((tie) => {
    const inner = fc.array(tie('rule'), { minLength: 1, maxLength: 3 });
    return {
      rule: fc.oneof(
        { maxDepth: 3, depthSize: 'small' },
        { arbitrary: factConditions(context), weight: 3 },
        { arbitrary: activityConditions(context), weight: 3 },
        { arbitrary: balanceConditions(context), weight: 2 },
        { arbitrary: periodRules(context), weight: 1 },
        { arbitrary: sampleConditions, weight: 1 },
        { arbitrary: fc.constantFrom<Rule>(...rankConditions), weight: 1 },
        {
          arbitrary: fc.constantFrom(...vocabulary.segments.keys()).map((segment) => ({ segment })),
          weight: 1,
        },
        { arbitrary: inner.map((all) => ({ all })), weight: 1 },
        { arbitrary: inner.map((any) => ({ any })), weight: 1 },
        { arbitrary: tie('rule').map((not) => ({ not })), weight: 1 },
      ),
    };
  });
  return rule;
}

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
