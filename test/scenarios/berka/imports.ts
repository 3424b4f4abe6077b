/** Imports through the API: the body in one go, its progress until it ended. */
import { expect } from 'vitest';
import type { Client } from '../../support/client.js';

export type ImportReply = {
  id: string;
  state: string;
  received_bytes: number;
  received_lines: number;
  accepted: number;
  duplicates: number;
  rejected: number;
};

export const ndjson = (rows: readonly object[]): Buffer =>
  Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));

export const ndjsonType = { 'content-type': 'application/x-ndjson' };

export async function startImport(client: Client, kind: string, body: Buffer): Promise<ImportReply> {
  const reply = await fetch(`${client.origin}/v1/imports?kind=${kind}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${client.secret}`, ...ndjsonType },
    body: new Uint8Array(body),
  });
  expect(reply.status).toBe(202);
  return (await reply.json()) as ImportReply;
}

export const isOver = ({ state }: ImportReply) => !['receiving', 'queued', 'running'].includes(state);

/** Looks until `test` is true of it. */
export async function importThat(
  client: Client,
  id: string,
  test: (state: ImportReply) => boolean,
): Promise<ImportReply> {
  for (;;) {
    const state = (await client.get(`/v1/imports/${id}`)) as ImportReply;
    if (test(state)) return state;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export async function importAll(client: Client, kind: string, rows: readonly object[]): Promise<ImportReply> {
  const { id } = await startImport(client, kind, ndjson(rows));
  const state = await importThat(client, id, isOver);
  expect(state, kind).toMatchObject({ state: 'completed', received_lines: rows.length });
  return state;
}
