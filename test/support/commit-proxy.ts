/**
 * Stands between the service and PostgreSQL, reads what the service says there, and loses one COMMIT: before the
 * server hears of it, or its answer afterwards.
 */
import { connect, createServer, type Socket } from 'node:net';

/** What becomes of the next COMMIT. */
export type Loss =
  /** it never arrives, and the connection breaks */
  | 'the request'
  /** it is done; the connection breaks before the answer */
  | 'the answer'
  /** it is done; the connection stays, and says nothing any more */
  | 'the answer, in silence';

export type CommitProxy = {
  port: number;
  /** Loses the first COMMIT after which `follows` has been said on the same connection since its BEGIN. */
  loseNext(loss: Loss, follows?: RegExp): void;
  disarm(): void;
  /** How many were lost. */
  lost(): number;
  close(): Promise<void>;
};

/** The messages of a client: the first one has no type (PostgreSQL's documentation, 54.2). */
function messageReader(onMessage: (type: string, body: Buffer, whole: Buffer) => void) {
  let kept: Buffer = Buffer.alloc(0);
  let isFirst = true;
  return (chunk: Buffer) => {
    kept = kept.length === 0 ? chunk : Buffer.concat([kept, chunk]);
    for (;;) {
      const head = isFirst ? 0 : 1;
      if (kept.length < head + 4) return;
      const end = head + kept.readUInt32BE(head);
      if (kept.length < end) return;
      const whole = kept.subarray(0, end);
      kept = kept.subarray(end);
      onMessage(isFirst ? '' : String.fromCharCode(whole[0] ?? 0), whole.subarray(head + 4), whole);
      isFirst = false;
    }
  };
}

export async function startCommitProxy(host: string, port: number): Promise<CommitProxy> {
  const sockets = new Set<Socket>();
  let armed: { loss: Loss; follows: RegExp } | undefined;
  let lost = 0;

  const accept = (client: Socket) => {
    const server = connect(port, host);
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    let said = '';
    let losing: Loss | undefined;
    client.on(
      'data',
      messageReader((type, body, whole) => {
        const text = 'QP'.includes(type) && type !== '' ? body.toString('utf8') : '';
        if (/^BEGIN/.test(text)) said = '';
        said += text;
        if (armed !== undefined && /^COMMIT/.test(text) && armed.follows.test(said)) {
          losing = armed.loss;
          armed = undefined;
          lost += 1;
          if (losing === 'the request') {
            client.destroy();
            return;
          }
        }
        server.write(whole);
      }),
    );
    server.on('data', (chunk) => {
      if (losing === undefined) client.write(chunk);
      // the answer is here, so it is done
      else if (losing === 'the answer') client.destroy();
    });
  };

  const listening = createServer(accept);
  await new Promise<void>((resolve, reject) => {
    listening.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (listening.address() as { port: number }).port,
    loseNext(loss, follows = /(?:)/) {
      armed = { loss, follows };
    },
    disarm() {
      armed = undefined;
    },
    lost: () => lost,
    async close() {
      const closed = new Promise((resolve) => listening.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
