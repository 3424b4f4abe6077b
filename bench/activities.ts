/** `POST /v1/activities` in batches of 500, against the same rows by COPY. */
import { checkpoint, copySameRows } from './copy.js';
import { drive, quantile } from './drive.js';
import { perSecond, type Row } from './report.js';
import { apiKey } from './service.js';
import { activity } from './synthetic.js';
import type { World } from './world.js';

const batchSize = 500;
const connections = 4;
const source = 'bench_activities';

export async function benchActivities(world: World): Promise<Row> {
  const batches = Math.min(400, Math.ceil(world.rows / batchSize));
  const bodies = Array.from({ length: batches }, (_, batch) => batchBody(batch, world.customers));
  await checkpoint(world.service.databaseUrl);
  const headers = { authorization: `Bearer ${apiKey}` };
  const requests = bodies.map((body) => ({ path: '/v1/activities', headers, body }));
  const sent = await drive(world.service.origin, requests, connections);
  const rows = batches * batchSize;
  const accepted = (sent.replies as { accepted: number }[]).reduce((sum, one) => sum + one.accepted, 0);
  if (accepted !== rows) throw new Error(`${accepted} of ${rows} activities were accepted`);
  const copied = await copySameRows(world.service.databaseUrl, source, connections);
  if (copied.rows !== rows) throw new Error(`${copied.rows} of ${rows} activities are in the table`);
  return {
    bench: 'activities',
    ours: perSecond(rows / sent.seconds),
    reference: perSecond(rows / copied.seconds),
    ratio: copied.seconds / sent.seconds,
    toReach: '0.25',
    p50: quantile(sent.milliseconds, 0.5),
    p99: quantile(sent.milliseconds, 0.99),
    rows: `${rows.toLocaleString('en-US')} in batches of ${batchSize}, ${connections} connections`,
  };
}

function batchBody(batch: number, customers: number): Buffer {
  const items = Array.from({ length: batchSize }, (_, place) =>
    activity(source, batch * batchSize + place, customers),
  );
  return Buffer.from(JSON.stringify({ items }));
}
