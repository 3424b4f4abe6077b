/**
 * A book, or the customers of a branch, are handed over. What it is about is counted and hashed as the plan; the
 * first of them are assigned with the request, the others by the background, in the order of customers and a bounded
 * batch at a time. Who comes into the book meanwhile goes with it where their turn is still to come.
 */
import { type SQL, sql } from 'drizzle-orm';
import { writePrimaries } from '../customers/managers.js';
import { array, json, type Reader, type Tx } from '../db/client.js';
import type { Guarded } from '../platform/approvals/guarded.js';
import type { AuditEntry } from '../platform/audit.js';
import { type Ctx, type DataScope, mayReadSensitive } from '../platform/context.js';
import { visibleCustomer } from '../platform/data-scope.js';
import { DomainError, fieldError, notFound } from '../platform/errors.js';
import { newId } from '../platform/ids.js';
import { inEffect } from '../platform/in-effect.js';
import { microsOf } from '../platform/instants.js';
import type { OutboxEvent } from '../platform/outbox.js';
import { reachAt } from '../platform/reach.js';
import { transact } from '../platform/transact.js';
import { markCustomers } from '../reviews/service.js';
import { refreshManagers, turnEvents, turnsOf } from './effects.js';
import type { TransferInput, TransferOut } from './schemas.js';
import { checkStaff, instantMeant } from './service.js';

const batchSize = 500;
/** so many customers are named in an approval; of more, the whole bank decides */
const namedMax = 1000;

/** With the reach of whoever asks for it: somebody else may say yes. */
export type TransferRequest = TransferInput & { dataScope: DataScope };

type Row = {
  id: string;
  from_staff: string | null;
  from_branch: string | null;
  to_staff: string;
  filter: NonNullable<TransferInput['filter']>;
  effective_from: string | null;
  reason: string | null;
  total: number;
  done: number;
  done_to: string | null;
  is_completed: boolean;
  created_by: string;
  data_scope: DataScope;
  created_at: string;
  completed_at: string | null;
};

const columns =
  sql.raw(`id, from_staff, from_branch, to_staff, filter, effective_from, reason, total, done, done_to,
  is_completed, created_by, data_scope, created_at, completed_at`);

type Selection = Pick<
  Row,
  'from_staff' | 'from_branch' | 'to_staff' | 'filter' | 'effective_from' | 'data_scope'
>;

/** The codes of a branch and all below it today; a branch that is in no tree is itself. */
async function codesOf(ctx: Ctx, branch: string): Promise<readonly string[]> {
  const reach = await reachAt(ctx, { branches: [branch] }, ctx.now);
  return reach !== null && 'codes' in reach ? reach.codes : [];
}

/** The ids that a transfer is about, as a query over `c`: those whose primary one at its instant is somebody else. */
async function selected(ctx: Ctx, one: Selection): Promise<{ from: SQL; where: SQL }> {
  const at = one.effective_from ?? ctx.now;
  const reach = await reachAt(ctx, one.data_scope, ctx.now);
  const { branch, kind, city } = one.filter;
  const within = async (code: string) => sql`c.branch = any(${array(await codesOf(ctx, code), 'text')})`;
  const primaryOf = (staff: string) => sql`exists (
    select from assignments p where p.customer_id = c.id and p.role = 'primary' and p.staff = ${staff}
      and ${inEffect('p', sql`${at}::timestamptz`)})`;
  const conditions = [
    visibleCustomer({ reach }, 'c'),
    sql`c.status not in ('merged', 'erased')`,
    ...(one.from_staff === null ? [] : [primaryOf(one.from_staff)]),
    ...(one.from_branch === null ? [] : [await within(one.from_branch), sql`not ${primaryOf(one.to_staff)}`]),
    ...(branch === undefined ? [] : [await within(branch)]),
    ...(kind === undefined ? [] : [sql`c.kind = ${kind}`]),
    ...(city === undefined ? [] : [sql`c.city = ${city}`]),
  ];
  // a book is read from its own index
  const from =
    one.from_staff === null
      ? sql`customers c`
      : sql`(select distinct customer_id from assignments where staff = ${one.from_staff} and role = 'primary') b
          join customers c on c.id = b.customer_id`;
  return { from, where: sql.join(conditions, sql` and `) };
}

const selectionOf = (input: TransferRequest): Selection => ({
  from_staff: 'staff' in input.from ? input.from.staff : null,
  from_branch: 'branch' in input.from ? input.from.branch : null,
  to_staff: input.to,
  filter: input.filter ?? {},
  effective_from: input.effective_from ?? null,
  data_scope: input.dataScope,
});

export const transferGuard: Guarded<TransferRequest, Row> = {
  operation: 'transferAssignments',
  scope: 'assignments:write',
  threshold: { counts: 'customers', of: ({ content }) => Number(content.customers) },

  async plan(tx, ctx, input) {
    const selection = selectionOf(input);
    await check(tx, ctx, input);
    const { from, where } = await selected(ctx, selection);
    const [found] = await tx.rows<{ count: number; digest: string; ids: string[] }>(sql`
      select count(*)::int as count, (array_agg(id order by id))[1:${namedMax}::int] as ids,
        encode(sha256(convert_to(coalesce(string_agg(id::text, ',' order by id), ''), 'UTF8')), 'hex') as digest
      from (select c.id from ${from} where ${where}) s`);
    const count = found?.count ?? 0;
    const whose = selection.from_staff ?? selection.from_branch;
    const { from_staff, from_branch, to_staff, filter, effective_from } = selection;
    return {
      subject: { type: 'staff', id: to_staff },
      // whoever decides reaches all of them
      customers: count <= namedMax && input.dataScope !== null ? (found?.ids ?? []) : [],
      summary: `Hand ${count} customers of ${whose} over to ${to_staff}`,
      content: {
        from_staff,
        from_branch,
        to_staff,
        filter,
        effective_from,
        customers: count,
        customers_sha256: found?.digest ?? '',
      },
      weighty: count > 0,
    };
  },

  async execute(tx, ctx, input) {
    const selection = selectionOf(input);
    const { from, where } = await selected(ctx, selection);
    const [found] = await tx.rows<{ count: number }>(
      sql`select count(*)::int as count from ${from} where ${where}`,
    );
    const total = found?.count ?? 0;
    const id = newId();
    const [row] = await tx.rows<Row>(sql`
      insert into assignment_transfers (id, from_staff, from_branch, to_staff, filter, effective_from, reason, total, done,
        is_completed, created_by, data_scope, created_at)
      values (${id}, ${selection.from_staff}, ${selection.from_branch}, ${selection.to_staff}, ${json(selection.filter)},
        ${selection.effective_from}, ${input.reason ?? null}, ${total}, 0, false, ${ctx.actor},
        ${selection.data_scope === null ? null : json(selection.data_scope)}, ${ctx.now})
      returning ${columns}`);
    if (row === undefined) throw notFound('transfer');
    const first = await nextBatch(tx, ctx, row);
    return {
      value: first.row,
      audit: [
        {
          action: 'assignment_transfer.created',
          subjectType: 'assignment_transfer',
          subjectId: id,
          details: {
            customers: total,
            from: selection.from_staff ?? selection.from_branch,
            to: selection.to_staff,
          },
        },
        ...first.audit,
      ],
      events: [transferEvent(ctx, 'created', id, total), ...first.events],
    };
  },
};

async function check(tx: Tx, ctx: Ctx, input: TransferRequest): Promise<void> {
  const at = instantMeant('/effective_from', input.effective_from, ctx.now);
  await checkStaff(tx, ctx, '/to', input.to, at);
  if ('staff' in input.from && input.from.staff === input.to)
    throw fieldError('/to', 'same_staff', 'They have them already.');
  if (input.dataScope !== null && 'manager' in input.dataScope && input.dataScope.manager !== input.to)
    throw fieldError('/to', 'outside_data_scope', 'Whoever is bound to a book gives nothing of it away.');
}

const transferEvent = (
  ctx: Ctx,
  what: 'created' | 'completed',
  id: string,
  customers: number,
): OutboxEvent => ({
  type: `assignment_transfer.${what}`,
  subject: id,
  subjectVersion: 0,
  occurredAt: ctx.now,
  data: { customers },
});

type Batch = { row: Row; audit: AuditEntry[]; events: OutboxEvent[] };

/** Assigns the next customers of a transfer that is locked. */
async function nextBatch(tx: Tx, ctx: Ctx, row: Row): Promise<Batch> {
  const { from, where } = await selected(ctx, row);
  const rest = row.done_to === null ? sql`true` : sql`c.id > ${row.done_to}::uuid`;
  const found = await tx.rows<{ id: string }>(
    sql`select c.id from ${from} where ${where} and ${rest} order by c.id limit ${batchSize}`,
  );
  const marks = await markCustomers(
    tx,
    ctx,
    found.map(({ id }) => id),
    ['customer'],
  );
  // chosen again, now that nobody else changes them
  const locked = await tx.rows<{ id: string }>(
    sql`select c.id from ${from} where ${where} and c.id = any(${array([...marks.keys()], 'uuid')}) order by c.id`,
  );
  const planned = row.effective_from;
  const instantOf = (id: string) => {
    const now = marks.get(id)?.instant ?? ctx.now;
    return planned !== null && microsOf(planned) > microsOf(now) ? planned : now;
  };
  const written = await writePrimaries(
    tx,
    ctx,
    locked.map(({ id }) => ({
      customerId: id,
      staff: row.to_staff,
      at: instantOf(id),
      until: null,
      source: null,
      reason: row.reason,
      transferId: row.id,
    })),
  );
  const copies = await refreshManagers(tx, ctx, marks);
  const done = await advance(tx, ctx, row, locked.length, found);
  return {
    row: done,
    audit: [...locked.map(({ id }) => assigned(row, id)), ...copies.audit],
    events: [
      ...(await turnEvents(tx, ctx, turnsOf(written, 'primary', marks), marks)),
      ...copies.events,
      ...(done.is_completed ? [transferEvent(ctx, 'completed', row.id, done.done)] : []),
    ],
  };
}

const assigned = ({ id, to_staff }: Row, customerId: string): AuditEntry => ({
  action: 'customer.assigned',
  subjectType: 'customer',
  subjectId: customerId,
  details: { transfer_id: id, staff: to_staff, role: 'primary' },
});

async function advance(
  tx: Tx,
  ctx: Ctx,
  row: Row,
  count: number,
  found: readonly { id: string }[],
): Promise<Row> {
  const isCompleted = found.length < batchSize;
  const [next] = await tx.rows<Row>(sql`
    update assignment_transfers set done = done + ${count}, done_to = ${found.at(-1)?.id ?? row.done_to},
      is_completed = ${isCompleted}, completed_at = ${isCompleted ? ctx.now : null}
    where id = ${row.id} returning ${columns}`);
  return next ?? row;
}

/** Takes the oldest transfer that is under way a batch further, in the name of whoever asked for it. */
export function continueTransfer(ctx: Ctx): Promise<boolean> {
  return transact(ctx, async (tx) => {
    const [row] = await tx.rows<Row>(sql`
      select ${columns} from assignment_transfers where not is_completed order by id limit 1 for update skip locked`);
    if (row === undefined) return { value: false, audit: [] };
    const { audit, events } = await nextBatch(tx, { ...ctx, actor: row.created_by }, row);
    return { value: true, audit, events };
  });
}

/** Whoever is bound to some customers sees the transfers that they have asked for. Throws the one 404. */
export async function getTransfer(ctx: Ctx, id: string, reader: Reader = ctx.database): Promise<TransferOut> {
  const own =
    ctx.dataScope === null
      ? sql`true`
      : sql`created_by = ${ctx.actor} and data_scope = ${json(ctx.dataScope)}`;
  const [row] = await reader.rows<Row>(
    sql`select ${columns} from assignment_transfers where id = ${id}::uuid and ${own}`,
  );
  if (row === undefined) throw notFound('transfer');
  return toTransfer(ctx, row);
}

export function toTransfer(ctx: Ctx, row: Row): TransferOut {
  const { from_staff, from_branch } = row;
  if (from_staff === null && from_branch === null)
    throw new DomainError('internal_error', 'A transfer is of nobody.');
  return {
    id: row.id,
    from: from_staff !== null ? { staff: from_staff } : { branch: from_branch ?? '' },
    to: row.to_staff,
    filter: row.filter,
    effective_from: row.effective_from,
    reason: mayReadSensitive(ctx, 'customers') ? row.reason : null,
    state: row.is_completed ? 'completed' : 'running',
    total: row.total,
    done: row.done,
    created_by: row.created_by,
    created_at: row.created_at,
    completed_at: row.completed_at,
  };
}
