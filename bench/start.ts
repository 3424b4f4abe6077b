/** From `npm start` on an empty directory to `/readyz`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Row } from './report.js';
import { apiKey, freePort, newDataDir, removeDataDir, waitUntilReady } from './service.js';

async function startOnce(): Promise<number> {
  const dataDir = await newDataDir();
  const port = await freePort();
  const begun = performance.now();
  const child = spawn('npm', ['start'], {
    env: {
      ...process.env,
      DATABASE_URL: '',
      REDIS_URL: '',
      DATA_DIR: dataDir,
      PORT: String(port),
      BOOTSTRAP_API_KEY: apiKey,
    },
    stdio: 'ignore',
    detached: true,
  });
  await waitUntilReady(`http://127.0.0.1:${port}`, child);
  const seconds = (performance.now() - begun) / 1000;
  // npm passes no signal on when it has no terminal: the whole group is told
  if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM');
  await once(child, 'exit');
  await waitUntilGone(`http://127.0.0.1:${port}`);
  await removeDataDir(dataDir);
  return seconds;
}

async function waitUntilGone(origin: string): Promise<void> {
  while (
    await fetch(`${origin}/livez`).then(
      () => true,
      () => false,
    )
  ) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await new Promise((resolve) => setTimeout(resolve, 1000));
}

export async function benchStart(): Promise<Row> {
  const times: number[] = [];
  for (let round = 0; round < 5; round += 1) times.push(await startOnce());
  times.sort((left, right) => left - right);
  const median = times[2] ?? Number.NaN;
  return {
    bench: 'start',
    ours: `${median.toFixed(2)} s`,
    reference: '',
    ratio: undefined,
    toReach: 'under 3 s',
    p50: median * 1000,
    p99: (times.at(-1) ?? Number.NaN) * 1000,
    rows: 'empty directory',
  };
}
