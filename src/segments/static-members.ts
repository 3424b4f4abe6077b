/** Who is in a static segment is written, one by one or from a file, and changes by nothing else but a merge. */
import { sql } from 'drizzle-orm';
import { array, type Reader, type Tx } from '../db/client.js';
import type { AuditEntry } from '../platform/audit.js';
import type { Ctx } from '../platform/context.js';
import { DomainError, notFound } from '../platform/errors.js';
import type { OutboxEvent } from '../platform/outbox.js';
import { TryAgain } from '../platform/transact.js';
import { type Mark, markCustomers } from '../reviews/service.js';
import { touchNames } from '../rules/touches.js';
import { type MembershipChange, membershipEvent } from './membership-events.js';

/** That a customer is in a segment, or is not. */
export type Listing = { segment: string; customerId: string; isMember: boolean };

export type Listed = {
  /** the listings that were not so before, by `listingText` */
  changed: ReadonlySet<string>;
  audit: AuditEntry[];
  events: OutboxEvent[];
};

export const listingText = ({ segment, customerId }: Omit<Listing, 'isMember'>) => `${segment} ${customerId}`;

/** Why nobody can be listed in it: undefined where it is static. By the keys of the segments. */
export async function unlistable(
  reader: Reader,
  keys: readonly string[],
): Promise<(key: string) => DomainError | undefined> {
  const rows = await reader.rows<{ key: string; kind: string }>(
    sql`select key, kind from segments where key = any(${array(keys, 'text')}) and deleted_at is null`,
  );
  const kinds = new Map(rows.map(({ key, kind }) => [key, kind]));
  return (key) => {
    if (!kinds.has(key)) return notFound('segment');
    if (kinds.get(key) === 'static') return undefined;
    return new DomainError(
      'conflict',
      `Who is in ${key} follows from its rule: only static segments are listed.`,
    );
  };
}

/** Makes it so, of static segments that are there, and each customer at most once in each. What is so already is left alone. */
export async function listCustomers(
  tx: Tx,
  ctx: Ctx,
  listings: readonly Listing[],
  cause: 'change' | 'merge' = 'change',
): Promise<Listed> {
  const wanted = await differing(tx, listings);
  if (wanted.length === 0) return { changed: new Set(), audit: [], events: [] };
  const segmentsOf = new Map<string, string[]>();
  for (const { customerId, segment } of wanted)
    segmentsOf.set(customerId, [...(segmentsOf.get(customerId) ?? []), segment]);
  const touched = (id: string) => (segmentsOf.get(id) ?? []).map(touchNames.segment);
  const expected = cause === 'merge' ? 'expected' : 'none';
  const marks = await markCustomers(tx, ctx, segmentsOf.keys(), touched, expected);
  await holdSegments(tx, [...new Set(wanted.map(({ segment }) => segment))]);
  const entered = wanted.filter(({ isMember }) => isMember);
  const left = wanted.filter(({ isMember }) => !isMember);
  const changes = [
    ...(await enter(tx, ctx, entered, marks, cause)),
    ...(await leave(tx, ctx, left, marks, cause)),
  ];
  return {
    changed: new Set(
      changes.map((one) => listingText({ segment: one.segment, customerId: one.customer_id })),
    ),
    audit: changes.map(auditOf),
    events: changes.map((one) =>
      membershipEvent({ ...one, cause }, marks.get(one.customer_id) ?? { version: 0, instant: one.at }),
    ),
  };
}

/** A segment that was deleted since it was looked at is looked at again. It is locked after the customers, as a review does. */
async function holdSegments(tx: Tx, keys: readonly string[]): Promise<void> {
  const held = await tx.rows(sql`
    select from segments where key = any(${array(keys, 'text')}) and deleted_at is null and kind = 'static'
    order by key for share`);
  if (held.length < keys.length) throw new TryAgain('a segment was deleted meanwhile');
}

async function differing(reader: Reader, listings: readonly Listing[]): Promise<Listing[]> {
  const open = await reader.rows<{ customer_id: string; segment: string }>(sql`
    select m.customer_id, m.segment from ${pairs(listings)} join memberships m
      on m.customer_id = w.customer_id and m.segment = w.segment and m.left_at is null`);
  const members = new Set(
    open.map((row) => listingText({ segment: row.segment, customerId: row.customer_id })),
  );
  return listings.filter((one) => members.has(listingText(one)) !== one.isMember);
}

const pairs = (listings: readonly Listing[], marks?: ReadonlyMap<string, Mark>) => sql`
  unnest(${array(
    listings.map((one) => one.customerId),
    'uuid',
  )}, ${array(
    listings.map((one) => one.segment),
    'text',
  )}, ${array(
    listings.map((one) => marks?.get(one.customerId)?.instant ?? null),
    'timestamptz',
  )}) as w(customer_id, segment, at)`;

type Change = Omit<MembershipChange, 'cause'>;
type Marks = ReadonlyMap<string, Mark>;

const enter = (tx: Tx, ctx: Ctx, listings: readonly Listing[], marks: Marks, cause: string) =>
  tx.rows<Change>(sql`
    with opened as (
      insert into memberships (customer_id, segment, entered_at, decided_at, rule_version, cause)
      select w.customer_id, w.segment, greatest(w.at, (select max(m.left_at) from memberships m
        where m.customer_id = w.customer_id and m.segment = w.segment)), ${ctx.now}, s.version, ${cause}
      from ${pairs(listings, marks)} join segments s on s.key = w.segment
      order by w.customer_id, w.segment
      on conflict (customer_id, segment) where left_at is null do nothing
      returning customer_id, segment, entered_at as at, rule_version
    )
    select o.*, true as entered, c.branch, c.manager from opened o join customers c on c.id = o.customer_id
    order by o.customer_id, o.segment`);

const leave = (tx: Tx, ctx: Ctx, listings: readonly Listing[], marks: Marks, cause: string) =>
  tx.rows<Change>(sql`
    with closed as (
      update memberships m set left_at = greatest(w.at, m.entered_at + interval '1 microsecond'),
        left_decided_at = ${ctx.now}, left_rule_version = s.version, left_cause = ${cause}
      from ${pairs(listings, marks)} join segments s on s.key = w.segment
      where m.customer_id = w.customer_id and m.segment = w.segment and m.left_at is null
      returning m.customer_id, m.segment, m.left_at as at, s.version as rule_version
    )
    select l.*, false as entered, c.branch, c.manager from closed l join customers c on c.id = l.customer_id
    order by l.customer_id, l.segment`);

const auditOf = ({ customer_id, segment, entered }: Change): AuditEntry => ({
  action: entered ? 'segment.member_added' : 'segment.member_removed',
  subjectType: 'customer',
  subjectId: customer_id,
  details: { segment },
});
