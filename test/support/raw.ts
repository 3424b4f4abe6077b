/** HTTP as it goes over the wire: for what no client library would send. */
import { connect, type Socket } from 'node:net';

export type RawReply = { status: number; headers: Record<string, string>; body: string };

const portOf = (origin: string) => Number(new URL(origin).port);

export function openSocket(origin: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(portOf(origin), '127.0.0.1', () => resolve(socket));
    socket.once('error', reject);
  });
}

/** All that comes until the other side closes. */
export function readToEnd(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  return new Promise((resolve) => {
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('utf8')));
  });
}

export function parseReply(text: string): RawReply {
  const [head = '', ...rest] = text.split('\r\n\r\n');
  const [first = '', ...lines] = head.split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  return { status: Number(first.split(' ')[1]), headers, body: rest.join('\r\n\r\n') };
}

/** Sends bytes as they are, on a connection of their own, and reads the one reply. They must ask to close. */
export async function sendRaw(origin: string, bytes: string | Buffer): Promise<RawReply> {
  const socket = await openSocket(origin);
  const reply = readToEnd(socket);
  socket.write(bytes);
  return parseReply(await reply);
}
