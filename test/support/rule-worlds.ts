/** Generated rules for generated customers. */
import fc from 'fast-check';
import { instantOf, microsOf } from '../../src/platform/instants.js';
import { measureOperators, measureType } from '../../src/rules/activity-condition.js';
import { fieldOf } from '../../src/rules/activity-fields.js';
import { momentOf, type RuleContext } from '../../src/rules/moment.js';
import type { ActivityPart, CustomerPicture } from '../../src/rules/picture.js';
import {
  type ActivityCondition,
  type ActivityFilter,
  type Comparison,
  measures,
  type Operator,
  type Rule,
  type Scalar,
} from '../../src/rules/schema.js';
import { compareValues, operatorsOf, type ValueType } from '../../src/rules/values.js';
import {
  activity,
  activityTypes,
  daysAbout,
  delicate,
  facts,
  hour,
  instantsAbout,
  nobody,
  signed,
  startOf,
  texts,
  totalsOf,
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
  fc.constantFrom(...facts.values()).chain(({ name, type, values }) =>
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
