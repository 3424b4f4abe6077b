/** Memberships as they would be if everybody were judged now, by the rules that answer: what a review must have come to. */
import { sql } from 'drizzle-orm';
import { expect } from 'vitest';
import { compileRules, type Verdicts } from '../../src/rules/compile.js';
import type { Rule } from '../../src/rules/schema.js';
import { loadDefinitions } from '../../src/segments/definitions.js';
import { ruleContext } from '../../src/segments/judgement.js';
import type { TestApp } from './app.js';

/** `customer segment` of all open memberships and of all that are due, of segments that rules decide. */
export async function expectRecomputed(t: TestApp): Promise<number> {
  const ctx = await t.context();
  const { rules, vocabulary } = await loadDefinitions(t.database, t.deps.facts);
  const live = rules.filter((one) => !one.draft);
  const asked = live.map((one): Rule => one.rule);
  const context = await ruleContext(t.database, ctx, asked, vocabulary, ctx.now);
  const judged = await t.database.rows<Verdicts>(
    compileRules(asked, vocabulary, context, { where: sql`true` }),
  );
  const due = judged.flatMap(({ customer_id: id, verdicts }) =>
    live.filter((_, place) => verdicts[place]).map(({ segment }) => `${id} ${segment}`),
  );
  const open = await t.database.rows<{ name: string }>(sql`
    select m.customer_id || ' ' || m.segment as name from memberships m join segments s on s.key = m.segment
    where m.left_at is null and s.kind = 'rule'`);
  expect(open.map(({ name }) => name).sort()).toEqual(due.sort());
  return due.length;
}

/** Intervals of one customer and segment do not overlap, none has length zero, and each has its evidence. */
export async function expectSound(t: TestApp): Promise<void> {
  const wrong = await t.database.rows(sql`
    select m.customer_id, m.segment, m.entered_at, m.left_at from memberships m join segments s on s.key = m.segment
    where s.kind = 'rule' and (m.left_at <= m.entered_at or m.evidence is null
      or m.left_at is not null and m.left_evidence is null and s.deleted_at is null
      or exists (select from memberships n where n.customer_id = m.customer_id and n.segment = m.segment
        and n.entered_at > m.entered_at and (m.left_at is null or n.entered_at < m.left_at)))`);
  expect(wrong).toEqual([]);
}
