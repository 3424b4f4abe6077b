/** The model of recency, frequency and monetary value: versions, of which the last that was refreshed answers. */
import { sql } from 'drizzle-orm';
import { array, type Reader } from '../db/client.js';
import type { Guarded } from '../platform/approvals/guarded.js';
import { canonicalJson } from '../platform/canonical-json.js';
import { DomainError, type FieldProblem } from '../platform/errors.js';
import { checkVersion } from '../platform/http/versions.js';
import { readCuts } from '../ranks/cuts.js';
import { isRefreshable, refreshBounds } from '../rules/cuts.js';
import { checkLength } from '../rules/measured-check.js';
import { scoreName } from './scores.js';

export type RfmModelIn = { types: string[] | null; window: { last: string }; refresh_every: string };
export type RfmModelRow = RfmModelIn & {
  version: number;
  state: 'refreshing' | 'current';
  updated_at: string;
  ranks_as_of: string | null;
};
export type RfmModelChange = RfmModelIn & { versions: number[] | undefined };

/** As it was stated last. */
export async function readRfmModel(reader: Reader, at: string, lock = sql``): Promise<RfmModelRow> {
  const [row] = await reader.rows<Omit<RfmModelRow, 'ranks_as_of'>>(sql`
    select types, json_build_object('last', window_last) as window, refresh_every, version,
      case when live_at is null then 'refreshing' else 'current' end as state, created_at as updated_at
    from rfm_models order by version desc limit 1 ${lock}`);
  if (row === undefined) throw new Error('the model is missing: the database is not migrated');
  const key = scoreName('frequency');
  return { ...row, ranks_as_of: (await readCuts(reader, [key], at)).get(key)?.as_of ?? null };
}

/** Everybody is scored anew by it: then it answers, and the former one does until then. */
export const rfmModelGuard: Guarded<RfmModelChange, { version: number }> = {
  operation: 'putRfmModel',
  scope: 'segments:write',

  async plan(tx, ctx, { versions, ...input }) {
    const { version, types, window, refresh_every } = await readRfmModel(tx, ctx.now, sql`for update`);
    checkVersion(versions, version);
    const errors = modelErrors(input);
    if (errors[0] !== undefined) throw new DomainError('rule_broken', errors[0].message, { errors });
    const former = { types, window, refresh_every };
    const isNew = canonicalJson(former) !== canonicalJson(input);
    return {
      subject: { type: 'rfm_model', id: 'rfm_model' },
      customers: [],
      summary: isNew
        ? `Score recency, frequency and monetary value by version ${version + 1} of the model`
        : 'Keep the model of recency, frequency and monetary value as it is',
      content: { base_version: version, former, version: version + (isNew ? 1 : 0), ...input },
      weighty: isNew,
    };
  },

  async execute(tx, ctx, { versions: _, ...input }) {
    const { version, types, window, refresh_every } = await readRfmModel(tx, ctx.now);
    if (canonicalJson({ types, window, refresh_every }) === canonicalJson(input)) {
      return { value: { version }, audit: [] };
    }
    const data = { version: version + 1 };
    const list = input.types === null ? sql`null` : array([...new Set(input.types)].sort(), 'text');
    await tx.run(sql`
      insert into rfm_models (version, types, window_last, refresh_every, created_at, created_by)
      values (${data.version}, ${list}, ${input.window.last}, ${input.refresh_every}, ${ctx.now}, ${ctx.actor})`);
    const type = 'rfm_model.updated';
    return {
      value: data,
      audit: [
        { action: type, subjectType: 'rfm_model', subjectId: 'rfm_model', details: { ...data, ...input } },
      ],
      events: [{ type, subject: 'rfm_model', subjectVersion: 0, occurredAt: ctx.now, data }],
    };
  },
};

function modelErrors({ window, refresh_every }: RfmModelIn): FieldProblem[] {
  const length = checkLength(window.last, '/window/last');
  const message = `scores are refreshed every ${refreshBounds.join(' to ')}`;
  const often = { pointer: '/refresh_every', code: 'out_of_bounds', message };
  const problems = [length, isRefreshable(refresh_every) ? undefined : often];
  return problems.flatMap((one) => (one === undefined ? [] : [{ in: 'body', ...one }]));
}
