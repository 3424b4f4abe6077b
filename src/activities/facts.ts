/**
 * What rules may ask of a customer's activities at large. Only what the customer initiated counts: a bank's own
 * bookings (interest, fees) say nothing of the customer.
 */
import { sql } from 'drizzle-orm';
import { activities, activityTotals } from '../db/tables/activities.js';
import { instantOf, microsOf } from '../platform/instants.js';
import { earliest, latest } from '../rules/conditions.js';
import type { Fact } from '../rules/facts.js';
import type { CustomerPicture } from '../rules/picture.js';
import type { Frame, Source } from '../rules/statement.js';
import { touchNames } from '../rules/touches.js';
import { instantSql } from '../rules/windows.js';

const totals: Source = {
  name: 'initiated totals',
  customerId: sql`${activityTotals.customerId}`,
  rows: () => sql`from ${activityTotals} where ${activityTotals.initiatedBy} = 'customer'`,
};

/**
 * Totals know no time: of whom they reach into the future, the activities themselves are looked at, before now and
 * after it apart, so that each is one step in the index.
 */
const besideTotals = (frame: Frame, which: 'begun' | 'ahead'): Source => {
  const now = instantSql(frame.moment.nowMicros);
  const when = which === 'begun' ? sql`<=` : sql`>`;
  return {
    name: `initiated ${which}`,
    customerId: sql`${activities.customerId}`,
    rows: () => sql`from ${activities} where ${activities.occurredAt} ${when} ${now}
      and ${activities.initiatedBy} = 'customer' and ${activities.state} = 'current'`,
    gate: frame.column(totals, 'ahead', () => sql`bool_or(${activityTotals.lastAt} > ${now})`),
    rare: true,
  };
};

const initiated = (picture: CustomerPicture) =>
  picture.activities
    .filter((each) => each.initiated_by === 'customer' && each.state === 'current')
    .map((each) => microsOf(each.occurred_at));

const lastAt: Fact = {
  name: 'activities.last_at',
  type: 'instant',
  description: 'When the customer last did something by their own initiative',
  touchedBy: [touchNames.anyActivity],
  sql: (frame) => {
    const now = instantSql(frame.moment.nowMicros);
    const known = frame.column(
      totals,
      'last',
      () => sql`max(${activityTotals.lastAt}) filter (where ${activityTotals.lastAt} <= ${now})`,
    );
    const begun = frame.column(
      besideTotals(frame, 'begun'),
      'last',
      () => sql`max(${activities.occurredAt})`,
    );
    return sql`greatest(${known}, ${begun})`;
  },
  value: (picture, { nowMicros }) => {
    const known = picture.activityTotals
      .filter((each) => each.initiated_by === 'customer')
      .map((each) => microsOf(each.last_at));
    const last = latest([...known, ...initiated(picture)].filter((each) => each <= nowMicros));
    return last === null ? null : instantOf(last);
  },
  passing: {
    kind: 'instant',
    sql: (frame) =>
      frame.column(besideTotals(frame, 'ahead'), 'next', () => sql`min(${activities.occurredAt})`),
    value: (picture, { nowMicros }) => {
      const next = earliest(initiated(picture).filter((each) => each > nowMicros));
      return next === null ? null : instantOf(next);
    },
  },
};

export const activityFacts = (): Fact[] => [lastAt];
