/**
 * Points that customers had in another system: each line is a lot with dates of its own. A line is known by its
 * reference: the same again does nothing, other content under it is refused. Who takes no part yet is enrolled.
 */
import { createHash } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { type Static, Type } from 'typebox';
import type { Definitions } from '../customers/definitions.js';
import {
  type FoundCustomer,
  findCustomers,
  type PreparedReference,
  prepareReference,
  referenceText,
} from '../customers/references.js';
import { CustomerReference } from '../customers/schemas.js';
import { array, type Tx } from '../db/client.js';
import type { AuditEntry } from '../platform/audit.js';
import { canonicalJson } from '../platform/canonical-json.js';
import type { Ctx } from '../platform/context.js';
import { bodyProblem, DomainError, type FieldProblem, namesNone } from '../platform/errors.js';
import { grouped } from '../platform/grouped.js';
import { Instant, Key, Nullable, Ref, Strict, Text } from '../platform/http/schemas.js';
import { newId } from '../platform/ids.js';
import { microsOf } from '../platform/instants.js';
import type { OutboxEvent } from '../platform/outbox.js';
import { markCustomers } from '../reviews/service.js';
import { enrol } from './accounts.js';
import { issue, newLot } from './accruals.js';
import { expiryOf } from './expiry.js';
import { accountOrder } from './ledger/order.js';
import { newOperation, openMarked } from './members.js';
import { complete } from './operations.js';
import { type StoredProgramme, selectProgramme } from './programme.js';
import { Points } from './schemas.js';

export const PointsIn = Strict(
  {
    reference: Text('What the line is known by, in its programme', 200),
    programme: Key('The programme'),
    customer: Ref(CustomerReference),
    points: Points('How many'),
    earned_at: Instant('When they were earned'),
    available_at: Type.Optional(
      Instant('From when on they can be used; by the programme where it is not said'),
    ),
    expires_at: Type.Optional(
      Nullable(Instant('When they expire; null: never; by the programme where it is not said')),
    ),
    reason: Type.Optional(Text('For the statement', 200)),
  },
  { $id: 'PointsIn', description: 'Points that a customer had in another system' },
);
type PointsStatement = Static<typeof PointsIn>;

export type PreparedPoints = { stated: PointsStatement; customer: PreparedReference; hash: Buffer };

/** What a line states, or what is wrong with it. */
export function preparePoints(
  world: { keyring: Ctx['keyring']; definitions: Definitions },
  stated: PointsStatement,
): PreparedPoints | FieldProblem[] {
  const problems: FieldProblem[] = [];
  const customer = prepareReference(world, stated.customer, '/customer', problems);
  if (customer === undefined) return problems;
  const { customer: _, ...rest } = stated;
  const content = canonicalJson({ ...rest, customer: referenceText(customer) });
  return { stated, customer, hash: createHash('sha256').update(content).digest() };
}

type OpeningOutcome = 'accepted' | 'duplicate' | DomainError;
type Opened = { outcomes: OpeningOutcome[]; audit: AuditEntry[]; events: OutboxEvent[] };
type Opening = PreparedPoints & {
  place: number;
  operationId: string;
  of: FoundCustomer;
  programme: StoredProgramme;
};

/** Many at once; the lines of a customer in a programme are entries of one account. */
export async function openPoints(tx: Tx, ctx: Ctx, items: readonly PreparedPoints[]): Promise<Opened> {
  const found = await findCustomers(
    tx,
    ctx,
    items.map(({ customer }) => customer),
  );
  const programmes = await readProgrammes(tx, items);
  const outcomes: OpeningOutcome[] = items.map(() => 'accepted');
  const possible = items.flatMap((item, place): Opening[] => {
    const of = found.get(referenceText(item.customer));
    const programme = programmes.get(item.stated.programme);
    const problem = problemOf(ctx, item.stated, of, programme);
    if (problem !== undefined) outcomes[place] = problem;
    return problem !== undefined || of === undefined || programme === undefined
      ? []
      : [{ ...item, place, operationId: newId(), of, programme }];
  });
  // the customers first: who brings the same lines at once waits here
  const marks = await markCustomers(
    tx,
    ctx,
    possible.map(({ of }) => of.id),
    ['loyalty'],
  );
  const claimed = await claim(tx, ctx, possible, outcomes);
  const effect = { audit: [] as AuditEntry[], events: [] as OutboxEvent[] };
  for (const openings of inAccounts(claimed)) {
    const [first] = openings;
    if (first === undefined) continue;
    const done = await openAccount(tx, ctx, openings, marks.get(first.of.id));
    if (done instanceof DomainError) {
      for (const { place } of openings) outcomes[place] = done;
      await forget(tx, openings);
      continue;
    }
    effect.audit.push(...done.audit);
    effect.events.push(...done.events);
  }
  return { outcomes, ...effect };
}

async function readProgrammes(
  tx: Tx,
  items: readonly PreparedPoints[],
): Promise<Map<string, StoredProgramme>> {
  const keys = [...new Set(items.map(({ stated }) => stated.programme))];
  const rows = await tx.rows<StoredProgramme>(
    sql`${selectProgramme} where p.key = any(${array(keys, 'text')})`,
  );
  return new Map(rows.map((row) => [row.key, row]));
}

const refused = (pointer: string, code: string, message: string) =>
  new DomainError('rule_broken', `${pointer} ${message}.`, {
    errors: [bodyProblem(pointer, code, message)],
  });

function problemOf(
  { now }: Ctx,
  { earned_at, available_at, expires_at }: PointsStatement,
  customer: FoundCustomer | undefined,
  programme: StoredProgramme | undefined,
): DomainError | undefined {
  if (customer?.in_reach !== true) return namesNone('/customer', 'customer');
  if (programme === undefined) return namesNone('/programme', 'loyalty programme');
  const { expiry, time_zone: zone, status } = programme.content;
  if (status === 'closed')
    return new DomainError('conflict', 'The programme is closed: no points are brought into it.');
  const at = microsOf(now);
  if (microsOf(earned_at) > at) return refused('/earned_at', 'in_the_future', 'must not lie ahead');
  const expires = expires_at == null ? null : microsOf(expires_at);
  const expiresAt = expires_at === undefined ? expiryOf(expiry, earned_at, zone) : expires;
  if (expiresAt !== null && expiresAt <= at)
    return refused('/expires_at', 'expired_already', 'lies behind: the points would have expired by now');
  if (expiresAt !== null && available_at !== undefined && microsOf(available_at) >= expiresAt)
    return refused('/available_at', 'wrong_order', 'must lie before they expire');
  return undefined;
}

/** Those whose references are new; of the others, whether they say the same. */
async function claim(
  tx: Tx,
  ctx: Ctx,
  openings: readonly Opening[],
  outcomes: OpeningOutcome[],
): Promise<Opening[]> {
  const column = <T>(pick: (opening: Opening) => T) => openings.map(pick);
  const rows = await tx.rows<{ operation_id: string }>(sql`
    insert into loyalty_openings (reference, programme, operation_id, content_hash, recorded_at)
    select reference, programme, operation_id, content_hash, ${ctx.now}
    from unnest(${array(
      column(({ stated }) => stated.reference),
      'text',
    )},
      ${array(
        column(({ stated }) => stated.programme),
        'text',
      )}, ${array(
        column((one) => one.operationId),
        'uuid',
      )},
      ${array(
        column(({ hash }) => hash),
        'bytea',
      )}) as o(reference, programme, operation_id, content_hash)
    order by reference, programme
    on conflict do nothing returning operation_id`);
  const taken = new Set(rows.map((row) => row.operation_id));
  const others = openings.filter(({ operationId }) => !taken.has(operationId));
  const known = await hashesOf(tx, others);
  for (const { place, stated, hash } of others)
    outcomes[place] = known.get(nameOf(stated))?.equals(hash)
      ? 'duplicate'
      : new DomainError('conflict', 'The reference is known with other content: what came first stands.');
  return openings.filter(({ operationId }) => taken.has(operationId));
}

const nameOf = ({ reference, programme }: Pick<PointsStatement, 'reference' | 'programme'>) =>
  JSON.stringify([programme, reference]);

async function hashesOf(tx: Tx, openings: readonly Opening[]): Promise<Map<string, Buffer>> {
  if (openings.length === 0) return new Map();
  const references = openings.map(({ stated }) => stated.reference);
  const rows = await tx.rows<{ reference: string; programme: string; content_hash: Buffer }>(sql`
    select reference, programme, content_hash from loyalty_openings
    where reference = any(${array(references, 'text')})`);
  return new Map(rows.map((row) => [nameOf(row), row.content_hash]));
}

const forget = (tx: Tx, openings: readonly Opening[]): Promise<number> =>
  tx.run(sql`
    delete from loyalty_openings o
    using unnest(${array(
      openings.map(({ stated }) => stated.reference),
      'text',
    )}, ${array(
      openings.map(({ stated }) => stated.programme),
      'text',
    )}) as n(reference, programme)
    where o.reference = n.reference and o.programme = n.programme`);

/** In the order of customers and programmes. */
function inAccounts(openings: readonly Opening[]): Opening[][] {
  const accounts = grouped(openings, ({ of, stated }) => `${of.id} ${stated.programme}`);
  return [...accounts.keys()].sort().map((name) => accounts.get(name) ?? []);
}

/** A lot for each line. Who has left is refused. */
async function openAccount(
  tx: Tx,
  ctx: Ctx,
  openings: readonly Opening[],
  mark: { version: number; instant: string } | undefined,
): Promise<{ audit: readonly AuditEntry[]; events: readonly OutboxEvent[] } | DomainError> {
  const [{ of, programme }] = openings as [Opening, ...Opening[]];
  const { id: customerId, branch, manager } = of;
  const [known] = await tx.rows<{ status: string }>(sql`
    select a.status from loyalty_accounts a where a.customer_id = ${customerId} and a.programme = ${programme.key}
    order by ${sql.raw(accountOrder)} limit 1`);
  if (known?.status === 'closed') return new DomainError('conflict', 'The customer has left the programme.');
  if (known === undefined) await enrol(tx, programme, { customerId, at: mark?.instant ?? ctx.now });
  const opening = { customerId, key: programme.key, place: { branch, manager }, mark };
  const member = await openMarked(tx, ctx, { ...opening, operation: newOperation() });
  for (const { stated, operationId } of openings) {
    const { points, reference, reason, earned_at: earnedAt, available_at, expires_at } = stated;
    member.book.operation = newOperation({
      id: operationId,
      reason: reason ?? null,
      reference: { reference },
    });
    const lot = newLot(member, {
      ...{ points, earnedAt },
      ...(available_at === undefined ? {} : { availableAt: microsOf(available_at) }),
      ...(expires_at === undefined ? {} : { expiresAt: expires_at === null ? null : microsOf(expires_at) }),
    });
    issue(member, lot, 'opening');
  }
  const { audit, events = [] } = await complete(tx, ctx, member, {
    kind: 'opening',
    event: 'points_accrued',
  });
  return { audit, events };
}
