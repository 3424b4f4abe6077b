/**
 * What a data scope comes to at an instant: the codes of a subtree, or whose book it is. The tree is kept in memory and
 * read anew when its version is another one, which is asked for each time: a branch that closes, or is moved, is so for
 * the very next request of any process.
 */
import type { Database, Reader } from '../db/client.js';
import { type Branch, type BranchTree, branchTree } from './branch-tree.js';
import type { DataScope, Reach, Services } from './context.js';
import { dateIn } from './instants.js';

export async function reachAt(
  { database, bank }: Services,
  dataScope: DataScope,
  now: string,
): Promise<Reach> {
  if (dataScope === null) return null;
  if ('customer' in dataScope) {
    const { customer } = dataScope;
    return { customer: (await survivorOf(database, customer)) ?? customer.toLowerCase() };
  }
  if ('manager' in dataScope) return { staff: dataScope.manager, at: now };
  const { tree } = await presentTree(database);
  return { codes: tree.subtree(dataScope.branches, dateIn(bank.timeZone, now)) };
}

/** Who a customer is by now that was merged into another. */
export async function survivorOf(reader: Reader, customerId: string): Promise<string | undefined> {
  const [merged] = await reader.named<{ id: string }>(
    'find_survivor',
    'select merged_into as id from customers where id = $1 and merged_into is not null',
    [customerId],
  );
  return merged?.id;
}

type Kept = { version: number; tree: BranchTree };

/** One a database, for as long as it is open. */
const kept = new WeakMap<Database, Kept>();

async function presentTree(database: Database): Promise<Kept> {
  const [state] = await database.named<{ version: number }>(
    'read_organization_version',
    'select version from organization_state where id = 1',
    [],
  );
  const known = kept.get(database);
  if (known !== undefined && known.version === (state?.version ?? 0)) return known;
  const read = await readTree(database);
  kept.set(database, read);
  return read;
}

/** The branches with the version that they have, of one instant. */
async function readTree(reader: Reader): Promise<Kept> {
  const [row] = await reader.named<{ version: number; branches: Branch[] }>(
    'read_organization',
    `select coalesce((select version from organization_state where id = 1), 0) as version,
       coalesce(json_agg(json_build_object('code', code, 'parent', parent, 'opens_on', opens_on, 'closes_on', closes_on,
         'successor', successor)), '[]') as branches
     from branches`,
    [],
  );
  return { version: row?.version ?? 0, tree: branchTree(row?.branches ?? []) };
}
