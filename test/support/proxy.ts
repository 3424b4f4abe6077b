/** A TCP proxy that a test can cut, silence and restore, to take a server away from the service and give it back. */
import { connect, createServer, type Server, type Socket } from 'node:net';

export type CutProxy = {
  port: number;
  /** Ends every connection and refuses new ones. */
  cut(): Promise<void>;
  /** Keeps every connection, takes new ones, and passes nothing on: a link that swallows what is sent. */
  silence(): void;
  restore(): Promise<void>;
};

export async function startProxy(host: string, port: number): Promise<CutProxy> {
  const sockets = new Set<Socket>();
  const links = new Map<Socket, Socket>();
  let silent = false;
  const accept = (client: Socket) => {
    const upstream = connect(port, host);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      links.set(socket, other);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        links.delete(socket);
        other.destroy();
      });
      if (!silent) socket.pipe(other);
    }
  };
  const listen = (at: number) =>
    new Promise<Server>((resolve, reject) => {
      const opened = createServer(accept);
      opened.once('error', reject).listen(at, '127.0.0.1', () => resolve(opened));
    });
  let server: Server | undefined = await listen(0);
  const own = (server.address() as { port: number }).port;
  return {
    port: own,
    async cut() {
      const closing = server;
      server = undefined;
      const closed = new Promise((resolve) => (closing ? closing.close(resolve) : resolve(undefined)));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
    silence() {
      silent = true;
      for (const [socket, other] of links) socket.unpipe(other).pause();
    },
    async restore() {
      if (silent) for (const [socket, other] of links) socket.pipe(other);
      silent = false;
      server ??= await listen(own);
    },
  };
}
