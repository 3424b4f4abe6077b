/**
 * An import is looked through before anything of it is applied, where its control amount is to be held against the
 * lines, or where it is a snapshot and must know all that it names. How far that is is kept with each chunk.
 */
import { Big } from 'big.js';
import { sql } from 'drizzle-orm';
import { textArray } from '../db/array-literals.js';
import { holdingNumberIndex, normaliseHoldingNumber } from '../holdings/numbers.js';
import type { Ctx } from '../platform/context.js';
import { newStretch } from '../platform/courtesy.js';
import { transact } from '../platform/transact.js';
import { type Claim, ClaimLost, leaseEnd } from './claims.js';
import { readRecords, type Shape } from './records.js';
import type { ImportRow } from './rows.js';
import { importEvent } from './service.js';
import { planClosing } from './snapshots.js';
import { importKey, readChunk } from './staging.js';

export const needsCheck = ({ checked_at, control_amount, mode }: ImportRow): boolean =>
  checked_at === null && (control_amount !== null || mode === 'snapshot');

/** done: it can be applied; ended: it failed, or waits; unfinished: the turn is over */
export type Checked = 'done' | 'ended' | 'unfinished';

export async function checkImport(
  contextNow: () => Promise<Ctx>,
  { row, token }: Claim,
  shape: Shape,
  until: number,
): Promise<Checked> {
  const key = importKey((await contextNow()).keyring, row.id, row.wrapped_key as Buffer);
  for (let next = row.checked_chunk + 1; ; ) {
    if (performance.now() >= until) return 'unfinished';
    const ctx = await contextNow();
    const staged = await readChunk(ctx, key, row.id, next);
    if (staged === undefined) return conclude(ctx, { row, token });
    const found = await lookThrough(ctx, row, shape, staged.bytes, staged.firstLine, staged.chunk === 0);
    await keep(ctx, { row, token }, staged.chunk, found);
    next = staged.chunk + 1;
  }
}

type Found = { amount: Big; named: Set<string>; unreadable: number };

const decimalText = /^-?\d{1,30}(\.\d{1,12})?$/;

async function lookThrough(
  ctx: Ctx,
  row: ImportRow,
  shape: Shape,
  bytes: Buffer,
  firstLine: number,
  isFirst: boolean,
): Promise<Found> {
  const path = row.control_amount === null ? [] : (row.control_field ?? '').split('.');
  const found: Found = { amount: new Big(0), named: new Set(), unreadable: 0 };
  const stretch = newStretch();
  for (const { value } of readRecords(shape, bytes, firstLine, isFirst)) {
    if (path.length > 0) {
      const stated = path.reduce<unknown>(
        (node, part) => (node as Record<string, unknown> | null)?.[part],
        value,
      );
      if (typeof stated === 'string' && decimalText.test(stated)) found.amount = found.amount.plus(stated);
    }
    if (row.mode === 'snapshot') {
      const { number } = (value ?? {}) as { number?: unknown };
      const normal = typeof number === 'string' ? normaliseHoldingNumber(number) : '';
      if (normal === '' || row.source === null) found.unreadable += 1;
      else found.named.add(holdingNumberIndex(ctx.keyring, row.source, normal));
    }
    if (stretch.isDue()) await stretch.rest();
  }
  return found;
}

async function keep(ctx: Ctx, { row, token }: Claim, chunk: number, found: Found): Promise<void> {
  await transact(ctx, async (tx) => {
    const moved = await tx.run(sql`
      update imports set checked_chunk = ${chunk}, checked_amount = checked_amount + ${found.amount.toFixed()}::numeric,
        unreadable_rows = unreadable_rows + ${found.unreadable}, leased_until = ${leaseEnd()}
      where id = ${row.id} and lease_token = ${token} and state = 'running' and checked_chunk < ${chunk}`);
    if (moved === 0) throw new ClaimLost();
    if (found.named.size > 0) {
      await tx.named(
        'keep_import_mentions',
        `insert into import_mentions (import_id, number_index)
         select $1, number_index from unnest($2::text[]) as named(number_index) on conflict do nothing`,
        [row.id, textArray([...found.named])],
      );
    }
    return { value: null, audit: [] };
  });
}

type Totals = { amount: string; unreadable: number };

/** Holds what was found against what was announced: the import goes on, fails, or waits for a person. */
async function conclude(ctx: Ctx, claim: Claim): Promise<Checked> {
  const { row, token } = claim;
  return transact<Checked>(ctx, async (tx) => {
    const [totals] = await tx.rows<Totals>(sql`
      select checked_amount as amount, unreadable_rows as unreadable from imports
      where id = ${row.id} and lease_token = ${token} and state = 'running' for update`);
    if (totals === undefined) throw new ClaimLost();
    const about = { subjectType: 'import', subjectId: row.id };
    if (row.control_amount !== null && !new Big(totals.amount).eq(row.control_amount)) {
      const failure = {
        code: 'control_mismatch',
        message: `The sum of ${row.control_field} is not the control amount. Nothing was applied.`,
        expected: row.control_amount,
        found: new Big(totals.amount).toFixed(),
      };
      await tx.run(sql`
        update imports set state = 'failed', finished_at = ${ctx.now}, leased_until = null,
          failure = ${JSON.stringify(failure)}::jsonb, version = version + 1
        where id = ${row.id}`);
      const { code } = failure;
      return {
        value: 'ended',
        audit: [{ action: 'import.failed', ...about, details: { code } }],
        events: [importEvent(ctx, row.id, 'failed', { code })],
      };
    }
    const plan = row.mode === 'snapshot' ? await planClosing(tx, ctx, row, totals.unreadable) : null;
    const waits =
      plan !== null &&
      !row.dry_run &&
      (plan.unreadable > 0 || plan.closing * 100 > plan.max_close_percent * plan.open);
    await tx.run(sql`
      update imports set plan = ${plan === null ? null : JSON.stringify(plan)}::jsonb, version = version + 1,
        state = ${waits ? 'waiting' : 'running'}, checked_at = ${waits ? null : ctx.now},
        leased_until = ${waits ? null : leaseEnd()}
      where id = ${row.id}`);
    if (!waits) return { value: 'done', audit: [] };
    return {
      value: 'ended',
      audit: [{ action: 'import.waiting', ...about, details: { ...plan } }],
      events: [importEvent(ctx, row.id, 'waiting', { open: plan.open, closing: plan.closing })],
    };
  });
}
