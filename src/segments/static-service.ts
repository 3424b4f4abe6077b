/** Listing customers in static segments: one, or many of a file. */
import { sql } from 'drizzle-orm';
import type { Definitions } from '../customers/definitions.js';
import {
  type CustomerReferenceIn,
  findCustomers,
  type PreparedReference,
  prepareReference,
  referenceText,
} from '../customers/references.js';
import type { Tx } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import type { FieldProblem } from '../platform/errors.js';
import { DomainError, namesNone, notFound } from '../platform/errors.js';
import { TryAgain, transact } from '../platform/transact.js';
import type { MemberRow } from './rows.js';
import { type Listed, type Listing, listCustomers, listingText, unlistable } from './static-members.js';

/** The customer with its membership, where it is a member now. Throws the one 404, and 409 where a rule decides. */
export function listCustomer(
  ctx: Ctx,
  segment: string,
  id: string,
  isMember: boolean,
): Promise<MemberRow | null> {
  return transact(ctx, async (tx) => {
    const found = (await findCustomers(tx, ctx, [{ id: id.toLowerCase() }])).get(id.toLowerCase());
    if (found?.in_reach !== true) throw notFound('customer');
    const problem = (await unlistable(tx, [segment]))(segment);
    if (problem !== undefined) throw problem;
    const { audit, events } = await listCustomers(tx, ctx, [{ segment, customerId: found.id, isMember }]);
    const [member] = await tx.rows<MemberRow>(sql`
      select customer_id, entered_at, left_at, rule_version from memberships
      where customer_id = ${found.id} and segment = ${segment} and left_at is null`);
    // it was in it, and was taken out before it could be read: put in again
    if (isMember && member === undefined) throw new TryAgain('a member was taken out meanwhile');
    return { value: member ?? null, audit, events };
  });
}

export type SegmentMemberStatement = { segment: string; customer: CustomerReferenceIn; member?: boolean };
export type PreparedListing = { segment: string; reference: PreparedReference; isMember: boolean };

/** What a line states, or what is wrong with it. */
export function prepareListing(
  world: { keyring: Ctx['keyring']; definitions: Definitions },
  { segment, customer, member = true }: SegmentMemberStatement,
): PreparedListing | FieldProblem[] {
  const problems: FieldProblem[] = [];
  const reference = prepareReference(world, customer, '/customer', problems);
  return reference === undefined ? problems : { segment, reference, isMember: member };
}

type Outcome = 'changed' | 'unchanged' | DomainError;

/** Many at once: of the same customer in the same segment the last one counts. */
export async function listNamed(
  tx: Tx,
  ctx: Ctx,
  items: readonly PreparedListing[],
): Promise<Omit<Listed, 'changed'> & { outcomes: Outcome[] }> {
  const found = await findCustomers(
    tx,
    ctx,
    items.map(({ reference }) => reference),
  );
  const problemOf = await unlistable(tx, [...new Set(items.map(({ segment }) => segment))]);
  const last = new Map<string, Listing>();
  const listings = items.map(({ segment, reference, isMember }) => {
    const customer = found.get(referenceText(reference));
    if (customer?.in_reach !== true) return namesNone('/customer', 'customer');
    const problem = problemOf(segment);
    if (problem !== undefined) return segmentProblem(problem);
    const listing = { segment, customerId: customer.id, isMember };
    last.set(listingText(listing), listing);
    return listing;
  });
  const { changed, audit, events } = await listCustomers(tx, ctx, [...last.values()]);
  const outcomes = listings.map((one): Outcome => {
    if (one instanceof DomainError) return one;
    const text = listingText(one);
    return last.get(text) === one && changed.has(text) ? 'changed' : 'unchanged';
  });
  return { outcomes, audit, events };
}

/** The same, with the place in the line. */
const segmentProblem = (problem: DomainError) =>
  problem.code === 'not_found'
    ? namesNone('/segment', 'segment')
    : new DomainError(problem.code, problem.message, {
        errors: [{ in: 'body', pointer: '/segment', code: problem.code, message: 'is decided by its rule' }],
      });
