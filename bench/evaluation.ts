/**
 * Twenty new rules over everybody, each membership written anew, against one hand-written INSERT a rule; and against a
 * single one of them.
 */
import { perSecond, type Row } from './report.js';
import { type BenchRule, benchRules } from './segment-rules.js';
import { countOf, type SegmentWorld, until } from './segment-world.js';

const single = { ...(benchRules[0] as BenchRule), key: 'bench_single' };

export async function benchEvaluation(world: SegmentWorld): Promise<Row[]> {
  const { client, customers, activities } = world;
  const reference = await byHand(world);
  await define(world, benchRules);
  const ours = await evaluate(world, benchRules);
  await define(world, [single]);
  const alone = await evaluate(world, [single]);
  const judged = benchRules.length * customers;
  const together: Row = {
    bench: 'twenty rules',
    ours: `${ours.toFixed(1)} s`,
    reference: `${alone.toFixed(1)} s`,
    ratio: ours / alone,
    toReach: 'far from 20',
    p50: undefined,
    p99: undefined,
    rows: `beside one rule alone, ${customers.toLocaleString('en-US')} customers`,
  };
  const evaluation: Row = {
    bench: 'full evaluation',
    ours: perSecond(judged / ours),
    reference: perSecond(judged / reference.seconds),
    ratio: reference.seconds / ours,
    toReach: '1.0',
    p50: undefined,
    p99: undefined,
    rows: `${benchRules.length} rules, ${customers.toLocaleString('en-US')} customers, ${activities.toLocaleString('en-US')} activities: ${reference.rows.toLocaleString('en-US')} memberships in ${ours.toFixed(1)} s, by hand ${reference.seconds.toFixed(1)} s`,
  };
  return [evaluation, together];

  async function evaluate({ client: reader }: SegmentWorld, rules: readonly BenchRule[]): Promise<number> {
    const keys = rules.map(({ key }) => key);
    const state = (condition: string) =>
      countOf(reader, `from segment_versions where segment = any($1) and ${condition}`, [keys]);
    await until(async () => (await state('started_at is not null')) === keys.length);
    const begun = performance.now();
    await until(async () => (await state('completed_at is not null')) === keys.length);
    const seconds = (performance.now() - begun) / 1000;
    for (const { key, byHand: select } of rules) {
      const members = await countOf(client, 'from memberships where segment = $1 and left_at is null', [key]);
      if (members !== reference.members.get(select))
        throw new Error(`${key} has ${members} members, by hand ${reference.members.get(select)}`);
    }
    return seconds;
  }
}

/** All of them at once: what waits begins together. */
async function define({ client, post }: SegmentWorld, rules: readonly BenchRule[]): Promise<void> {
  // checked by the service, one by one, and held back until all are there
  await client.query('select pg_advisory_lock(hashtextextended($1, 0))', ['segment_rollout']);
  for (const { key, rule } of rules) await post('/v1/segments', { key, name: key, description: '', rule });
  await client.query('select pg_advisory_unlock(hashtextextended($1, 0))', ['segment_rollout']);
}

async function byHand({ client }: SegmentWorld) {
  await client.query('create table bench_memberships (like memberships including all)');
  await client.query('checkpoint');
  const now = new Date().toISOString();
  const members = new Map<string, number>();
  const begun = performance.now();
  for (const { key, byHand: select } of benchRules) {
    const { rowCount } = await client.query(
      `insert into bench_memberships (customer_id, segment, entered_at, decided_at, rule_version, cause)
       select m.*, '${key}', $1, $1, 1, 'rule_version' from (${select}) m`,
      [now],
    );
    members.set(select, rowCount ?? 0);
  }
  const seconds = (performance.now() - begun) / 1000;
  await client.query('drop table bench_memberships');
  return { seconds, members, rows: [...members.values()].reduce((sum, one) => sum + one, 0) };
}
