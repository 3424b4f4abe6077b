/** What rules may ask of recency, frequency and monetary value, by the model that answers now. */
import { type SQL, sql } from 'drizzle-orm';
import { customers } from '../db/tables/customers.js';
import { instantOf } from '../platform/instants.js';
import type { Cut } from '../rules/cuts.js';
import type { Fact, Passing } from '../rules/facts.js';
import type { Moment } from '../rules/moment.js';
import type { CustomerPicture } from '../rules/picture.js';
import type { Frame } from '../rules/statement.js';
import { touchNames } from '../rules/touches.js';
import { type RfmModel, valuesOf, valuesSql } from './activity-values.js';
import { type Dimension, scoreName, scoreOf, scoreSql, typeOf } from './scores.js';

/** The longest window is twenty years. */
const mostDays = 7310;

const described: Readonly<Record<Dimension, { unit?: string; description: string }>> = {
  recency: { unit: 'days', description: 'Days since the last activity that counts; missing without any' },
  frequency: { description: 'How many activities count' },
  monetary: { description: 'The sum of the amounts of the activities that count' },
};

export function rfmFacts(model: RfmModel): Fact[] {
  const { types } = model;
  const touchedBy = [...(types?.map(touchNames.activity) ?? [touchNames.anyActivity]), touchNames.rfm];
  const value = (dimension: Dimension): Fact => ({
    name: `rfm.${dimension}`,
    type: typeOf(dimension),
    ...described[dimension],
    touchedBy,
    sql: (frame) => valuesSql(model, frame)[dimension](),
    value: (picture, moment) => valuesOf(model, picture, moment)[dimension],
    passing:
      dimension === 'recency' ? [growing(model), ...changing(model, 'lastEnd')] : changing(model, 'firstEnd'),
  });
  const score = (dimension: Dimension): Fact => {
    const key = scoreName(dimension);
    return {
      name: key,
      type: 'integer',
      description: `1 to 5 by ${dimension} among all customers with activities that count, 5 is best; missing without any, and before the first refresh`,
      touchedBy: [...touchedBy, touchNames.customer, touchNames.rank],
      cut: key,
      sql: (frame) => scored(model, dimension, frame),
      value: (picture, moment) => {
        const values = valuesOf(model, picture, moment);
        if (picture.customer.stub || values.frequency === 0) return null;
        return scoreOf(dimension, values[dimension], moment.cuts?.get(key));
      },
      passing:
        dimension === 'recency'
          ? [worsening(model, key), ...changing(model, 'lastEnd')]
          : changing(model, 'firstEnd'),
    };
  };
  return [
    value('recency'),
    value('frequency'),
    value('monetary'),
    score('recency'),
    score('frequency'),
    score('monetary'),
  ];
}

function scored(model: RfmModel, dimension: Dimension, frame: Frame): SQL {
  const cut = frame.moment.cuts?.get(scoreName(dimension));
  const values = valuesSql(model, frame);
  const score = scoreSql(dimension, values[dimension](), cut);
  return sql`(case when ${values.frequency()} > 0 and not ${customers.stub} then ${score} end)`;
}

/** An activity leaves the window, or a later one begins to count. */
const changing = (model: RfmModel, end: 'firstEnd' | 'lastEnd'): Passing[] =>
  ([end, 'beginning'] as const).map((what) => ({
    kind: 'instant',
    sql: (frame) => valuesSql(model, frame)[what](),
    value: (picture, moment) => {
      const micros = valuesOf(model, picture, moment)[what];
      return micros === null ? null : instantOf(micros);
    },
  }));

const growing = (model: RfmModel): Passing => ({
  kind: 'reaches',
  atMost: mostDays,
  sql: (frame, n) => valuesSql(model, frame).reaches(n),
  value: (picture, moment, n) => valuesOf(model, picture, moment).reaches(n),
});

/** The score goes down on the day after a bound. */
const worsening = (model: RfmModel, key: string): Passing => ({
  kind: 'day',
  sql: (frame) => {
    const { reaches } = valuesSql(model, frame);
    const days = dayAfterBounds(frame.moment.cuts?.get(key)).map((n) => {
      const day = reaches(sql`${n}::integer`);
      return sql`(case when ${day} > ${frame.moment.today}::date then ${day} end)`;
    });
    return days.length === 0 ? sql`null::date` : sql`least(${sql.join(days, sql`, `)})`;
  },
  value: (picture: CustomerPicture, moment: Moment) => {
    const { reaches } = valuesOf(model, picture, moment);
    const days = dayAfterBounds(moment.cuts?.get(key)).map(reaches);
    return days.filter((day) => day !== null && day > moment.today).sort()[0] ?? null;
  },
});

const dayAfterBounds = (cut: Cut | undefined): number[] =>
  [...new Set(cut?.bounds ?? [])].flatMap((bound) => (bound === null ? [] : [Number(bound) + 1]));
