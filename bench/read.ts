/** `GET /v1/customers/{id}` with all that the product does, against the same row through bare fastify and pg. */
import { compare, load } from './load.js';
import { perSecond, type Row } from './report.js';
import { apiKey } from './service.js';
import type { World } from './world.js';

export async function benchRead(world: World): Promise<Row> {
  const ids = world.customerIds.slice(0, 500);
  const options = { connections: 32, seconds: world.seconds };
  const headers = { authorization: `Bearer ${apiKey}` };
  const result = await compare(
    3,
    () =>
      load(
        world.service.origin,
        headers,
        ids.map((id) => ({ path: `/v1/customers/${id}` })),
        options,
      ),
    () =>
      load(
        world.reference.origin,
        headers,
        ids.map((id) => ({ path: `/read/${id}` })),
        options,
      ),
  );
  if (result.ours.errors > 0) throw new Error(`${result.ours.errors} reads failed`);
  return {
    bench: 'read',
    ours: perSecond(result.ours.perSecond),
    reference: perSecond(result.reference.perSecond),
    ratio: result.ours.perSecond / result.reference.perSecond,
    toReach: '0.6',
    p50: result.ours.p50,
    p99: result.ours.p99,
    rows: `${world.customerIds.length.toLocaleString('en-US')} customers`,
  };
}
