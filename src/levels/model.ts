/** The model of levels: what it may be, and how its versions are kept. */
import { isDeepStrictEqual } from 'node:util';
import { Big } from 'big.js';
import { sql } from 'drizzle-orm';
import type { Reader } from '../db/client.js';
import type { FieldProblem } from '../platform/errors.js';
import { type Level, type Movement, presets } from './grading.js';
import type { LevelModelIn, LevelModelOut, MovementIn } from './schemas.js';

/** As it is kept: presets are resolved, so that another release grades by the same. */
export type ModelContent = Pick<LevelModelIn, 'measure' | 'settle_days'> & {
  movement: Movement;
  levels: (Omit<LevelModelIn['levels'][number], 'movement'> & { movement: Movement | null })[];
};
export type StoredModel = { version: number; content: ModelContent; created_at: string };

const resolved = ({ preset = 'quarter', ...changes }: MovementIn): Movement => ({
  ...presets[preset],
  ...changes,
});

export const contentOf = ({ measure, settle_days, movement, levels }: LevelModelIn): ModelContent => ({
  measure,
  settle_days,
  movement: resolved(movement),
  levels: levels.map(({ movement: own, ...level }) => ({
    ...level,
    movement: own === undefined ? null : resolved(own),
  })),
});

/** As grading takes them: each with the movement that counts for it. */
export const levelsOf = ({ movement, levels }: ModelContent): Level[] =>
  levels.map((level) => ({ ...level, movement: level.movement ?? movement }));

export const movesAtOnce = (content: ModelContent): boolean =>
  levelsOf(content).some(({ movement }) => movement.up === 'at_once');

/** What keeps a model from being, with pointers into its body. */
export function modelProblems({ levels }: LevelModelIn): FieldProblem[] {
  const problem = (place: number, field: string, code: string, message: string): FieldProblem => ({
    in: 'body',
    pointer: `/levels/${place}/${field}`,
    code,
    message,
  });
  return levels.flatMap(({ key, lower_bound: bound }, place): FieldProblem[] => {
    const before = levels.slice(0, place);
    const below = before.at(-1)?.lower_bound ?? null;
    return [
      ...(before.some((one) => one.key === key)
        ? [problem(place, 'key', 'duplicate', 'names another level already')]
        : []),
      ...(place === 0 && bound !== null
        ? [problem(0, 'lower_bound', 'lowest_is_unbounded', 'must be null: the lowest level is everybody’s')]
        : []),
      ...(place > 0 && bound === null
        ? [problem(place, 'lower_bound', 'required', 'is null for the lowest level alone')]
        : []),
      ...(place > 0 && bound !== null && below !== null && new Big(bound).lte(below)
        ? [problem(place, 'lower_bound', 'not_ascending', 'must be above that of the level before')]
        : []),
    ];
  });
}

/** The version that is published, or a certain one. */
export async function readModel(reader: Reader, version?: number, lock = sql``): Promise<StoredModel> {
  const which = version === undefined ? sql`true` : sql`version = ${version}`;
  const [row] = await reader.rows<StoredModel>(sql`
    select version, content, created_at from level_models where ${which} order by version desc limit 1 ${lock}`);
  if (row === undefined) throw new Error('there is no model of levels: the database is not migrated');
  return row;
}

const withPreset = (movement: Movement) => {
  const names = Object.keys(presets) as (keyof typeof presets)[];
  const preset = names.find((name) => isDeepStrictEqual({ ...presets[name] }, { ...movement })) ?? null;
  return { preset, ...movement };
};

export function toModel(
  { version, content, created_at }: StoredModel,
  currency: string,
  isCurrent: boolean,
): LevelModelOut {
  const { movement, levels, ...rest } = content;
  return {
    version,
    ...rest,
    currency,
    movement: withPreset(movement),
    levels: levels.map(({ movement: own, ...level }) => ({
      ...level,
      movement: own === null ? null : withPreset(own),
    })),
    state: isCurrent ? 'current' : 'grading',
    created_at,
  };
}

/** What the level of `customer_levels` as l asks for in the version that decided it. */
export const heldBound = sql`(select held ->> 'lower_bound'
  from level_models m cross join jsonb_array_elements(m.content -> 'levels') as held
  where m.version = l.model_version and held ->> 'key' = l.level)`;
