/**
 * What rules may ask of loyalty programmes: the tier that a customer has, and the points that it can use now. The first
 * programme that the bank made is spoken of without its key as well. Tiers change with writes alone; points come to be
 * usable, expire, and get free with time.
 */
import { type SQL, sql } from 'drizzle-orm';
import { loyaltyAccounts, loyaltyHoldLots, loyaltyHolds, loyaltyLots } from '../db/tables/loyalty.js';
import { loyaltyTiersHeld } from '../db/tables/loyalty-tiers.js';
import { instantOf, microsOf } from '../platform/instants.js';
import { earliest } from '../rules/conditions.js';
import type { Fact } from '../rules/facts.js';
import type { Moment } from '../rules/moment.js';
import type { CustomerPicture, LoyaltyPart } from '../rules/picture.js';
import type { Frame, Source } from '../rules/statement.js';
import { touchNames } from '../rules/touches.js';
import { instantSql } from '../rules/windows.js';

/** In the order in which they were made; the keys of the tiers, the lowest first. */
export type KnownProgramme = { key: string; tiers: readonly string[] };

const touchedBy = [touchNames.loyalty];

/** As they are now; of a past moment, as they were recorded then. */
const tiersHeld = ({ moment: { past, nowMicros } }: Frame): Source => {
  const { fromAt, toAt } = loyaltyTiersHeld;
  const now = instantSql(nowMicros);
  return {
    name: 'loyalty tiers',
    customerId: sql`${loyaltyTiersHeld.customerId}`,
    rows: () =>
      sql`from ${loyaltyTiersHeld} where ${past ? sql`${fromAt} <= ${now} and (${toAt} is null or ${toAt} > ${now})` : sql`${toAt} is null`}`,
  };
};

const accounts: Source = {
  name: 'loyalty accounts',
  customerId: sql`${loyaltyAccounts.customerId}`,
  rows: () => sql`from ${loyaltyAccounts} where true`,
};
const lots: Source = {
  name: 'loyalty lots',
  customerId: sql`${loyaltyLots.customerId}`,
  rows: () => sql`from ${loyaltyLots} where ${loyaltyLots.remaining} > 0`,
};
const kept: Source = {
  name: 'loyalty holds',
  customerId: sql`${loyaltyHolds.customerId}`,
  rows: () => sql`from ${loyaltyHolds}
    join ${loyaltyHoldLots} on ${loyaltyHoldLots.customerId} = ${loyaltyHolds.customerId} and ${loyaltyHoldLots.holdId} = ${loyaltyHolds.holdId}
    join ${loyaltyLots} on ${loyaltyLots.customerId} = ${loyaltyHoldLots.customerId} and ${loyaltyLots.accountId} = ${loyaltyHoldLots.accountId}
      and ${loyaltyLots.lotId} = ${loyaltyHoldLots.lotId}
    where ${loyaltyHolds.status} = 'active'`,
};

type Programme = KnownProgramme | undefined;

const partOf = ({ loyalty }: CustomerPicture, programme: Programme): LoyaltyPart | undefined =>
  loyalty.find((one) => one.programme === programme?.key);

function tierFacts(name: string, of: string, programme: Programme): Fact[] {
  const column = (frame: Frame, which: 'tier' | 'rank') =>
    programme === undefined
      ? sql.raw(which === 'tier' ? 'null::text' : 'null::integer')
      : frame.column(
          tiersHeld(frame),
          `${which} ${programme.key}`,
          () =>
            sql`max(${loyaltyTiersHeld[which]}) filter (where ${loyaltyTiersHeld.programme} = ${programme.key})`,
        );
  const { tiers = [] } = programme ?? {};
  return [
    {
      name: `${name}.tier`,
      type: 'text',
      description: `The tier ${of}; missing where the customer has none`,
      ...(tiers.length === 0 ? {} : { values: tiers }),
      touchedBy,
      sql: (frame) => column(frame, 'tier'),
      value: (picture) => partOf(picture, programme)?.tier ?? null,
    },
    {
      name: `${name}.tier_rank`,
      type: 'integer',
      unit: 'tiers above the lowest',
      description: `The same as a number, ${of}: 0 is the lowest tier`,
      touchedBy,
      sql: (frame) => column(frame, 'rank'),
      value: (picture) => partOf(picture, programme)?.rank ?? null,
    },
  ];
}

const usableSql = (now: SQL) =>
  sql`${loyaltyLots.availableAt} <= ${now} and (${loyaltyLots.expiresAt} is null or ${loyaltyLots.expiresAt} > ${now})`;

function balanceSql(frame: Frame, key: string): SQL {
  const now = instantSql(frame.moment.nowMicros);
  const usable = usableSql(now);
  const has = frame.count(
    accounts,
    `has ${key}`,
    () => sql`count(*) filter (where ${loyaltyAccounts.programme} = ${key})`,
  );
  const debt = frame.column(
    accounts,
    `debt ${key}`,
    () => sql`sum(${loyaltyAccounts.debt}) filter (where ${loyaltyAccounts.programme} = ${key})`,
  );
  const free = frame.count(
    lots,
    `usable ${key}`,
    () => sql`sum(${loyaltyLots.remaining}) filter (where ${loyaltyLots.programme} = ${key} and ${usable})`,
  );
  const held = frame.count(
    kept,
    `held ${key}`,
    () =>
      sql`sum(${loyaltyHoldLots.points}) filter (where ${loyaltyHolds.programme} = ${key} and ${loyaltyHolds.expiresAt} > ${now} and ${usable})`,
  );
  return sql`(case when ${has} > 0 then greatest(0, ${free} - ${held} - ${debt})::bigint end)`;
}

const usableAt = ({ available_at, expires_at }: LoyaltyPart['lots'][number], { nowMicros }: Moment) =>
  microsOf(available_at) <= nowMicros && (expires_at === null || microsOf(expires_at) > nowMicros);

function balanceOf(picture: CustomerPicture, moment: Moment, programme: Programme): number | null {
  const part = partOf(picture, programme);
  if (part === undefined) return null;
  let points = -part.debt;
  for (const lot of part.lots) {
    if (!usableAt(lot, moment)) continue;
    points += lot.remaining;
    for (const hold of lot.holds) if (microsOf(hold.expires_at) > moment.nowMicros) points -= hold.points;
  }
  return Math.max(0, points);
}

function nextSql(frame: Frame, key: string): SQL {
  const now = instantSql(frame.moment.nowMicros);
  const next = (source: Source, name: string, instant: SQL, programme: SQL) =>
    frame.column(
      source,
      `${name} ${key}`,
      () => sql`min(${instant}) filter (where ${programme} = ${key} and ${instant} > ${now})`,
    );
  return sql`least(
    ${next(lots, 'available', sql`${loyaltyLots.availableAt}`, sql`${loyaltyLots.programme}`)},
    ${next(lots, 'expires', sql`${loyaltyLots.expiresAt}`, sql`${loyaltyLots.programme}`)},
    ${next(kept, 'times out', sql`${loyaltyHolds.expiresAt}`, sql`${loyaltyHolds.programme}`)})`;
}

function nextOf(picture: CustomerPicture, { nowMicros }: Moment, programme: Programme): string | null {
  const { lots: all = [] } = partOf(picture, programme) ?? {};
  const instants = all.flatMap((lot) => [
    lot.available_at,
    ...(lot.expires_at === null ? [] : [lot.expires_at]),
    ...lot.holds.map((hold) => hold.expires_at),
  ]);
  const next = earliest(instants.map(microsOf).filter((at) => at > nowMicros));
  return next === null ? null : instantOf(next);
}

const balanceFact = (name: string, of: string, programme: Programme): Fact => ({
  name: `${name}.points_balance`,
  type: 'integer',
  unit: 'points',
  description: `The points that can be used now, ${of}: without what is pending, held or owed; missing where the customer takes no part`,
  touchedBy,
  sql: (frame) => (programme === undefined ? sql`null::bigint` : balanceSql(frame, programme.key)),
  value: (picture, moment) => balanceOf(picture, moment, programme),
  ...(programme === undefined
    ? {}
    : {
        passing: {
          kind: 'instant',
          sql: (frame) => nextSql(frame, programme.key),
          value: (picture, moment) => nextOf(picture, moment, programme),
        },
      }),
});

export const loyaltyFacts = (programmes: readonly KnownProgramme[]): Fact[] =>
  [
    { name: 'loyalty', of: 'in the first programme of the bank', programme: programmes[0] },
    ...programmes.map((programme) => ({
      ...{ name: `loyalty.${programme.key}`, of: `in ${programme.key}`, programme },
    })),
  ].flatMap(({ name, of, programme }) => [
    ...tierFacts(name, of, programme),
    balanceFact(name, of, programme),
  ]);
