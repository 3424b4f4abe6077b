/** A snapshot that names nothing of what its source has: it waits to be confirmed. */
import type { TestApp } from './app.js';
import { aCustomer, aHolding } from './factories.js';

let counter = 0;

export async function aWaitingImport({ client, drain, now }: TestApp): Promise<string> {
  counter += 1;
  const key = `waiting_${process.pid}_${counter}`;
  const feed = {
    description: 'F',
    kind: 'holdings',
    mode: 'snapshot',
    delimiter: 'comma',
    max_close_percent: 0,
  };
  await client.put(`/v1/feeds/${key}`, { ...feed, source: key, control_field: null, categories: null }, 201);
  const { id } = await client.post('/v1/customers', aCustomer(), 201);
  await client.post('/v1/holdings/upsert', { ...aHolding(key, { id }), source: key }, 201);
  const date = (await now()).slice(0, 10);
  const query = `kind=holdings&feed=${key}&business_date=${date}`;
  const headers = { 'content-type': 'application/x-ndjson' };
  const made = await client.post(`/v1/imports?${query}`, '', 202, { headers });
  await drain();
  return made.id;
}
