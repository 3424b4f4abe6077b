/**
 * What those who read notice of a file that comes in: `GET …/summary` at a steady rate, alone and beside the import of
 * activities by the same process, in turn. Latencies are of a fixed rate: whoever waits is not let off the next request.
 */
import autocannon from 'autocannon';
import { runImport } from './imports.js';
import type { Row } from './report.js';
import { apiKey } from './service.js';
import { activity } from './synthetic.js';
import type { World } from './world.js';

const source = 'bench_night';
const requestsASecond = 50;
const connections = 10;
const rounds = 3;

type Latency = { p50: number; p99: number };

export async function benchNight(world: World): Promise<Row> {
  const rowsOfRound = Math.ceil(world.rows / rounds);
  const alone: Latency[] = [];
  const beside: Latency[] = [];
  let seconds = 0;
  await read(world, 2);
  for (let round = 0; round < rounds; round += 1) {
    alone.push(await read(world, world.seconds));
    let isDone = false;
    const begun = performance.now();
    const imported = runImport(
      world.service,
      'activities',
      lines(world, round * rowsOfRound, rowsOfRound),
    ).finally(() => {
      isDone = true;
    });
    const pieces: Latency[] = [];
    while (!isDone) pieces.push(await read(world, world.seconds));
    await imported;
    seconds += (performance.now() - begun) / 1000;
    // the last piece goes on after the end of the import: it would flatter
    beside.push(...(pieces.length > 1 ? pieces.slice(0, -1) : pieces));
  }
  const [former, present] = [middleOf(alone), middleOf(beside)];
  const rate = Math.round((rounds * rowsOfRound) / seconds);
  return {
    bench: 'night import beside reads',
    ours: `p99 ${present.p99} ms`,
    reference: `p99 ${former.p99} ms alone`,
    ratio: present.p99 / former.p99,
    toReach: 'at most 2',
    p50: present.p50,
    p99: present.p99,
    rows: `${requestsASecond} reads a second, ${rate.toLocaleString('en-US')} activities a second`,
  };
}

async function read(world: World, seconds: number): Promise<Latency> {
  const paths = world.customerIds.slice(0, 500).map((id) => `/v1/customers/${id}/summary`);
  const result = await autocannon({
    url: world.service.origin,
    connections,
    overallRate: requestsASecond,
    duration: seconds,
    headers: { authorization: `Bearer ${apiKey}` },
    requests: paths.map((path) => ({ method: 'GET', path })),
  });
  const errors = result.errors + result.timeouts + result.non2xx;
  if (errors > 0) throw new Error(`${errors} reads failed`);
  return result.latency;
}

/** The one in the middle by its p99. */
function middleOf(latencies: readonly Latency[]): Latency {
  const sorted = [...latencies].sort((left, right) => left.p99 - right.p99);
  return sorted[Math.floor(sorted.length / 2)] ?? { p50: Number.NaN, p99: Number.NaN };
}

function* lines({ customers }: World, from: number, count: number): Generator<string> {
  for (let index = from; index < from + count; index += 1)
    yield `${JSON.stringify(activity(source, index, customers))}\n`;
}
