/**
 * Who looks after whom, and since when. An assignment that begins or ends later is in effect at its instant, whether
 * anybody has seen to it by then or not: who is in a book is read from here. Nothing is written into the past.
 */

import { sql } from 'drizzle-orm';
import { type Written, writePrimaries } from '../customers/managers.js';
import { findNamed } from '../customers/named.js';
import type { Tx } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { visibleCustomer } from '../platform/data-scope.js';
import { DomainError, fieldError } from '../platform/errors.js';
import { checkVersion } from '../platform/http/versions.js';
import { newId } from '../platform/ids.js';
import { dateIn, microsOf } from '../platform/instants.js';
import { type Effect, transact } from '../platform/transact.js';
import { markCustomers, mergedMeanwhile } from '../reviews/service.js';
import { type Marks, refreshManagers, type Turn, turnEvents, turnsOf } from './effects.js';
import type { AssignmentInput } from './schemas.js';
import { type AssignmentRow, getAssignment } from './stored.js';

/** What is stated of a moment ago is meant for now: clocks differ, and requests take their time. */
const nowMicros = 5 * 60 * 1_000_000;

/** The instant that is meant: now, or later. Throws 422 for what is past. */
export function instantMeant(pointer: string, stated: string | undefined, now: string): string {
  if (stated === undefined) return now;
  const [at, present] = [microsOf(stated), microsOf(now)];
  if (at > present) return stated;
  if (at > present - nowMicros) return now;
  throw fieldError(pointer, 'in_the_past', 'What was so cannot be changed any more: state now, or later.');
}

/** Throws 422 unless they are on the staff at the instant. */
export async function checkStaff(tx: Tx, ctx: Ctx, pointer: string, code: string, at: string): Promise<void> {
  const day = dateIn(ctx.bank.timeZone, at);
  const [known] = await tx.rows<{ is_there: boolean }>(sql`
    select active_from <= ${day}::date and (active_to is null or active_to > ${day}::date) as is_there
    from staff where code = ${code}`);
  if (known === undefined)
    throw fieldError(pointer, 'unknown_staff', `There is nobody with the code ${code}.`);
  if (!known.is_there) throw fieldError(pointer, 'not_active', `${code} is not there on ${day}.`);
}

/** Assigns somebody. Throws 404 for a customer out of reach, and 422. */
export function createAssignment(ctx: Ctx, input: AssignmentInput): Promise<AssignmentRow> {
  return transact(ctx, async (tx) => {
    const [{ id: customerId }] = await findNamed(tx, ctx, [input.customer], ['/customer']);
    const marks = await markCustomers(tx, ctx, [customerId], ['customer']);
    const now = marks.get(customerId)?.instant ?? ctx.now;
    const at = instantMeant('/from', input.from, now);
    const until = input.to ?? null;
    if (until !== null && microsOf(until) <= microsOf(at))
      throw fieldError('/to', 'too_early', 'It ends after it has begun.');
    await checkStaff(tx, ctx, '/staff', input.staff, at);
    const row = { customerId, staff: input.staff, at, until, reason: input.reason ?? null };
    const written =
      input.role === 'primary'
        ? await writePrimaries(tx, ctx, [{ ...row, source: null, transferId: null }])
        : { begun: [await writeHelper(tx, ctx, input.role, row)], ended: [] };
    const id = written.begun[0]?.id ?? '';
    await refuseLoss(tx, ctx, customerId, at, '/staff');
    return settled(tx, ctx, id, 'assigned', turnsOf(written, input.role, marks), marks);
  });
}

type Helper = { customerId: string; staff: string; at: string; until: string | null; reason: string | null };

/** An assistant, or a cover: of them there can be many, but nobody is it twice. */
async function writeHelper(tx: Tx, ctx: Ctx, role: string, row: Helper): Promise<Written> {
  const { customerId, staff, at, until, reason } = row;
  const others = await tx.rows(sql`
    select from assignments where customer_id = ${customerId} and staff = ${staff} and role = ${role}
      and (ends_at is null or (ends_at > ${at} and ends_at > starts_at))
      and (${until}::timestamptz is null or starts_at < ${until}) limit 1`);
  if (others.length > 0)
    throw new DomainError('conflict', `${staff} is or will be ${role} already within that time.`);
  const id = newId();
  const due = microsOf(at) > microsOf(ctx.now) ? at : until;
  await tx.run(sql`
    insert into assignments (customer_id, id, staff, role, starts_at, ends_at, reason, assigned_by, recorded_at, due_at, version)
    values (${customerId}, ${id}, ${staff}, ${role}, ${at}, ${until}, ${reason}, ${ctx.actor}, ${ctx.now}, ${due}, 1)`);
  return { id, customer_id: customerId, staff, starts_at: at, ends_at: until };
}

/** Whoever is bound to a book gives nothing of it away. */
async function refuseLoss(tx: Tx, ctx: Ctx, customerId: string, at: string, pointer: string): Promise<void> {
  const { reach } = ctx;
  if (reach === null || !('staff' in reach)) return;
  const then = { reach: { ...reach, at } };
  const kept = await tx.rows(
    sql`select from customers c where c.id = ${customerId} and ${visibleCustomer(then, 'c')}`,
  );
  if (kept.length === 0)
    throw fieldError(
      pointer,
      'outside_data_scope',
      'The customer would lie outside the data scope of this caller.',
    );
}

async function settled(
  tx: Tx,
  ctx: Ctx,
  id: string,
  action: 'assigned' | 'assignment_changed',
  turns: readonly Turn[],
  marks: Marks,
): Promise<Effect<AssignmentRow>> {
  const value = await getAssignment({ ...ctx, reach: null }, id, tx);
  const { customer_id, staff, role, from, to } = value;
  const { audit, events } = await refreshManagers(tx, ctx, marks);
  const details = { assignment_id: id, staff, role, from, to };
  return {
    value,
    audit: [
      { action: `customer.${action}`, subjectType: 'customer', subjectId: customer_id, details },
      ...audit,
    ],
    events: [...(await turnEvents(tx, ctx, turns, marks)), ...events],
  };
}

export type AssignmentChange = { to?: string | null | undefined; reason?: string | null | undefined };

/** Says when it ends, or why it is. Throws 404, 409 where it is over, 412 and 422. */
export function patchAssignment(
  ctx: Ctx,
  id: string,
  versions: number[] | undefined,
  patch: AssignmentChange,
): Promise<AssignmentRow> {
  return transact(ctx, async (tx) => {
    const { customer_id: customerId } = await getAssignment(ctx, id, tx);
    // those of a merged customer that ended with it stay where they were
    const marks = await markCustomers(tx, ctx, [customerId], ['customer'], 'expected');
    const before = await getAssignment(ctx, id, tx);
    if (before.customer_id !== customerId) throw mergedMeanwhile();
    checkVersion(versions, before.version);
    if (before.status === 'ended' || before.status === 'taken_back')
      throw new DomainError('conflict', 'The assignment is over.');
    const now = marks.get(customerId)?.instant ?? ctx.now;
    const to = patch.to === undefined ? before.to : await endMeant(tx, before, patch.to, now);
    const due = before.status === 'planned' && to !== before.from ? before.from : to;
    const reason = patch.reason === undefined ? sql`reason` : sql`${patch.reason}`;
    await tx.run(sql`
      update assignments set ends_at = ${to}, reason = ${reason}, version = version + 1,
        due_at = case when ${due}::timestamptz > ${now} then ${due}::timestamptz end
      where customer_id = ${customerId} and id = ${id}`);
    if (to !== null && before.status === 'current') await refuseLoss(tx, ctx, customerId, to, '/to');
    const isOver = to !== null && before.status === 'current' && microsOf(to) <= microsOf(now);
    const { staff, role } = before;
    const turns: Turn[] = isOver ? [{ id, customer_id: customerId, staff, role, at: to, what: 'ended' }] : [];
    return settled(tx, ctx, id, 'assignment_changed', turns, marks);
  });
}

/** Of one that has not begun, its own begin takes it back. Two primary ones never overlap. */
async function endMeant(
  tx: Tx,
  before: AssignmentRow,
  to: string | null,
  now: string,
): Promise<string | null> {
  const planned = before.status === 'planned';
  const end =
    to === null
      ? null
      : planned && microsOf(to) === microsOf(before.from)
        ? before.from
        : instantMeant('/to', to, now);
  if (end !== null && microsOf(end) < microsOf(before.from))
    throw fieldError('/to', 'too_early', 'It does not end before it begins; its own begin takes it back.');
  if (before.role !== 'primary') return end;
  const others = await tx.rows(sql`
    select from assignments where customer_id = ${before.customer_id} and role = 'primary' and id <> ${before.id}
      and starts_at > ${before.from} and (ends_at is null or ends_at > starts_at)
      and (${end}::timestamptz is null or starts_at < ${end}) limit 1`);
  if (others.length > 0) throw new DomainError('conflict', 'Another primary one begins before that.');
  return end;
}
