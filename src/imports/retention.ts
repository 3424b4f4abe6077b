/**
 * What imports leave behind is forgotten: staged chunks when the import has ended, rejected lines and the key that
 * they are encrypted with 30 days later. An upload that nobody goes on with for a week is given up.
 */
import { sql } from 'drizzle-orm';
import type { Clock } from '../platform/clock.js';
import { type Services, systemContext } from '../platform/context.js';
import { newId } from '../platform/ids.js';
import { instantOf, microsOf } from '../platform/instants.js';
import type { Logger } from '../platform/log.js';
import { failUpload } from './service.js';

type Deps = { services: Services; clock: Clock; log: Logger };

const dayMicros = 86_400 * 1_000_000;
const rejectionDays = 30;
const uploadDays = 7;
const chunksATime = 50;
const rejectionsATime = 5000;
const mentionsATime = 5000;

const before = (now: string, days: number) => instantOf(microsOf(now) - days * dayMicros);

/** Forgets a bounded piece of what is due. True where there may be more. */
export async function forgetImports({ services, clock, log }: Deps): Promise<boolean> {
  const now = await clock.now();
  const { database } = services;
  const stale = await database.rows<{ id: string }>(sql`
    select id from imports where state = 'receiving' and received_at < ${before(now, uploadDays)} limit 100`);
  const ctx = systemContext(services, 'imports', newId(), now, log);
  for (const { id } of stale) {
    await failUpload(ctx, id, { code: 'abandoned', message: 'Nobody went on with the upload.' });
  }
  const chunks = await database.begin((tx) =>
    tx.run(sql`
      delete from import_chunks where ctid = any(array(
        select c.ctid from import_chunks c join imports i on i.id = c.import_id
        where i.state in ('completed', 'failed', 'cancelled') limit ${chunksATime}))`),
  );
  const mentions = await database.begin((tx) =>
    tx.run(sql`
      delete from import_mentions where ctid = any(array(
        select m.ctid from import_mentions m join imports i on i.id = m.import_id
        where i.state in ('completed', 'failed', 'cancelled') limit ${mentionsATime}))`),
  );
  const lines = await database.begin(async (tx) => {
    const old = sql`finished_at < ${before(now, rejectionDays)} and wrapped_key is not null`;
    const deleted = await tx.run(sql`
      delete from import_rejections where ctid = any(array(
        select r.ctid from import_rejections r join imports i on i.id = r.import_id
        where ${old} limit ${rejectionsATime}))`);
    if (deleted === rejectionsATime) return deleted;
    return deleted + (await tx.run(sql`update imports set wrapped_key = null where ${old}`));
  });
  return stale.length > 0 || chunks === chunksATime || mentions === mentionsATime || lines > 0;
}
