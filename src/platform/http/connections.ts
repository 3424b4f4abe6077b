/**
 * How many connections there may be, and how long one may hold a reply that its client does not read: what waits in
 * memory for a client that has gone to sleep is let go.
 */
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Config } from '../../config.js';
import type { Logger } from '../log.js';

/** Whoever reads more slowly than this is as good as asleep. */
const bytesPerSecond = 1000;

/** Since when a connection has had something to send without a pause, and how much had been delivered by then. */
type Backlog = { since: number; delivered: number };

export function boundConnections(app: FastifyInstance, config: Config, log: Logger): void {
  const { server } = app;
  server.maxConnections = config.connectionsMax;
  server.on('drop', () => log.debug('a connection too many was closed'));

  const seconds = config.replyTimeoutSeconds;
  const backlogs = new Map<Socket, Backlog | undefined>();
  server.on('connection', (socket) => {
    backlogs.set(socket, undefined);
    socket.once('close', () => backlogs.delete(socket));
  });
  const look = () => {
    for (const [socket, backlog] of backlogs) {
      if (backlog !== undefined && isStuck(backlog, socket, seconds)) {
        log.debug('a client that does not read its reply was cut off');
        socket.destroy();
      } else backlogs.set(socket, backlogOf(socket, backlog, seconds));
    }
  };
  const timer = setInterval(look, Math.min(1000, seconds * 250)).unref();
  app.addHook('onClose', async () => clearInterval(timer));
}

const deliveredBy = (socket: Socket) => socket.bytesWritten - socket.writableLength;
const secondsSince = ({ since }: Backlog) => (performance.now() - since) / 1000;

/** The present backlog; looked at anew after each time-out, so that a good hour does not excuse a bad minute. */
function backlogOf(socket: Socket, before: Backlog | undefined, seconds: number): Backlog | undefined {
  if (socket.writableLength === 0) return undefined;
  if (before !== undefined && secondsSince(before) < seconds) return before;
  return { since: performance.now(), delivered: deliveredBy(socket) };
}

function isStuck(backlog: Backlog, socket: Socket, seconds: number): boolean {
  const elapsed = secondsSince(backlog);
  const delivered = deliveredBy(socket) - backlog.delivered;
  return socket.writableLength > 0 && elapsed >= seconds && delivered < elapsed * bytesPerSecond;
}
