/** The tiers of a programme: what they may be, and how their versions are kept. */
import { Big } from 'big.js';
import { sql } from 'drizzle-orm';
import { Temporal } from 'temporal-polyfill';
import type { Reader } from '../../db/client.js';
import { bodyProblem, type FieldProblem, notFound } from '../../platform/errors.js';
import type { TierModelIn } from './schemas.js';
import type { TierRules } from './standing.js';

/** `zone` is that of the programme now. */
export type StoredTiers = {
  programme: string;
  version: number;
  content: TierModelIn;
  created_at: string;
  zone: string;
};

export const rulesOf = ({ content, zone }: StoredTiers): TierRules => ({
  zone,
  period: content.period as TierRules['period'],
  grace: content.grace,
  warnBefore: content.warn_before,
  downgrade: content.downgrade,
  bounds: content.tiers.map(({ lower_bound }) => lower_bound),
});

/** The version in force, or a certain one. */
export async function findTiers(
  reader: Reader,
  programme: string,
  version?: number,
): Promise<StoredTiers | undefined> {
  const which = version === undefined ? sql`true` : sql`m.version = ${version}`;
  const [row] = await reader.rows<StoredTiers>(sql`
    select m.programme, m.version, m.content, m.created_at, v.content ->> 'time_zone' as zone
    from loyalty_tier_models m join loyalty_programmes p on p.key = m.programme
    join loyalty_programme_versions v on v.programme = p.key and v.version = p.version
    where m.programme = ${programme} and ${which} order by m.version desc limit 1`);
  return row;
}

/** Throws 404. */
export async function readTiers(reader: Reader, programme: string, version?: number): Promise<StoredTiers> {
  const found = await findTiers(reader, programme, version);
  if (found === undefined) throw notFound('loyalty tiers');
  return found;
}

/** Where a tier of another version stands in this one: by its key, else by its bound. */
export function placeOf({ content: { tiers } }: StoredTiers, held: { tier: string; bound: string }): number {
  const same = tiers.findIndex(({ key }) => key === held.tier);
  return same >= 0 ? same : tiers.findLastIndex(({ lower_bound: bound }) => new Big(bound).lte(held.bound));
}

const start = Temporal.PlainDate.from('2001-01-01');
const daysOf = (duration: string): number => start.until(start.add(duration)).days;
const longestDays = 3660;

/** What keeps a model from being, with pointers into its body. */
export function tierProblems(model: TierModelIn): FieldProblem[] {
  const length = model.period.kind === 'calendar' ? 365 : daysOf((model.period as { length: string }).length);
  return [
    ...(length < 28 || length > longestDays
      ? [bodyProblem('/period/length', 'out_of_range', 'must be at least 28 days and at most ten years')]
      : []),
    ...(daysOf(model.grace) >= length
      ? [bodyProblem('/grace', 'out_of_range', 'must be shorter than the period')]
      : []),
    ...(daysOf(model.warn_before) >= length
      ? [bodyProblem('/warn_before', 'out_of_range', 'must be shorter than the period')]
      : []),
    ...model.tiers.flatMap((tier, place) => tierProblem(model, tier, place)),
  ];
}

function tierProblem(
  { tiers, qualify }: TierModelIn,
  { key, lower_bound: bound, benefits }: TierModelIn['tiers'][number],
  place: number,
): FieldProblem[] {
  const before = tiers.slice(0, place);
  const below = before.at(-1)?.lower_bound;
  const at = `/tiers/${place}`;
  return [
    ...(before.some((one) => one.key === key)
      ? [bodyProblem(`${at}/key`, 'duplicate', 'names another tier already')]
      : []),
    ...(below !== undefined && new Big(bound).lte(below)
      ? [bodyProblem(`${at}/lower_bound`, 'not_ascending', 'must be above that of the tier before')]
      : []),
    ...(qualify.by === 'points' && bound.includes('.')
      ? [bodyProblem(`${at}/lower_bound`, 'not_whole', 'must be whole: points are')]
      : []),
    ...benefits.flatMap((benefit, number) =>
      benefits.findIndex((one) => one.key === benefit.key) < number
        ? [
            bodyProblem(
              `${at}/benefits/${number}/key`,
              'duplicate',
              'names another benefit of the tier already',
            ),
          ]
        : [],
    ),
  ];
}
