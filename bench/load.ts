/** Loads an address for some seconds and tells what came back. Both sides of a ratio are loaded in the same way. */
import autocannon from 'autocannon';

export type Load = { perSecond: number; p50: number; p99: number; errors: number };

export type Request = { method?: 'GET' | 'POST'; path: string; body?: string; contentType?: string };

/** `next` gives the requests in turn; the same for every connection. */
export async function load(
  origin: string,
  headers: Record<string, string>,
  requests: readonly Request[],
  options: { connections: number; seconds: number },
): Promise<Load> {
  const result = await autocannon({
    url: origin,
    connections: options.connections,
    duration: options.seconds,
    headers,
    requests: requests.map(({ method = 'GET', path, body, contentType }) => ({
      method,
      path,
      ...(body === undefined
        ? {}
        : { body, headers: { ...headers, 'content-type': contentType ?? 'application/json' } }),
    })),
  });
  return {
    perSecond: result.requests.average,
    p50: result.latency.p50,
    p99: result.latency.p99,
    errors: result.errors + result.timeouts + result.non2xx,
  };
}

/** The median of several loads of two sides in turn, so that a slow moment of the machine meets both. */
export async function compare(
  rounds: number,
  ours: () => Promise<Load>,
  reference: () => Promise<Load>,
): Promise<{ ours: Load; reference: Load }> {
  const mine: Load[] = [];
  const theirs: Load[] = [];
  for (let round = 0; round < rounds; round += 1) {
    theirs.push(await reference());
    mine.push(await ours());
  }
  return { ours: median(mine), reference: median(theirs) };
}

function median(loads: Load[]): Load {
  const sorted = [...loads].sort((left, right) => left.perSecond - right.perSecond);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (middle === undefined) throw new Error('nothing was measured');
  return { ...middle, errors: loads.reduce((sum, one) => sum + one.errors, 0) };
}
