/** An operation with four eyes for tests, on customers: it counts how often it was done, in a table of its own. */
import { sql } from 'drizzle-orm';
import type { Guarded } from '../../src/platform/approvals/guarded.js';
import { perform } from '../../src/platform/approvals/perform.js';
import type { Ctx } from '../../src/platform/context.js';
import type { TestApp } from './app.js';
import type { Client } from './client.js';

type Input = { customers: string[]; note: string };

export type TryOut = {
  /** asks for it as `actor`, and returns the id of the approval */
  ask(customers: readonly string[], actor?: string): Promise<string>;
  /** how often it was done */
  done(): Promise<number>;
};

type Hooks = {
  /** what the plan is made on */
  ground?: () => unknown;
  execute?: (ctx: Ctx) => Promise<void>;
};

/** Makes the operation known to the application, as if a route had declared it, with a policy that always asks. */
export async function tryOut(t: TestApp, hooks: Hooks = {}): Promise<TryOut> {
  const guard: Guarded<Input, { customers: number }> = {
    operation: 'tryOut',
    scope: 'customers:write',
    plan: async (_tx, _ctx, { customers, note }) => ({
      subject: { type: 'customer', id: customers[0] ?? 'all' },
      customers,
      summary: `Try out ${customers.length}`,
      content: { note, ground: hooks.ground?.() ?? null },
      weighty: true,
    }),
    async execute(tx, ctx, { customers }) {
      await tx.run(sql`insert into try_outs (note) values ('done')`);
      await hooks.execute?.(ctx);
      return {
        value: { customers: customers.length },
        audit: [
          { action: 'customer.tried_out', subjectType: 'customer', details: { count: customers.length } },
        ],
      };
    },
  };
  t.app.guarded.set(guard.operation, guard as never);
  await t.database.pool.query('create table if not exists try_outs (note text)');
  await t.database.pool.query(`
    insert into approval_policies (operation, required, expires_after, version, updated_at, updated_by)
    values ('tryOut', true, 'P7D', 1, '2026-01-01T00:00:00Z', 'test') on conflict do nothing`);
  return {
    async ask(customers, actor) {
      const ctx = await t.context();
      const input = { customers: [...customers], note: '金丝雀丙丁' };
      const outcome = await perform(actor === undefined ? ctx : { ...ctx, actor }, guard, input);
      if (!('approval' in outcome)) throw new Error('it was done at once');
      return outcome.approval;
    },
    done: async () =>
      (await t.database.pool.query('select count(*)::int as count from try_outs')).rows[0].count,
  };
}

/** As whom the service knows a client. */
export async function actorOf(t: TestApp, client: Client): Promise<string> {
  const { rows } = await t.database.pool.query(
    `select 'key:' || id as actor from api_keys where secret_hash = sha256(convert_to($1, 'UTF8'))`,
    [client.secret],
  );
  return rows[0].actor;
}
