/**
 * `npm run bench:scopes -- [postgres://…] [--customers n] [--branches n] [--keep database]`
 *
 * The plans of all lists by scope, as the service asks them: each is asked for a page and explained, for reaches that are
 * narrow, wide, empty, or late in the order of the list. Fails where one reads a large table from end to end, or more
 * blocks than a page is worth. The database is made and dropped on the server of the URL, or on one that is started for it.
 */
import { parseArgs } from 'node:util';
import type pg from 'pg';
import { listAssignments } from '../src/assignments/stored.js';
import { listCustomers } from '../src/customers/service.js';
import type { Database } from '../src/db/client.js';
import { openFeed } from '../src/events/feed.js';
import { type Ctx, type DataScope, systemContext } from '../src/platform/context.js';
import { createLog } from '../src/platform/log.js';
import { reachAt } from '../src/platform/reach.js';
import { reviewBacklog } from '../src/reviews/service.js';
import { listMembers } from '../src/segments/members.js';
import { blocksOf, type Explained, endToEnd, executionOf, explaining, indexesOf } from './explained.js';
import { fillStatements } from './scope-fill.js';
import { inScratchDatabase } from './scratch-database.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    customers: { type: 'string', default: '1000000' },
    branches: { type: 'string', default: '5000' },
    /** of an earlier run: it is used again, and stays */
    keep: { type: 'string' },
    plans: { type: 'boolean', default: false },
  },
});

const now = '2026-03-01T04:00:00Z';
const reaches: Record<string, DataScope> = {
  'the bank': null,
  'one branch': { branches: ['B1'] },
  'an area': { branches: ['A2'] },
  'a region': { branches: ['R1'] },
  'all branches': { branches: ['HO'] },
  'a region without customers': { branches: ['R9'] },
  'a region whose customers came last': { branches: ['R10'] },
  'an unknown branch': { branches: ['NONE'] },
  'a book': { manager: 'RM77' },
  'a large book': { manager: 'POOL' },
  'a book that came last': { manager: 'LATE' },
  'an empty book': { manager: 'NOBODY' },
};
/** 8 kB each: a page of 51 rows that lie apart, with their indexes, a few times over */
const blocksMax = 20_000;
/** it looks at 10,000 customers that wait */
const backlogMax = 90_000;
const large = /^(customers|assignments|memberships|outbox)$/;

const server = positionals[0];
async function fill(client: pg.Client): Promise<void> {
  for (const statement of fillStatements(Number(values.customers), Number(values.branches))) {
    const begun = performance.now();
    await client.query(statement);
    console.error(`${((performance.now() - begun) / 1000).toFixed(1)} s ${statement.slice(0, 60)}`);
  }
}

const page = { limit: 50, after: undefined, domain: '' };
const lists: Record<string, (ctx: Ctx) => Promise<unknown[]>> = {
  customers: (ctx) => listCustomers(ctx, {}, page),
  'customers, filtered': (ctx) => listCustomers(ctx, { kind: 'person', status: 'active' }, page),
  members: (ctx) => listMembers(ctx, 'all', undefined, page),
  assignments: (ctx) => listAssignments(ctx, {}, page),
  events: async (ctx) => {
    const feed = openFeed(() => ctx.database);
    const filter = { types: [], subject: undefined };
    return (await feed.page({ after: 0, limit: 100, filter, reach: ctx.reach })).events;
  },
  backlog: async (ctx) => [await reviewBacklog(ctx)],
};

async function judge(database: Database): Promise<boolean> {
  const bank = { timeZone: 'Asia/Shanghai', currency: 'CNY', country: 'CN' };
  const log = createLog('error', process.stderr);
  let isGood = true;
  for (const [list, ask] of Object.entries(lists)) {
    for (const [reach, dataScope] of Object.entries(reaches)) {
      const found: Explained[] = [];
      const services = { database: explaining(database, found), keyring: undefined as never, bank };
      const ctx: Ctx = {
        ...systemContext(services, 'bench', 'bench', now, log),
        dataScope,
        reach: await reachAt({ ...services, database }, dataScope, now),
      };
      const rows = await ask(ctx);
      const blocks = blocksOf(found);
      const isRead = endToEnd(found, large).length > 0;
      const isBad = isRead || blocks > (list === 'backlog' ? backlogMax : blocksMax);
      isGood &&= !isBad;
      const told = [
        list.padEnd(20),
        reach.padEnd(36),
        `${rows.length} rows`.padStart(9),
        `${executionOf(found).toFixed(1)} ms`.padStart(11),
      ];
      console.log(
        `${told.join(' ')} ${String(blocks).padStart(7)} blocks ${isBad ? 'BAD' : 'ok'} ${isRead ? 'Seq Scan ' : ''}${indexesOf(found).join(' ')}`,
      );
      if (values.plans && isBad) console.log(JSON.stringify(found, null, 1));
    }
  }
  return isGood;
}

await inScratchDatabase({ server, keep: values.keep, fill }, async (database) => {
  if (!(await judge(database))) process.exitCode = 1;
});
