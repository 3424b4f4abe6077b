/** The service as it is run: the program itself, in processes of its own that a test can stop or kill. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { testKeys } from './app.js';
import { type Child, startChild } from './child.js';
import { Client } from './client.js';

export const serviceKey = 'ck_fault_fault_fault_fault_fault';

export type Part = 'start' | 'api' | 'worker';

export type Service = {
  /** where it answers now; a worker has none */
  origin: string;
  client: Client;
  /** SIGKILL: nothing is finished, nothing is said */
  kill(): Promise<void>;
  /** starts again, at another port, after a kill */
  restart(): Promise<void>;
  /** SIGTERM. Returns what it exits with. */
  stop(): Promise<number | null>;
};

export type Services = {
  start(part: Part, env?: Record<string, string>): Promise<Service>;
  /** where `start` without `DATABASE_URL` keeps its database */
  dataDir: string;
  /** Ends what still runs, whatever became of the test. Fails when a process had ended that nobody ended. */
  close(): Promise<void>;
};

/** All processes of one test file. `env` is for all of them. */
export async function openServices(env: Record<string, string>): Promise<Services> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'clientele-faults-'));
  const children = new Set<Child>();
  const asked = new Set<Child>();
  const unasked: string[] = [];
  const end = async (child: Child, signal: NodeJS.Signals) => {
    asked.add(child);
    child.process.kill(signal);
    return (await child.ended).code;
  };
  const launch = async (part: Part, own: Record<string, string>) => {
    const child = await startChild(`process.argv[2] = '${part}';\nawait import('./main.js');`, {
      env: {
        PATH: process.env.PATH,
        DATA_DIR: dataDir,
        PORT: '0',
        BOOTSTRAP_API_KEY: serviceKey,
        ENCRYPTION_KEYS: testKeys,
        LOG_LEVEL: 'fatal',
        DRAIN_DELAY_SECONDS: '0',
        // what loads the machine is the test itself
        OVERLOAD_EVENT_LOOP_DELAY_MILLISECONDS: '0',
        ...env,
        ...own,
      },
    });
    children.add(child);
    void child.ended.then(({ code, signal }) => {
      children.delete(child);
      if (!asked.has(child)) unasked.push(`a process ended by itself (${code ?? signal}): ${child.said()}`);
    });
    const line = await child.line(part === 'worker' ? 'Worker runs on' : 'Clientele answers at');
    return { child, origin: /answers at (\S+)/.exec(line)?.[1] ?? '' };
  };
  return {
    dataDir,
    async start(part, own = {}) {
      let { child, origin } = await launch(part, own);
      const service: Service = {
        origin,
        client: new Client(origin, serviceKey),
        kill: async () => void (await end(child, 'SIGKILL')),
        stop: () => end(child, 'SIGTERM'),
        async restart() {
          ({ child, origin } = await launch(part, own));
          service.origin = origin;
          service.client = new Client(origin, serviceKey);
        },
      };
      return service;
    },
    async close() {
      await Promise.all([...children].map((child) => end(child, 'SIGKILL')));
      await rm(dataDir, { recursive: true, force: true });
      if (unasked.length > 0) throw new Error(unasked.join('\n'));
    },
  };
}
