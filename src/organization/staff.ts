/** Who works for the bank. Nobody is deleted: history names them. */
import { type SQL, sql } from 'drizzle-orm';
import { array, type Reader, type Tx } from '../db/client.js';
import { type Ctx, today } from '../platform/context.js';
import { visibleCustomer } from '../platform/data-scope.js';
import { DomainError, fieldError, notFound } from '../platform/errors.js';
import { checkVersion } from '../platform/http/versions.js';
import { inEffect } from '../platform/in-effect.js';
import type { PageRequest } from '../platform/pagination.js';
import { transact } from '../platform/transact.js';
import type { StaffFields, StaffRow } from './schemas.js';
import { told } from './told.js';

const columns = sql.raw('code, name, branch, active_from, active_to, version, updated_at');

/** Those in reach: of branches who works there, of a book its own, of one customer who looks after it. */
function visibleStaff(ctx: Ctx): SQL {
  const { reach } = ctx;
  if (reach === null) return sql`true`;
  if ('codes' in reach) return sql`branch = any(${array(reach.codes, 'text')})`;
  if ('staff' in reach) return sql`code = ${reach.staff}`;
  return sql`code in (
    select a.staff from customers c join assignments a on a.customer_id = c.id
    where ${visibleCustomer(ctx, 'c')} and ${inEffect('a', ctx.now)})`;
}

/** A page of the staff in the order of their codes. */
export async function listStaff(
  ctx: Ctx,
  filters: { branch?: string | undefined },
  page: PageRequest,
): Promise<StaffRow[]> {
  const conditions = [
    visibleStaff(ctx),
    ...(filters.branch === undefined ? [] : [sql`branch = ${filters.branch}`]),
    ...(page.after === undefined ? [] : [sql`code > ${page.after[0]}`]),
  ];
  return ctx.database.rows<StaffRow>(sql`
    select ${columns} from staff where ${sql.join(conditions, sql` and `)} order by code limit ${page.limit + 1}`);
}

/** Throws the one 404. */
export async function getStaff(ctx: Ctx, code: string): Promise<StaffRow> {
  const [row] = await ctx.database.rows<StaffRow>(
    sql`select ${columns} from staff where code = ${code} and ${visibleStaff(ctx)}`,
  );
  if (row === undefined) throw notFound('member of the staff');
  return row;
}

const find = async (reader: Reader, code: string, lock = sql``) =>
  (await reader.rows<StaffRow>(sql`select ${columns} from staff where code = ${code} ${lock}`))[0];

/** Enters somebody. Throws 409 where the code is taken. */
export function createStaff(ctx: Ctx, { code, ...input }: StaffFields & { code: string }): Promise<StaffRow> {
  return transact(ctx, async (tx) => {
    const row: Stored = {
      name: input.name ?? code,
      branch: input.branch ?? null,
      active_from: input.active_from ?? today(ctx),
      active_to: input.active_to ?? null,
    };
    await check(tx, row);
    const inserted = await tx.run(sql`
      insert into staff (code, name, branch, active_from, active_to, version, updated_at)
      values (${code}, ${row.name}, ${row.branch}, ${row.active_from}, ${row.active_to}, 1, ${ctx.now})
      on conflict do nothing`);
    if (inserted === 0) throw new DomainError('conflict', `The code ${code} is taken.`);
    return told(ctx, 'staff', 'created', code, await find(tx, code), Object.keys(input));
  });
}

type Stored = Pick<StaffRow, 'name' | 'branch' | 'active_from' | 'active_to'>;

/** Changes what is stated. Throws 404, 412 and 422. */
export function patchStaff(
  ctx: Ctx,
  code: string,
  versions: number[] | undefined,
  patch: StaffFields,
): Promise<StaffRow> {
  return transact(ctx, async (tx) => {
    const before = await find(tx, code, sql`for update`);
    if (before === undefined) throw notFound('member of the staff');
    checkVersion(versions, before.version);
    const row: Stored = { ...before, ...patch };
    const fields = (Object.keys(patch) as (keyof Stored)[]).filter((name) => row[name] !== before[name]);
    if (fields.length === 0) return { value: before, audit: [] };
    await check(tx, row);
    await tx.run(sql`
      update staff set name = ${row.name}, branch = ${row.branch}, active_from = ${row.active_from},
        active_to = ${row.active_to}, version = version + 1, updated_at = ${ctx.now}
      where code = ${code}`);
    return told(ctx, 'staff', 'updated', code, await find(tx, code), fields);
  });
}

async function check(tx: Tx, row: Stored): Promise<void> {
  if (row.active_to !== null && row.active_to <= row.active_from)
    throw fieldError('/active_to', 'too_early', 'The last day is not before the first.');
  if (row.branch === null) return;
  const known = await tx.rows(sql`select from branches where code = ${row.branch}`);
  if (known.length === 0) throw fieldError('/branch', 'unknown_branch', `There is no branch ${row.branch}.`);
}
