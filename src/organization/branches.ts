/**
 * The tree of branches. A branch is never deleted: it closes on a day, and says who has its customers from then on. No
 * row of a customer is touched by that; what is in whose reach is told by the tree.
 */
import { type SQL, sql } from 'drizzle-orm';
import { array, type Reader, type Tx } from '../db/client.js';
import { circleOf } from '../platform/branch-tree.js';
import { type Ctx, today } from '../platform/context.js';
import { DomainError, fieldError, notFound } from '../platform/errors.js';
import { checkVersion } from '../platform/http/versions.js';
import type { PageRequest } from '../platform/pagination.js';
import { transact } from '../platform/transact.js';
import type { BranchFields, BranchRow } from './schemas.js';
import { told } from './told.js';

/** the tree is held in memory, and a wide reach is a parameter of statements */
const branchesMax = 20_000;

const columns = (ctx: Ctx): SQL => sql`code, name, kind, parent, opens_on, closes_on, successor,
  case when opens_on > ${today(ctx)}::date then 'planned' when closes_on <= ${today(ctx)}::date then 'closed' else 'open' end
    as status, version, updated_at`;

/** Those in reach: of a book where its staff works, of one customer where it is. */
function visibleBranch({ reach }: Ctx): SQL {
  if (reach === null) return sql`true`;
  if ('codes' in reach) return sql`code = any(${array(reach.codes, 'text')})`;
  if ('staff' in reach) return sql`code = (select s.branch from staff s where s.code = ${reach.staff})`;
  return sql`code = (select c.branch from customers c where c.id = ${reach.customer}::uuid)`;
}

export type BranchFilters = {
  parent?: string | undefined;
  kind?: string | undefined;
  status?: string | undefined;
};

/** A page of branches in the order of their codes. */
export async function listBranches(
  ctx: Ctx,
  filters: BranchFilters,
  page: PageRequest,
): Promise<BranchRow[]> {
  const conditions = [
    visibleBranch(ctx),
    ...(filters.parent === undefined ? [] : [sql`parent = ${filters.parent}`]),
    ...(filters.kind === undefined ? [] : [sql`kind = ${filters.kind}`]),
    ...(page.after === undefined ? [] : [sql`code > ${page.after[0]}`]),
  ];
  const status = filters.status === undefined ? sql`true` : sql`status = ${filters.status}`;
  return ctx.database.rows<BranchRow>(sql`
    select * from (select ${columns(ctx)} from branches where ${sql.join(conditions, sql` and `)}) b
    where ${status} order by code limit ${page.limit + 1}`);
}

/** Throws the one 404. */
export async function getBranch(ctx: Ctx, code: string): Promise<BranchRow> {
  const [row] = await ctx.database.rows<BranchRow>(
    sql`select ${columns(ctx)} from branches where code = ${code} and ${visibleBranch(ctx)}`,
  );
  if (row === undefined) throw notFound('branch');
  return row;
}

const find = async (ctx: Ctx, reader: Reader, code: string) =>
  (await reader.rows<BranchRow>(sql`select ${columns(ctx)} from branches where code = ${code}`))[0];

/** Takes the tree for oneself, and tells all who keep it that theirs is old. */
async function holdTree(tx: Tx): Promise<void> {
  await tx.run(sql`
    insert into organization_state as state (id, version) values (1, 1)
    on conflict (id) do update set version = state.version + 1`);
}

/** Makes a branch. Throws 409 where the code is taken, and 422 where it cannot stand where it is to. */
export function createBranch(
  ctx: Ctx,
  { code, ...input }: BranchFields & { code: string },
): Promise<BranchRow> {
  return transact(ctx, async (tx) => {
    await holdTree(tx);
    if ((await find(ctx, tx, code)) !== undefined)
      throw new DomainError('conflict', `There is a branch ${code}.`);
    const [size] = await tx.rows<{ count: number }>(sql`select count(*)::int as count from branches`);
    if ((size?.count ?? 0) >= branchesMax)
      throw new DomainError('rule_broken', `There are at most ${branchesMax} branches.`);
    const row: Stored = {
      name: input.name ?? code,
      kind: input.kind ?? 'branch',
      parent: input.parent ?? null,
      opens_on: input.opens_on ?? today(ctx),
      closes_on: input.closes_on ?? null,
      successor: input.successor ?? null,
    };
    await check(tx, code, row);
    await tx.run(sql`
      insert into branches (code, name, kind, parent, opens_on, closes_on, successor, version, updated_at)
      values (${code}, ${row.name}, ${row.kind}, ${row.parent}, ${row.opens_on}, ${row.closes_on}, ${row.successor}, 1,
        ${ctx.now})`);
    return told(ctx, 'branch', 'created', code, await find(ctx, tx, code), Object.keys(input));
  });
}

type Stored = Pick<BranchRow, 'name' | 'kind' | 'parent' | 'opens_on' | 'closes_on' | 'successor'>;

/** Changes what is stated. Throws 404, 412, and 422 where it cannot be so. */
export function patchBranch(
  ctx: Ctx,
  code: string,
  versions: number[] | undefined,
  patch: BranchFields,
): Promise<BranchRow> {
  return transact(ctx, async (tx) => {
    await holdTree(tx);
    const before = await find(ctx, tx, code);
    if (before === undefined) throw notFound('branch');
    checkVersion(versions, before.version);
    const row: Stored = { ...before, ...patch };
    const fields = (Object.keys(patch) as (keyof Stored)[]).filter((name) => row[name] !== before[name]);
    if (fields.length === 0) return { value: before, audit: [] };
    await check(tx, code, row);
    await tx.run(sql`
      update branches set name = ${row.name}, kind = ${row.kind}, parent = ${row.parent}, opens_on = ${row.opens_on},
        closes_on = ${row.closes_on}, successor = ${row.successor}, version = version + 1, updated_at = ${ctx.now}
      where code = ${code}`);
    return told(ctx, 'branch', 'updated', code, await find(ctx, tx, code), fields);
  });
}

type Node = {
  code: string;
  parent: string | null;
  successor: string | null;
  opens_on: string;
  closes_on: string | null;
};

/** Throws 422 where the branch cannot be as it is to be. */
async function check(tx: Tx, code: string, row: Stored): Promise<void> {
  if (row.closes_on !== null && row.closes_on <= row.opens_on)
    throw fieldError('/closes_on', 'too_early', 'A branch closes after the day on which it opens.');
  if (row.successor !== null && row.closes_on === null)
    throw fieldError(
      '/successor',
      'not_closing',
      'Who succeeds it is said of a branch that closes: state closes_on.',
    );
  const nodes = new Map(
    (await tx.rows<Node>(sql`select code, parent, successor, opens_on, closes_on from branches`)).map(
      (node) => [node.code, node],
    ),
  );
  for (const field of ['parent', 'successor'] as const) {
    const named = row[field];
    if (named !== null && named !== code && !nodes.has(named))
      throw fieldError(`/${field}`, 'unknown_branch', `There is no branch ${named}.`);
  }
  nodes.set(code, { code, ...row });
  refuseCircle(nodes, code, row);
  if (row.closes_on !== null) await checkClosing(tx, nodes, code, row.closes_on, row.successor);
}

function refuseCircle(nodes: ReadonlyMap<string, Node>, code: string, row: Stored): void {
  const circle = circleOf(code, (at) => [nodes.get(at)?.parent, nodes.get(at)?.successor]);
  if (circle === undefined) return;
  const field = circle[1] === row.parent ? '/parent' : '/successor';
  throw fieldError(field, 'circle', `Parents and successors would lead in a circle: ${circle.join(' > ')}.`);
}

/** Customers must be somebody's: also those that it has itself taken over. */
async function checkClosing(
  tx: Tx,
  nodes: ReadonlyMap<string, Node>,
  code: string,
  day: string,
  successor: string | null,
): Promise<void> {
  if (successor !== null) {
    const next = nodes.get(successor);
    if (next !== undefined && (next.opens_on > day || (next.closes_on !== null && next.closes_on <= day)))
      throw fieldError('/successor', 'not_open', `The branch ${successor} is not open on ${day}.`);
    return;
  }
  const codes = [...nodes.keys()].filter((one) => leadsTo(nodes, one, code));
  const inUse = await tx.rows(sql`
    select 1 where exists (select from customers where branch = any(${array(codes, 'text')}))
      or exists (select from staff where branch = ${code} and (active_to is null or active_to > ${day}::date))`);
  if (inUse.length > 0)
    throw fieldError(
      '/successor',
      'successor_required',
      'The branch has customers or staff: say who has them from then on.',
    );
}

/** Itself, or one that it has succeeded. */
function leadsTo(nodes: ReadonlyMap<string, Node>, from: string, to: string): boolean {
  for (let at: string | null | undefined = from; at != null; at = nodes.get(at)?.successor)
    if (at === to) return true;
  return false;
}
