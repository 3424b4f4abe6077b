/**
 * Many writes by many writers, each sent until it is acknowledged, and a ledger of what was: with it the database is
 * compared when all is over. Nothing that was acknowledged may be lost, and nothing may be there twice.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { type Random, randomOf } from '../../src/demo/random.js';
import type { Client, Response } from './client.js';
import { aHolding } from './factories.js';

type Customer = { id: string; value: string; city: string; version: number; activities: number };

export type Ledger = {
  customers: Customer[];
  /** rows that were written: customers, changes, holdings, activities */
  writes: number;
  holdings: number;
  changes: number;
  activities: number;
  /** requests that brought activities */
  batches: number;
  /** answers other than success, by what they were */
  refused: Record<string, number>;
};

export type WriterOptions = {
  seed: number;
  /** ends when so many writes were acknowledged */
  writes: number;
  writers?: number;
  /** where the service answers now */
  client: () => Client;
  /** whether a request may break: the process that was to answer is killed */
  mayBreak?: boolean;
};

const cities = ['上海', '苏州', '杭州', '北京'];
export const segmentCity = '上海';
export const segmentActivities = 12;
const patience = 4000;

/** The segments whose members follow from the ledger. */
export async function makeSegments(client: Client): Promise<void> {
  const make = (key: string, rule: unknown) =>
    client.post('/v1/segments', { key, name: key, description: '', rule, member_events: true }, 201);
  await make('fault_city', { fact: 'city', op: 'eq', value: segmentCity });
  await make('fault_busy', {
    activity: 'card_payment',
    window: { last: 'P30D' },
    measure: 'count',
    op: 'gte',
    value: segmentActivities,
  });
}

export const newLedger = (): Ledger => ({
  customers: [],
  writes: 0,
  holdings: 0,
  changes: 0,
  activities: 0,
  batches: 0,
  refused: {},
});

/** Writes until the ledger holds so many more writes. */
export async function writeAll(ledger: Ledger, options: WriterOptions): Promise<void> {
  const goal = ledger.writes + options.writes;
  const writer = async (index: number) => {
    const random = randomOf('faults', options.seed, index);
    for (let turn = 0; ledger.writes < goal; turn += 1) {
      await writeCustomer(ledger, options, random, `${options.seed}W${index}N${turn}`);
    }
  };
  await Promise.all(Array.from({ length: options.writers ?? 8 }, (_, index) => writer(index)));
}

/** A customer comes, moves, opens a deposit, and pays by card, as others do with it. */
async function writeCustomer(ledger: Ledger, options: WriterOptions, random: Random, name: string) {
  const { client, mayBreak } = options;
  const send = (write: Write) => untilAcknowledged(write, { client, mayBreak, refused: ledger.refused });
  const identifier = { scheme: 'core_banking', value: `F${name}` };
  const created = await send({
    path: '/v1/customers',
    key: `create-${name}`,
    status: 201,
    body: {
      kind: 'person',
      full_name: '王小明',
      status: 'active',
      branch: '0101',
      city: random.pick(cities),
      identifiers: [identifier],
      source: 'core',
    },
  });
  const customer: Customer = {
    id: created.id,
    value: identifier.value,
    city: created.city,
    version: created.version,
    activities: 0,
  };
  ledger.customers.push(customer);
  ledger.writes += 1;

  const others = cities.filter((city) => city !== customer.city);
  const moved = await send({
    path: '/v1/customers/upsert',
    key: `move-${name}`,
    status: 200,
    body: { kind: 'person', identifiers: [identifier], city: random.pick(others), source: 'core' },
  });
  const { id, city, version } = moved.customer;
  expect({ id, version }).toEqual({ id: customer.id, version: customer.version + 1 });
  Object.assign(customer, { city, version });
  ledger.changes += 1;
  ledger.writes += 1;

  await send({
    path: '/v1/holdings/upsert',
    key: `hold-${name}`,
    status: 201,
    body: aHolding(`H${name}`, identifier),
  });
  ledger.holdings += 1;
  ledger.writes += 1;

  const payers = Array.from({ length: random.integer(5, 30) }, () =>
    random.chance(0.6) ? customer : random.pick(ledger.customers),
  );
  const recorded = await send({
    path: '/v1/activities',
    key: `pay-${name}`,
    status: 200,
    body: {
      items: payers.map((payer, index) => ({
        source: 'cards',
        source_id: `P${name}-${index}`,
        customer: { scheme: 'core_banking', value: payer.value },
        type: 'card_payment',
        occurred_at: yesterday,
        amount: '10.00',
        currency: 'CNY',
        direction: 'out',
        initiated_by: 'customer',
      })),
    },
  });
  // its activities are known by their own ids: what came before its answer was lost is a duplicate, all of it
  const { accepted, duplicates, rejected } = recorded;
  expect({ rejected, counts: [accepted, duplicates].sort((a, b) => a - b) }).toEqual({
    rejected: [],
    counts: [0, payers.length],
  });
  for (const payer of payers) payer.activities += 1;
  ledger.activities += payers.length;
  ledger.batches += 1;
  ledger.writes += payers.length;
}

const yesterday = new Date(Date.now() - 24 * 3600 * 1000).toISOString();

export type Write = { path: string; key: string; status: number; body: unknown };

type Sending = Pick<WriterOptions, 'client'> & Pick<Ledger, 'refused'> & { mayBreak: boolean | undefined };

/** Sends it, always with the same key, until it is done; whatever else is answered must say "not now" cleanly. */
export async function untilAcknowledged(
  write: Write,
  { client, mayBreak, refused }: Sending,
  // biome-ignore lint/suspicious/noExplicitAny: whatever the service answered
): Promise<any> {
  const note = (what: string) => {
    refused[what] = (refused[what] ?? 0) + 1;
  };
  for (let attempt = 1; attempt <= patience; attempt += 1) {
    let reply: Response;
    try {
      reply = await client().request('POST', write.path, write.body, {
        headers: { 'idempotency-key': write.key },
      });
    } catch (error) {
      if (mayBreak !== true || !/fetch failed|terminated/.test(String(error))) throw error;
      note('broken');
      await sleep(50);
      continue;
    }
    if (reply.status === write.status) return reply.body;
    expectNotNow(reply, write.path);
    note(`${reply.status} ${reply.body.code}`);
    await sleep(50);
  }
  throw new Error(`${write.path} was never acknowledged`);
}

/** A problem that says when to come again: 503, or 409 while the first request with this key still runs. */
export function expectNotNow(reply: Response, what = ''): void {
  const said = `${what}: ${reply.status} ${JSON.stringify(reply.body)}`;
  expect(reply.headers.get('content-type'), said).toContain('application/problem+json');
  expect(['503 unavailable', '409 idempotency_in_progress'], said).toContain(
    `${reply.status} ${reply.body.code}`,
  );
  expect(Number(reply.headers.get('retry-after')), said).toBeGreaterThanOrEqual(1);
}
