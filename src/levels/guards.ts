/** Another model of levels moves customers up and down: the bank can ask a second person first. */
import { isDeepStrictEqual } from 'node:util';
import { sql } from 'drizzle-orm';
import { json, type Reader } from '../db/client.js';
import type { Guarded, Planned } from '../platform/approvals/guarded.js';
import type { Ctx } from '../platform/context.js';
import { brokenRules } from '../platform/errors.js';
import { checkVersion } from '../platform/http/versions.js';
import { monthsSql, runningMonths } from './averages.js';
import { gradeMonths, type MonthSeen, placeAmong, type RunningMonth } from './grading.js';
import {
  contentOf,
  heldBound,
  levelsOf,
  type ModelContent,
  modelProblems,
  movesAtOnce,
  readModel,
} from './model.js';
import { basisOf, lastRound } from './rounds.js';
import type { LevelModelIn } from './schemas.js';

export type ModelChange = { model: LevelModelIn; versions: number[] | undefined };
export type PublishedModel = { version: number };
type Forecast = { up: number; down: number };

const lock = sql`for update`;

function checked(model: LevelModelIn): ModelContent {
  const errors = modelProblems(model);
  if (errors.length === 0) return contentOf(model);
  throw brokenRules(errors);
}

/** Makes a new version; the same model again makes none. */
export const modelGuard: Guarded<ModelChange, PublishedModel> = {
  operation: 'putLevelModel',
  scope: 'levels:write',
  threshold: {
    counts: 'customers that move up or down',
    of: ({ forecast }: Planned) => {
      const moved = forecast as Forecast | null;
      return moved === null ? null : moved.up + moved.down;
    },
  },
  forecast: (ctx, { model }) => forecastModel(ctx, checked(model)),

  async plan(tx, _ctx, { model, versions }) {
    const next = checked(model);
    const { version, content: former } = await readModel(tx, undefined, lock);
    checkVersion(versions, version);
    const isNew = !isDeepStrictEqual(former, next);
    return {
      subject: { type: 'level_model', id: 'level_model' },
      customers: [],
      summary: isNew ? `Publish version ${version + 1} of the levels` : 'Leave the levels as they are',
      content: { base_version: version, former, version: version + (isNew ? 1 : 0), model: next },
      weighty: isNew,
    };
  },

  async execute(tx, ctx, { model }) {
    const next = checked(model);
    const { version, content: former } = await readModel(tx, undefined, lock);
    if (isDeepStrictEqual(former, next)) return { value: { version }, audit: [] };
    const details = { version: version + 1 };
    await tx.run(sql`
      insert into level_models (version, content, created_at, created_by)
      values (${details.version}, ${json(next)}, ${ctx.now}, ${ctx.actor})`);
    const type = 'level_model.published';
    return {
      value: details,
      audit: [{ action: type, subjectType: 'level_model', subjectId: 'level_model', details }],
      events: [{ type, subject: 'level_model', subjectVersion: 0, occurredAt: ctx.now, data: details }],
    };
  },
};

/** More than these take longer than somebody waits: then there is no forecast. */
const mostCounted = 200_000;
const pieceSize = 5000;

type Graded = { customer_id: string; key: string; lower_bound: string | null; months: MonthSeen[] };

/** Who would move: by where the level that they have stands in the new model. */
async function forecastModel(ctx: Ctx, content: ModelContent): Promise<Forecast> {
  const levels = levelsOf(content);
  const round = await lastRound(ctx.database);
  const basis = await basisOf(ctx.database, ctx);
  const forecast = { up: 0, down: 0 };
  let after: string | null = null;
  for (let counted = 0; counted < mostCounted; counted += pieceSize) {
    const piece = await readPiece(ctx.database, content, after);
    const ids = piece.map((one) => one.customer_id);
    const running =
      round !== undefined && movesAtOnce(content)
        ? await runningMonths(ctx.database, basis, content.measure, round.until_date, ids)
        : new Map<string, RunningMonth>();
    for (const { customer_id: id, months, ...level } of piece) {
      const held = placeAmong(levels, level);
      const rank = gradeMonths(levels, months, running.get(id) ?? null).rank ?? held;
      if (rank > held) forecast.up += 1;
      if (rank < held) forecast.down += 1;
    }
    if (piece.length < pieceSize) return forecast;
    after = ids.at(-1) ?? null;
  }
  throw new TooMany();
}

/** As a statement that PostgreSQL ended: what cannot be counted in time is not forecast. */
class TooMany extends Error {
  readonly code = '57014';
}

const readPiece = (reader: Reader, { measure }: ModelContent, after: string | null): Promise<Graded[]> =>
  reader.rows<Graded>(sql`
    select l.customer_id, l.level as key, ${heldBound} as lower_bound,
      ${monthsSql(measure, sql`a.customer_id = l.customer_id and a.known_to is null`)} as months
    from customer_levels l
    where l.to_at is null and ${after === null ? sql`true` : sql`l.customer_id > ${after}::uuid`}
    order by l.customer_id limit ${pieceSize}`);
