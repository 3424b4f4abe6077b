/** Uploads lines as one import, and waits until it is completed with every line accepted. */
import { Readable } from 'node:stream';
import { apiKey, type Service } from './service.js';

type Import = {
  id: string;
  state: string;
  received_lines: number;
  accepted: number;
  duplicates: number;
  rejected: number;
};

const headers = { authorization: `Bearer ${apiKey}` };

export async function runImport(
  service: Service,
  kind: 'customers' | 'holdings' | 'activities',
  lines: Iterable<string>,
): Promise<void> {
  const reply = await fetch(`${service.origin}/v1/imports?kind=${kind}`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/x-ndjson' },
    body: Readable.toWeb(Readable.from(blocks(lines))) as ReadableStream,
    duplex: 'half',
  });
  let state = await read(reply);
  while (['receiving', 'queued', 'running'].includes(state.state)) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    state = await read(await fetch(`${service.origin}/v1/imports/${state.id}`, { headers }));
  }
  if (state.state !== 'completed' || state.accepted !== state.received_lines)
    throw new Error(`the import of ${kind} ended as ${JSON.stringify(state)}`);
}

async function read(reply: Response): Promise<Import> {
  const text = await reply.text();
  if (!reply.ok) throw new Error(`${reply.status}: ${text.slice(0, 500)}`);
  return JSON.parse(text) as Import;
}

/** A line each would be a system call each. */
function* blocks(lines: Iterable<string>): Generator<Buffer> {
  let block: string[] = [];
  for (const line of lines) {
    if (block.push(line) < 1000) continue;
    yield Buffer.from(block.join(''));
    block = [];
  }
  if (block.length > 0) yield Buffer.from(block.join(''));
}
