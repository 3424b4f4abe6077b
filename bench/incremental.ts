/**
 * What grows with the bank and what does not: a thousand changed customers are judged by all rules, and one customer is
 * read, with some customers and with ten times as many.
 */
import { readFile } from 'node:fs/promises';
import { idSql } from './ids.js';
import { middle } from './preview.js';
import type { Row } from './report.js';
import { benchRules } from './segment-rules.js';
import { openSegmentWorld, type SegmentWorld, until } from './segment-world.js';
import { apiKey } from './service.js';

const changed = 1000;
const rounds = 5;
const reads = 300;

type Measured = { review: number; reads: Map<string, number>; megabytes: number };

export async function benchIncremental(customers: number): Promise<Row[]> {
  const few = await measure(customers / 10);
  const many = await measure(customers);
  const beside = `${customers.toLocaleString('en-US')} customers, ${benchRules.length} rules, beside a tenth of them`;
  const grown = [...many.reads].map(([name, took]) => ({
    name,
    took,
    before: few.reads.get(name) ?? Number.NaN,
  }));
  const most = grown.reduce((left, right) =>
    right.took / right.before > left.took / left.before ? right : left,
  );
  return [
    {
      bench: 'incremental',
      ours: `${many.review.toFixed(0)} ms`,
      reference: `${few.review.toFixed(0)} ms`,
      ratio: many.review / few.review,
      toReach: 'at most 1.2',
      p50: many.review,
      p99: undefined,
      rows: `${changed} changed of ${beside}`,
    },
    {
      bench: 'growth',
      ours: `${most.took.toFixed(1)} ms`,
      reference: `${most.before.toFixed(1)} ms`,
      ratio: most.took / most.before,
      toReach: 'at most 1.2',
      p50: most.took,
      p99: undefined,
      rows: `${most.name}, the one that grew most of ${grown.map((one) => `${one.name} ${one.before.toFixed(1)} to ${one.took.toFixed(1)}`).join(', ')}; memory ${few.megabytes} to ${many.megabytes} MB; ${beside}`,
    },
  ];
}

async function measure(customers: number): Promise<Measured> {
  const world = await openSegmentWorld(customers);
  try {
    await publish(world);
    const rates: number[] = [];
    for (let round = 0; round < rounds; round += 1) rates.push(await change(world));
    return { review: middle(rates), reads: await readSome(world), megabytes: await memoryOf(world) };
  } finally {
    await world.close();
  }
}

const paths: Record<string, (id: string) => string> = {
  summary: (id) => `/v1/customers/${id}/summary`,
  segments: (id) => `/v1/customers/${id}/segments`,
  explanation: (id) => `/v1/customers/${id}/segments/${benchRules[0]?.key}/explanation`,
  members: (id) =>
    `/v1/segments/${benchRules[0]?.key}/members?limit=50&as_of=2024-01-01T00:00:0${id.charCodeAt(0) % 10}Z`,
};

/** One after the other, of customers here and there: the middle of each, in milliseconds. */
async function readSome({ client, service }: SegmentWorld): Promise<Map<string, number>> {
  const { rows } = await client.query<{ id: string }>(
    'select id from customers order by md5(id::text) limit $1',
    [reads],
  );
  const took = new Map<string, number>();
  for (const [name, pathOf] of Object.entries(paths)) {
    const times: number[] = [];
    for (const { id } of rows) {
      const begun = performance.now();
      const reply = await fetch(service.origin + pathOf(id), {
        headers: { authorization: `Bearer ${apiKey}` },
      });
      await reply.arrayBuffer();
      if (!reply.ok) throw new Error(`${name} answered ${reply.status}`);
      times.push(performance.now() - begun);
    }
    took.set(name, middle(times));
  }
  return took;
}

async function memoryOf({ service }: SegmentWorld): Promise<number> {
  const status = await readFile(`/proc/${service.pid}/status`, 'utf8').catch(() => '');
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
}

async function publish({ client, post }: SegmentWorld): Promise<void> {
  for (const { key, rule } of benchRules)
    await post('/v1/segments', { key, name: key, description: '', rule });
  await until(async () => {
    const { rows } = await client.query(
      `select from segment_versions where segment like 'bench%' and completed_at is null limit 1`,
    );
    return rows.length === 0;
  }, 200);
  await client.query('vacuum analyze');
}

/** From the mark until nobody waits. */
async function change({ client, customers }: SegmentWorld): Promise<number> {
  const now = new Date().toISOString();
  const begun = performance.now();
  await client.query(
    `update review_state r set version = version + 1, marked_at = $1, touched = '{rules}'
     from (select ${idSql(`(1 + n::bigint * ${Math.floor(customers / changed)})`)} as id from generate_series(0, ${changed - 1}) n) c
     where r.customer_id = c.id`,
    [now],
  );
  await until(async () => {
    const { rows } = await client.query('select from review_state where marked_at is not null limit 1');
    return rows.length === 0;
  });
  return performance.now() - begun;
}
