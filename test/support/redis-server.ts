/** A Redis of one's own, where the machine has its program: it can be stopped, killed and filled. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { Redis } from 'ioredis';

export const hasRedisServer = spawnSync('redis-server', ['--version']).error === undefined;

export type RedisServer = {
  url: string;
  start(): Promise<void>;
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  command(name: string, ...values: string[]): Promise<unknown>;
};

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** It keeps nothing on disk: started again, it is empty. */
export async function startRedis(): Promise<RedisServer> {
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  let server: ChildProcess | undefined;
  const withClient = async <T>(work: (client: Redis) => Promise<T>): Promise<T> => {
    const client = new Redis(url, { retryStrategy: () => 50, maxRetriesPerRequest: null });
    client.on('error', () => undefined);
    return work(client).finally(() => client.disconnect());
  };
  const redis: RedisServer = {
    url,
    async start() {
      const flags = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--dir', '/tmp'];
      server = spawn('redis-server', [...flags, '--maxmemory-policy', 'noeviction'], { stdio: 'ignore' });
      await withClient((client) => client.ping());
    },
    async end(signal) {
      if (server === undefined) return;
      const ended = new Promise((resolve) => server?.once('exit', resolve));
      server.kill(signal);
      await ended;
      server = undefined;
    },
    command: (name, ...values) => withClient((client) => client.call(name, ...values)),
  };
  await redis.start();
  return redis;
}
