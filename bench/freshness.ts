/** How soon a membership follows from an activity: from the reply that says that it is kept until the membership is read. */
import type { Row } from './report.js';
import type { SegmentWorld } from './segment-world.js';
import { until } from './segment-world.js';

const perSecond = 500;
const perRequest = 50;
const key = 'bench_fresh';
const type = 'bench_visit';

export async function benchFreshness(world: SegmentWorld, seconds: number): Promise<Row> {
  const { client, post, customers } = world;
  const rule = { activity: type, window: { last: 'P1D' }, measure: 'count', op: 'gte', value: 1 };
  await post('/v1/segments', { key, name: key, description: '', rule });
  await until(async () => {
    const { rows } = await client.query(
      'select from segment_versions where segment = $1 and completed_at is not null',
      [key],
    );
    return rows.length === 1;
  });
  const { rows: known } = await client.query<{ id: string }>(
    'select id from customers order by id limit $1',
    [Math.min(customers, perSecond * seconds)],
  );
  const kept = new Map<string, number>();
  const latencies: number[] = [];
  let isSending = true;
  const watching = (async () => {
    while (isSending || kept.size > 0) {
      const { rows } = await client.query<{ customer_id: string }>(
        'select customer_id from memberships where segment = $1 and left_at is null and customer_id = any($2::uuid[])',
        [key, [...kept.keys()]],
      );
      const seen = performance.now();
      for (const { customer_id } of rows) {
        latencies.push(seen - (kept.get(customer_id) ?? seen));
        kept.delete(customer_id);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  })();
  try {
    await send(
      post,
      known.map(({ id }) => id),
      kept,
    );
  } catch (error) {
    kept.clear();
    throw error;
  } finally {
    isSending = false;
    await watching;
  }
  latencies.sort((left, right) => left - right);
  const at = (share: number) => latencies[Math.floor(latencies.length * share)] ?? Number.NaN;
  return {
    bench: 'freshness',
    ours: `p95 ${at(0.95).toFixed(0)} ms`,
    reference: '',
    ratio: undefined,
    toReach: 'p95 under 1 s',
    p50: at(0.5),
    p99: at(0.99),
    rows: `${latencies.length.toLocaleString('en-US')} activities, ${perSecond} a second, ${customers.toLocaleString('en-US')} customers`,
  };
}

/** A request every tenth of a second, whether the last one was answered or not. */
async function send(
  post: SegmentWorld['post'],
  ids: readonly string[],
  kept: Map<string, number>,
): Promise<void> {
  const requests: Promise<void>[] = [];
  const begun = performance.now();
  for (let from = 0; from < ids.length; from += perRequest) {
    const due = begun + (from / perSecond) * 1000;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
    requests.push(visit(post, ids.slice(from, from + perRequest), kept));
  }
  await Promise.all(requests);
}

async function visit(
  post: SegmentWorld['post'],
  ids: readonly string[],
  kept: Map<string, number>,
): Promise<void> {
  const items = ids.map((id) => ({
    source: 'bench',
    source_id: `visit-${id}`,
    customer: { id },
    type,
    occurred_at: new Date(Date.now() - 60_000).toISOString(),
  }));
  await post('/v1/activities', { items });
  const now = performance.now();
  for (const id of ids) kept.set(id, now);
}
