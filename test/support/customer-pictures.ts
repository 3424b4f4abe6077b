/** Generated moments and customers for the properties of the rule engine. */
import fc from 'fast-check';
import { Temporal } from 'temporal-polyfill';
import { allFacts } from '../../src/facts.js';
import { type BalanceWindow, noBalances, stateBalance } from '../../src/holdings/balance-intervals.js';
import { categories } from '../../src/holdings/categories.js';
import { instantOf, microsOf } from '../../src/platform/instants.js';
import { cutOf, dimensions } from '../../src/rfm/scores.js';
import { periodOf } from '../../src/rules/calendar.js';
import type { Cut, Cuts } from '../../src/rules/cuts.js';
import { momentOf, type RuleContext, startOfDay, zonedOf } from '../../src/rules/moment.js';
import type {
  ActivityPart,
  ActivityTotalPart,
  BalancePart,
  CustomerPicture,
  OwnerPart,
} from '../../src/rules/picture.js';
import { cutOfRank } from '../../src/rules/rank-condition.js';
import type { RankCondition } from '../../src/rules/rank-schema.js';
import type { Rule } from '../../src/rules/schema.js';
import { compareValues, type ValueType } from '../../src/rules/values.js';
import type { Vocabulary } from '../../src/rules/vocabulary.js';
import { type CalendarUnit, type CalendarWindow, calendarUnits } from '../../src/rules/window-schema.js';

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

export const levelKeys = ['basic', 'gold', 'private_bank'];

/** One with tiers, and one without. */
export const programmes = [
  { key: 'rewards', tiers: ['member', 'silver', 'gold'] },
  { key: 'miles', tiers: [] },
];

export const facts = allFacts(declared, undefined, levelKeys, undefined, programmes);

export const staticSegments = ['invited', 'blocked'];
/** Segments that name others, over a static one. */
export const vocabulary: Vocabulary = {
  facts,
  segments: new Map<string, Rule | null>([
    ['invited', null],
    ['blocked', null],
    ['grown', { fact: 'age_years', op: 'gte', value: 18 }],
    [
      'welcome',
      { all: [{ segment: 'grown' }, { any: [{ segment: 'invited' }, { not: { segment: 'blocked' } }] }] },
    ],
    ['active', { activity: 'login', window: { last: 'P30D' }, measure: 'count', op: 'gte', value: 1 }],
    [
      'courted',
      { all: [{ segment: 'welcome' }, { not: { all: [{ segment: 'active' }, { segment: 'grown' }] } }] },
    ],
  ]),
};

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
export const delicate = [
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

export const hour = 3_600_000_000;
export const day = 24 * hour;

const within = (from: string, to: string): fc.Arbitrary<string> =>
  fc.integer({ min: microsOf(from), max: microsOf(to) }).map(instantOf);

/** Ranks of facts of each type, that grow and that do not. */
export const rankConditions: readonly RankCondition[] = [
  { rank: { fact: 'rfm.monetary', top: { percent: 5 } } },
  { rank: { fact: 'rfm.recency', bottom: { percent: 12.5 } } },
  { rank: { fact: 'rfm.frequency_score', top: { count: 3 } } },
  { rank: { fact: 'age_years', between: { percent: [20, 40] } } },
  { rank: { fact: 'tenure_days', between: { percent: [80, 100] } } },
  { rank: { fact: 'attributes.score', bottom: { count: 2 } } },
  { rank: { fact: 'attributes.joined', top: { percent: 50 } } },
  { rank: { fact: 'activities.last_at', top: { percent: 10 } } },
];

/** As a refresh leaves them: in order, of nobody, or not there yet. */
function cutsAbout(context: RuleContext): fc.Arbitrary<Cuts> {
  const scores = dimensions.map(cutOf);
  const definitions = [...scores, ...rankConditions.map(cutOfRank)];
  const cuts = definitions.map(({ key, fact, places }) => {
    const { type } = facts.get(fact) as { type: ValueType };
    const sign = places[0]?.from === 'top' ? -1 : 1;
    const sorted = fc
      .array(boundsAbout(type, context), { minLength: places.length, maxLength: places.length })
      .map((bounds): (string | null)[] => bounds.sort((a, b) => sign * compareValues(type, a, b)));
    const cut = (bounds: Cut['bounds'], population: number): [string, Cut][] => [
      [key, { as_of: '2024-01-01T00:00:00Z', population, bounds }],
    ];
    return fc.oneof(
      { arbitrary: sorted.map((bounds) => cut(bounds, 7)), weight: 6 },
      // the population ends before the last place
      {
        arbitrary: sorted.map((bounds) => cut(places.length === 2 ? bounds.with(1, null) : bounds, 7)),
        weight: 2,
      },
      {
        arbitrary: fc.constant(
          cut(
            places.map(() => null),
            0,
          ),
        ),
        weight: 1,
      },
      { arbitrary: fc.constant<[string, Cut][]>([]), weight: 1 },
    );
  });
  return fc.tuple(...cuts).map((all) => new Map(all.flat()));
}

function boundsAbout(type: ValueType, context: RuleContext): fc.Arbitrary<string> {
  if (type === 'money') return amounts;
  if (type === 'date') return daysAbout(momentOf(context).today, false);
  if (type === 'instant') return instantsAbout(context);
  return fc.constantFrom('0', '1', '2', '3', '18', '30', '89', '90', '365');
}

export const contexts: fc.Arbitrary<RuleContext> = fc
  .record({
    now: fc.oneof(fc.constantFrom(...delicate), within('2024-06-01T00:00:00Z', '2026-03-01T00:00:00Z')),
    timeZone: fc.constantFrom(...zones),
    currency: fc.constant('CNY'),
  })
  .chain((context) => cutsAbout(context).map((cuts) => ({ ...context, cuts })));

export const windowSlips = fc.oneof(
  fc.constantFrom(0, -1, 1, hour / 2, -hour / 2, hour, -hour, day, -day, 2 * day, -2 * day, -3 * day),
  fc.integer({ min: -4 * day, max: 4 * day }),
);

export const nobody: CustomerPicture = {
  customer: {
    id: '0198f2a0-0000-7000-8000-000000000000',
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
  staticSegments: [],
  rates: [],
  ratesOfDays: [],
  level: null,
  loyalty: [],
};

export function startOf(last: string, { now, timeZone }: RuleContext): number {
  return Number(zonedOf(microsOf(now), timeZone).subtract(last).epochNanoseconds / 1000n);
}

export const calendarWindows = fc
  .record({
    calendar: fc.constantFrom<CalendarUnit>(...calendarUnits),
    offset: fc.integer({ min: -4, max: 0 }),
    periods: fc.constantFrom(1, 1, 1, 2, 6),
  })
  .map(
    ({ calendar, offset, periods }): CalendarWindow => ({
      calendar,
      ...(offset === 0 ? {} : { offset }),
      ...(periods === 1 ? {} : { periods }),
    }),
  );

/** About a bound of a window, about now, or anywhere in two years and a while ahead. */
export function instantsAbout(context: RuleContext): fc.Arbitrary<string> {
  const micros = microsOf(context.now);
  const slip = fc.oneof(
    fc.constantFrom(0, 0, -1, 1, hour / 2, -hour / 2, hour, -hour),
    fc.integer({ min: -3 * day, max: 3 * day }),
    fc.constantFrom(day, -day, 2 * day, -2 * day, 3 * day),
  );
  return fc.oneof(
    fc
      .tuple(calendarWindows, slip)
      .map(([{ calendar, offset = 0 }, by]) =>
        instantOf(
          startOfDay(periodOf(calendar, offset, momentOf(context).today).first, context.timeZone) + by,
        ),
      ),
    fc.tuple(fc.constantFrom(...windows), slip).map(([last, by]) => instantOf(startOf(last, context) + by)),
    slip.map((by) => instantOf(micros + by)),
    within(instantOf(micros - 700 * day), instantOf(micros + 40 * day)),
  );
}

export const daysAbout = (today: string, years: boolean): fc.Arbitrary<string> =>
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

export const texts = fc.constantFrom('', 'a', 'Z', '上海', '北京', '𠮷野', '￥', 'é', 'app', '甲');
const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { freq: 3 });
const amounts = fc.oneof(
  fc.constantFrom('0', '0.10', '99.99', '100', '100.00', '1000000', '33.333'),
  moneyText(),
);

function moneyText(): fc.Arbitrary<string> {
  return fc.integer({ min: 0, max: 20_000 }).map((cents) => (cents / 100).toFixed(2));
}

export const signed = fc.tuple(fc.constantFrom('', '-'), amounts).map(([sign, amount]) => `${sign}${amount}`);

export const activityTypes = ['card_payment', 'login', 'transfer'];

export const activity = (instants: fc.Arbitrary<string>): fc.Arbitrary<ActivityPart> =>
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

/** How a customer owns a holding, and who else does. */
function owners(today: string): fc.Arbitrary<OwnerPart> {
  const about = maybe(
    fc.constantFrom(-2, -1, 0, 1, 40).map((days) => Temporal.PlainDate.from(today).add({ days }).toString()),
  );
  const dates = fc
    .tuple(about, about)
    .filter(([from, to]) => from === null || to === null || from <= to)
    .map(([starts_on, ends_on]) => ({ starts_on, ends_on }));
  const share = maybe(fc.constantFrom('0', '12.5', '33.3333', '100'));
  const other = fc.record({ share, dates }).map(({ dates: of, ...rest }) => ({ ...rest, ...of }));
  return fc
    .record({
      role: fc.constantFrom('primary_owner', 'primary_owner', 'joint_owner'),
      share,
      dates,
      others: fc.array(other, { maxLength: 2 }),
    })
    .map(({ dates: of, ...rest }) => ({
      ...rest,
      ...of,
      others: rest.role === 'primary_owner' ? rest.others : [],
    }));
}

/** Rates are the bank's: all customers of one moment have the same. */
function ratesOf({ now }: RuleContext): CustomerPicture['rates'] {
  const rates = [
    { currency: 'EUR', rate: '7.85125' },
    { currency: 'USD', rate: '0.0005' },
  ];
  return rates.slice(0, microsOf(now) % 3);
}

/** Those of the days before, with a gap that is too long to value by. */
function ratesOfDays({ now, timeZone }: RuleContext): CustomerPicture['ratesOfDays'] {
  const today = zonedOf(microsOf(now), timeZone).toPlainDate();
  const rates = [
    { currency: 'EUR', days: 3, rate: '7.9' },
    { currency: 'EUR', days: 9, rate: '7.85125' },
    { currency: 'USD', days: 20, rate: '0.0005' },
    { currency: 'EUR', days: 60, rate: '1' },
  ];
  return rates
    .slice(microsOf(now) % 2)
    .map(({ days, ...rate }) => ({ ...rate, business_date: today.subtract({ days }).toString() }));
}

/** As statements make them that come in any order, some of them corrected. */
function balancesAbout(today: string): fc.Arbitrary<BalancePart[]> {
  const statement = fc.record({
    day: fc
      .oneof(fc.integer({ min: -3, max: 45 }), fc.integer({ min: 0, max: 420 }))
      .map((days) => Temporal.PlainDate.from(today).subtract({ days }).toString()),
    amount: fc.option(signed, { freq: 6 }),
    currency: fc.constantFrom('CNY', 'CNY', 'CNY', 'EUR', 'USD'),
    sourceMicros: fc.constantFrom(1, 2),
    recordedMicros: fc.constant(1),
  });
  return fc.array(statement, { maxLength: 6 }).map((statements) => {
    const { intervals } = statements.reduce<BalanceWindow>((window, one) => {
      const decision = stateBalance(window, one);
      return decision.outcome === 'taken' ? decision.window : window;
    }, noBalances);
    return intervals.map(({ from, to, amount, currency }) => ({
      from_date: from,
      to_date: to,
      amount,
      currency,
    }));
  });
}

export function pictures(context: RuleContext): fc.Arbitrary<CustomerPicture> {
  const { today } = momentOf(context);
  const customer = fc.record({
    id: fc.uuid({ version: 7 }),
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
    currency: fc.constantFrom('CNY', 'CNY', 'CNY', 'EUR', 'USD'),
    balance: maybe(signed),
    opened_on: maybe(daysAbout(today, false)),
    closed_on: maybe(daysAbout(today, false)),
    balances: balancesAbout(today),
    owner: owners(today),
  });
  const party = fc.record({
    role: fc.constantFrom('authorised', 'guarantor'),
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
      rank: maybe(fc.nat({ max: levelKeys.length - 1 })),
      loyalty: loyaltyAbout(context),
      activities: fc.array(activity(instantsAbout(context)), { maxLength: 10 }),
      staticSegments: fc.subarray(staticSegments),
    })
    .map(({ owned, others, activities, rank, ...rest }) => ({
      ...rest,
      holdings: owned.map((each) => ({ ...each, kept: each.owner.role === 'primary_owner' })),
      parties: [...owned.map(({ owner, opened_on }) => ({ role: owner.role, opened_on })), ...others],
      activities,
      activityTotals: totalsOf(activities),
      rates: ratesOf(context),
      ratesOfDays: ratesOfDays(context),
      level: rank === null ? null : { level: levelKeys[rank] ?? '', rank },
    }));
}

/** Lots that are pending, usable and expired, and holds that time out, in some programmes. */
function loyaltyAbout(context: RuleContext): fc.Arbitrary<CustomerPicture['loyalty']> {
  const points = fc.integer({ min: 1, max: 60 });
  const instants = instantsAbout(context);
  const lot = fc
    .record({
      available_at: instants,
      expires_at: maybe(instants),
      held: maybe(fc.record({ expires_at: instants, points })),
      remaining: points,
    })
    .map(({ held, ...one }) => ({
      ...one,
      holds: held === null ? [] : [{ ...held, points: Math.min(held.points, one.remaining) }],
    }));
  const part = ({ key, tiers }: (typeof programmes)[number]) =>
    fc.record({
      programme: fc.constant(key),
      rank: tiers.length === 0 ? fc.constant(null) : maybe(fc.nat({ max: tiers.length - 1 })),
      debt: fc.constantFrom(0, 0, 0, 20),
      lots: fc.array(lot, { maxLength: 4 }),
    });
  return fc
    .tuple(...programmes.map((one) => maybe(part(one))))
    .map((parts) =>
      parts.flatMap((one, place) =>
        one === null
          ? []
          : [{ ...one, tier: one.rank === null ? null : (programmes[place]?.tiers[one.rank] ?? null) }],
      ),
    );
}
