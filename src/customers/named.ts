/** The customers that a body names, each at its place. */
import type { Reader } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { brokenRules, type FieldProblem, namesNone } from '../platform/errors.js';
import { loadDefinitions } from './definitions.js';
import {
  type CustomerReferenceIn,
  type FoundCustomer,
  findCustomers,
  prepareReference,
  referenceText,
} from './references.js';

/** In their order. Throws 422 for identifiers that cannot be, and a 404 that names the place of whom the caller may not see. */
export async function findNamed<const References extends readonly CustomerReferenceIn[]>(
  reader: Reader,
  ctx: Ctx,
  references: References,
  pointers: readonly string[],
): Promise<{ [Place in keyof References]: FoundCustomer }> {
  const world = { keyring: ctx.keyring, definitions: await loadDefinitions(reader) };
  const problems: FieldProblem[] = [];
  const prepared = references.flatMap(
    (reference, place) => prepareReference(world, reference, pointers[place] ?? '', problems) ?? [],
  );
  if (problems.length > 0) throw brokenRules(problems);
  const found = await findCustomers(reader, ctx, prepared);
  const customers = prepared.map((reference, place) => {
    const customer = found.get(referenceText(reference));
    if (customer?.in_reach === true) return customer;
    throw namesNone(pointers[place] ?? '', 'customer');
  });
  return customers as { [Place in keyof References]: FoundCustomer };
}
