/** A service on a fresh database with some customers in it, loaded through the API, and the reference beside it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { runImport } from './imports.js';
import {
  apiKey,
  freePort,
  newDataDir,
  removeDataDir,
  type Service,
  startService,
  waitUntilReady,
} from './service.js';
import { activity, customer, holding } from './synthetic.js';

export type World = {
  service: Service;
  reference: { origin: string };
  customerIds: string[];
  customers: number;
  /** how long each load of each side takes */
  seconds: number;
  /** of the import */
  rows: number;
  close(): Promise<void>;
};

export type WorldOptions = { customers: number; seconds: number; rows: number };

export async function openWorld(options: WorldOptions): Promise<World> {
  const dataDir = await newDataDir();
  const service = await startService(dataDir);
  const closers = [() => removeDataDir(dataDir), () => service.stop()];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    await load(service, options.customers);
    const port = await freePort();
    const reference = await startReference(service.databaseUrl, port);
    closers.push(() => stop(reference));
    return {
      service,
      reference: { origin: `http://127.0.0.1:${port}` },
      customerIds: await customerIds(service),
      ...options,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Each customer has two holdings and 40 activities of the last two years. */
async function load(service: Service, customers: number): Promise<void> {
  await runImport(service, 'customers', lines(customers, customer));
  await runImport(
    service,
    'holdings',
    lines(2 * customers, (index) => holding(index, customers)),
  );
  await runImport(
    service,
    'activities',
    lines(40 * customers, (index) => activity('world', index, customers)),
  );
}

function* lines(count: number, make: (index: number) => object): Generator<string> {
  for (let index = 0; index < count; index += 1) yield `${JSON.stringify(make(index))}\n`;
}

async function startReference(databaseUrl: string, port: number): Promise<ChildProcess> {
  const script = 'dist-bench/bench/reference.js';
  const child = spawn(process.execPath, [script, databaseUrl, String(port)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await waitUntilReady(`http://127.0.0.1:${port}`, child);
  return child;
}

async function stop(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

type Page = { data: { id: string }[]; next_cursor: string | null };

async function customerIds(service: Service): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const reply = await fetch(`${service.origin}/v1/customers?limit=200${cursor && `&cursor=${cursor}`}`, {
      headers: { authorization: `Bearer ${apiKey}` },
    });
    const page = (await reply.json()) as Page;
    ids.push(...page.data.map((one) => one.id));
    cursor = page.next_cursor === null ? null : encodeURIComponent(page.next_cursor);
  }
  return ids;
}
