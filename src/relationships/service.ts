/**
 * Operations on relationships. A relationship is two rows with one id, one on each side with the role's name from
 * there; both customers are locked and marked by every change. It runs over [starts_on, ends_on) and is kept.
 */

import { sql } from 'drizzle-orm';
import type { Static } from 'typebox';
import { loadDefinitions } from '../customers/definitions.js';
import {
  type FoundCustomer,
  findCustomers,
  prepareReference,
  referenceText,
} from '../customers/references.js';
import { getCustomer } from '../customers/service.js';
import { array, type Reader, type Tx } from '../db/client.js';
import { type Ctx, today } from '../platform/context.js';
import { visibleCustomer } from '../platform/data-scope.js';
import {
  brokenRules,
  DomainError,
  type FieldProblem,
  fieldError,
  namesNone,
  notFound,
} from '../platform/errors.js';
import { checkVersion } from '../platform/http/versions.js';
import { newId } from '../platform/ids.js';
import type { PageRequest } from '../platform/pagination.js';
import { type Effect, transact } from '../platform/transact.js';
import { type Mark, markCustomers } from '../reviews/service.js';
import type { RelationshipChange, RelationshipIn, RelationshipType } from './schemas.js';
import { type RelationshipRecord, relationshipColumns } from './view.js';

type Ids = { id: string; relationship_id: string };

/** A page of a customer's relationships with customers in the caller's scope, in the order of their recording. */
export async function listRelationships(
  ctx: Ctx,
  customerId: string,
  filters: { include_ended: boolean },
  page: PageRequest,
): Promise<RelationshipRecord[]> {
  await getCustomer(ctx, customerId);
  const conditions = [
    sql`r.customer_id = ${customerId}`,
    visibleCustomer(ctx, 'c'),
    ...(filters.include_ended ? [] : [sql`(r.ends_on is null or r.ends_on > ${today(ctx)}::date)`]),
    ...(page.after === undefined ? [] : [sql`r.id > ${page.after[0]}::uuid`]),
  ];
  return ctx.database.rows<RelationshipRecord>(sql`
    select ${relationshipColumns} from relationships r join customers c on c.id = r.related_customer_id
    where ${sql.join(conditions, sql` and `)} order by r.id limit ${page.limit + 1}`);
}

/** Reads one relationship from a customer's side. Throws the one 404, where either side is out of scope too. */
export async function getRelationship(
  ctx: Ctx,
  ids: Ids,
  reader: Reader = ctx.database,
): Promise<RelationshipRecord> {
  const [record] = await reader.rows<RelationshipRecord>(sql`
    select ${relationshipColumns}
    from relationships r join customers c on c.id = r.related_customer_id join customers me on me.id = r.customer_id
    where r.customer_id = ${ids.id} and r.id = ${ids.relationship_id}
      and ${visibleCustomer(ctx, 'c')} and ${visibleCustomer(ctx, 'me')}`);
  if (record === undefined) throw notFound('relationship');
  return record;
}

export async function listRelationshipTypes(
  ctx: Ctx,
  page: PageRequest,
): Promise<Static<typeof RelationshipType>[]> {
  const after = page.after === undefined ? sql`true` : sql`role > ${page.after[0]}`;
  return ctx.database.rows(sql`
    select role, reciprocal_role, name from relationship_types where ${after} order by role limit ${page.limit + 1}`);
}

type Side = { customer: FoundCustomer; role: string };

/** The related customer first. Throws what refuses it. */
async function resolvePair(
  tx: Tx,
  ctx: Ctx,
  customerId: string,
  input: RelationshipIn,
): Promise<[Side, Side]> {
  const world = { keyring: ctx.keyring, definitions: await loadDefinitions(tx) };
  const problems: FieldProblem[] = [];
  const reference = prepareReference(world, input.related_customer, '/related_customer', problems);
  if (reference === undefined) throw brokenRules(problems);
  const me = { id: customerId.toLowerCase() };
  const found = await findCustomers(tx, ctx, [me, reference]);
  const customer = found.get(me.id);
  const related = found.get(referenceText(reference));
  if (customer === undefined || !customer.in_reach) throw notFound('customer');
  if (related === undefined || !related.in_reach) throw namesNone('/related_customer', 'customer');
  if (related.id === customer.id) {
    throw fieldError('/related_customer', 'same_customer', 'A customer is not related to itself.');
  }
  const types = await tx.rows<{ role: string; reciprocal_role: string }>(
    sql`select role, reciprocal_role from relationship_types order by role`,
  );
  const type = types.find(({ role }) => role === input.role);
  if (type === undefined) {
    const allowed = types.map(({ role }) => role).join(', ');
    throw fieldError('/role', 'unknown_role', `must be one of ${allowed}`);
  }
  return [
    { customer, role: type.role },
    { customer: related, role: type.reciprocal_role },
  ];
}

function checkDates({ starts_on, ends_on }: { starts_on: string | null; ends_on: string | null }): void {
  if (starts_on === null || ends_on === null || starts_on <= ends_on) return;
  throw fieldError('/ends_on', 'ends_before_start', 'A relationship cannot end before it starts.');
}

async function refuseSecond(tx: Tx, customerId: string, relatedId: string, role: string): Promise<void> {
  const open = await tx.rows(sql`
    select from relationships where customer_id = ${customerId} and related_customer_id = ${relatedId}
      and role = ${role} and ends_on is null`);
  if (open.length > 0) throw new DomainError('conflict', 'The two stand in this relationship already.');
}

/** Relates two customers. 409 where they stand in this relationship already. */
export async function createRelationship(
  ctx: Ctx,
  customerId: string,
  input: RelationshipIn,
): Promise<RelationshipRecord> {
  return transact(ctx, async (tx) => {
    const sides = await resolvePair(tx, ctx, customerId, input);
    const [{ customer, role }, { customer: related }] = sides;
    const dates = { starts_on: input.starts_on ?? null, ends_on: input.ends_on ?? null };
    checkDates(dates);
    const marks = await markCustomers(tx, ctx, [customer.id, related.id], ['relationships']);
    if (dates.ends_on === null) await refuseSecond(tx, customer.id, related.id, role);
    const id = newId();
    await tx.run(sql`
      insert into relationships (customer_id, id, related_customer_id, role, starts_on, ends_on, source, recorded_at, version)
      select customer_id, ${id}, related_id, role, ${dates.starts_on}::date, ${dates.ends_on}::date,
        ${input.source ?? 'manual'}, ${marks.get(customer.id)?.instant ?? ctx.now}, 1
      from unnest(${array([customer.id, related.id], 'uuid')}, ${array([related.id, customer.id], 'uuid')},
        ${array(
          sides.map((side) => side.role),
          'text',
        )}) as side(customer_id, related_id, role)
      order by customer_id`);
    return effect(tx, ctx, { id: customer.id, relationship_id: id }, 'created', sides, marks);
  });
}

/** Changes the dates on both sides. */
export async function patchRelationship(
  ctx: Ctx,
  ids: Ids,
  versions: number[] | undefined,
  change: RelationshipChange,
): Promise<RelationshipRecord> {
  return changeDates(ctx, ids, versions, (before) => ({
    starts_on: change.starts_on === undefined ? before.starts_on : change.starts_on,
    ends_on: change.ends_on === undefined ? before.ends_on : change.ends_on,
  }));
}

/** Ends it as of today. One that has ended stays as it is. */
export async function endRelationship(
  ctx: Ctx,
  ids: Ids,
  versions: number[] | undefined,
): Promise<RelationshipRecord> {
  const day = today(ctx);
  return changeDates(ctx, ids, versions, ({ starts_on, ends_on }) => {
    const end = starts_on !== null && starts_on > day ? starts_on : day;
    return { starts_on, ends_on: ends_on !== null && ends_on < end ? ends_on : end };
  });
}

type Dates = Pick<RelationshipRecord, 'starts_on' | 'ends_on'>;

async function changeDates(
  ctx: Ctx,
  ids: Ids,
  versions: number[] | undefined,
  decide: (before: Dates) => Dates,
): Promise<RelationshipRecord> {
  return transact(ctx, async (tx) => {
    const { related } = await getRelationship(ctx, ids, tx);
    const pair = [ids.id.toLowerCase(), related.id];
    const marks = await markCustomers(tx, ctx, pair, ['relationships']);
    const before = await getRelationship(ctx, ids, tx);
    checkVersion(versions, before.version);
    const dates = decide(before);
    checkDates(dates);
    if (before.ends_on !== null && dates.ends_on === null)
      await refuseSecond(tx, ids.id, related.id, before.role);
    const rows = await tx.rows<{ customer_id: string; role: string }>(sql`
      update relationships set starts_on = ${dates.starts_on}, ends_on = ${dates.ends_on}, version = version + 1,
        recorded_at = ${marks.get(ids.id.toLowerCase())?.instant ?? ctx.now}
      where customer_id = any(${array(pair, 'uuid')}) and id = ${ids.relationship_id}
      returning customer_id, role`);
    const found = await findCustomers(
      tx,
      ctx,
      pair.map((id) => ({ id })),
    );
    const sides = rows.flatMap(({ customer_id, role }) => {
      const customer = found.get(customer_id);
      return customer === undefined ? [] : [{ customer, role }];
    });
    const ended = dates.ends_on !== null && before.ends_on === null;
    return effect(tx, ctx, ids, ended ? 'ended' : 'updated', sides, marks);
  });
}

async function effect(
  tx: Tx,
  ctx: Ctx,
  ids: Ids,
  what: 'created' | 'updated' | 'ended',
  sides: readonly Side[],
  marks: ReadonlyMap<string, Mark>,
): Promise<Effect<RelationshipRecord>> {
  const value = await getRelationship(ctx, ids, tx);
  const { id, version } = value;
  const customers = sides.map((side) => side.customer.id);
  return {
    value,
    audit: [
      {
        action: `relationship.${what}`,
        subjectType: 'relationship',
        subjectId: id,
        details: { version, customers, roles: sides.map((side) => side.role) },
      },
    ],
    events: sides.map(({ customer, role }) => ({
      type: `relationship.${what}`,
      subject: customer.id,
      subjectVersion: marks.get(customer.id)?.version ?? 0,
      occurredAt: marks.get(customer.id)?.instant ?? ctx.now,
      scope: { customer: customer.id, branch: customer.branch, manager: customer.manager },
      data: { relationship_id: id, role, version },
    })),
  };
}
