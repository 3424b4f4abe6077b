/** `GET /v1/customers/{id}/profile`, against the same SQL, hand-written, through bare fastify. */
import { compare, load } from './load.js';
import { perSecond, type Row } from './report.js';
import { apiKey } from './service.js';
import type { World } from './world.js';

export async function benchProfile(world: World): Promise<Row> {
  const ids = world.customerIds.slice(0, 500);
  const options = { connections: 32, seconds: world.seconds };
  const headers = { authorization: `Bearer ${apiKey}` };
  const requests = (pathOf: (id: string) => string) => ids.map((id) => ({ path: pathOf(id) }));
  const { ours, reference } = await compare(
    3,
    () =>
      load(
        world.service.origin,
        headers,
        requests((id) => `/v1/customers/${id}/profile`),
        options,
      ),
    () =>
      load(
        world.reference.origin,
        headers,
        requests((id) => `/profile/${id}`),
        options,
      ),
  );
  if (ours.errors + reference.errors > 0) throw new Error(`${ours.errors + reference.errors} reads failed`);
  return {
    bench: 'profile',
    ours: perSecond(ours.perSecond),
    reference: perSecond(reference.perSecond),
    ratio: ours.perSecond / reference.perSecond,
    toReach: '0.6',
    p50: ours.p50,
    p99: ours.p99,
    rows: `${world.customerIds.length.toLocaleString('en-US')} customers, 2 holdings and 40 activities each`,
  };
}
