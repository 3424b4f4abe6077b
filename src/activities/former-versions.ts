/** What gave way under its key, by (source, source_id): `activity_versions`. */
import { hexArray, plainArray, textArray } from '../db/array-literals.js';
import type { Tx } from '../db/client.js';
import { keyOf } from './preparation.js';
import type { Content } from './versions.js';

type Named = { source: string; sourceId: string };

/** By key. */
export async function findFormerVersions(tx: Tx, named: readonly Named[]): Promise<Map<string, Content[]>> {
  const byKey = new Map<string, Content[]>();
  if (named.length === 0) return byKey;
  const rows = await tx.named<Record<string, string> & { source_version: number }>(
    'find_activity_versions',
    `select v.source, v.source_id, v.activity_id, v.customer_id, v.occurred_at,
       encode(v.content_hash, 'hex') as content_hash, v.source_version
     from unnest($1::text[], $2::text[]) as wanted(source, source_id) join activity_versions v using (source, source_id)`,
    [plainArray(named.map((one) => one.source)), textArray(named.map((one) => one.sourceId))],
  );
  for (const row of rows) {
    const key = keyOf(row.source as string, row.source_id as string);
    const content: Content = {
      activityId: row.activity_id as string,
      customerId: row.customer_id as string,
      occurredAt: row.occurred_at as string,
      contentHash: row.content_hash as string,
      version: row.source_version,
    };
    if (byKey.get(key)?.push(content) === undefined) byKey.set(key, [content]);
  }
  return byKey;
}

export type FormerVersion = Named & { content: Content };

/** Keeps those that have given way, with their present version, and forgets those that stand again. */
export async function changeFormerVersions(
  tx: Tx,
  kept: readonly FormerVersion[],
  restored: readonly FormerVersion[],
): Promise<void> {
  const keys = (versions: readonly FormerVersion[]) => [
    plainArray(versions.map((one) => one.source)),
    textArray(versions.map((one) => one.sourceId)),
    plainArray(versions.map((one) => one.content.activityId)),
  ];
  if (kept.length > 0) {
    const contents = kept.map(({ content }) => content);
    await tx.named(
      'keep_activity_versions',
      `insert into activity_versions (source, source_id, activity_id, customer_id, occurred_at, content_hash, source_version)
       select * from unnest($1::text[], $2::text[], $3::uuid[], $4::uuid[], $5::timestamptz[], $6::bytea[], $7::bigint[])
         as kept(source, source_id, activity_id, customer_id, occurred_at, content_hash, source_version)
       on conflict (source, source_id, activity_id) do update set source_version = excluded.source_version`,
      [
        ...keys(kept),
        plainArray(contents.map((one) => one.customerId)),
        plainArray(contents.map((one) => one.occurredAt)),
        hexArray(contents.map((one) => one.contentHash)),
        plainArray(contents.map((one) => one.version)),
      ],
    );
  }
  if (restored.length > 0) {
    await tx.named(
      'forget_activity_versions',
      `delete from activity_versions v using unnest($1::text[], $2::text[], $3::uuid[]) as r(source, source_id, activity_id)
       where v.source = r.source and v.source_id = r.source_id and v.activity_id = r.activity_id`,
      keys(restored),
    );
  }
}
