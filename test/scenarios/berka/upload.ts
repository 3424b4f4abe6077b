/** An upload that stops halfway, because the service ends under it, and what goes on with it. */
import { request } from 'node:http';
import { expect } from 'vitest';
import type { Client } from '../../support/client.js';
import { type ImportReply, ndjsonType } from './imports.js';
import { allPages } from './read-back.js';

/** Sends half of the body, and kills the service when some of it has been received. Returns the import. */
export async function sendHalf(
  client: Client,
  body: Buffer,
  kill: () => Promise<void>,
): Promise<ImportReply> {
  const upload = request(`${client.origin}/v1/imports?kind=activities`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${client.secret}`,
      ...ndjsonType,
      'content-length': body.length,
    },
  });
  upload.on('error', () => undefined);
  upload.write(body.subarray(0, body.length / 2));
  for (;;) {
    const receiving = await allPages<ImportReply>(client, '/v1/imports?state=receiving');
    const [state] = receiving;
    if (state !== undefined && state.received_bytes > 0) {
      await kill();
      return state;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Sends the rest from where the service says that it ended. */
export async function sendRest(client: Client, id: string, body: Buffer, offset: number): Promise<void> {
  const reply = await fetch(`${client.origin}/v1/imports/${id}`, {
    method: 'PATCH',
    headers: {
      authorization: `Bearer ${client.secret}`,
      ...ndjsonType,
      'upload-offset': String(offset),
    },
    body: new Uint8Array(body.subarray(offset)),
  });
  expect(reply.status, await reply.text()).toBe(202);
}
