/** Sends prepared requests over some keep-alive connections, each once, and tells how long each took. */
import http from 'node:http';

export type Sent = { seconds: number; milliseconds: number[]; replies: unknown[] };

export type Prepared = {
  path: string;
  headers: Record<string, string>;
  /** without one it is read */
  body?: Buffer;
  /** a 409 is an answer as good as another */
  mayRefuse?: boolean;
};

export async function drive(
  origin: string,
  requests: readonly Prepared[],
  connections: number,
): Promise<Sent> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  const milliseconds: number[] = [];
  const replies: unknown[] = [];
  let next = 0;
  const begun = performance.now();
  const sendInTurn = async () => {
    for (let request = requests[next++]; request !== undefined; request = requests[next++]) {
      const since = performance.now();
      replies.push(await ask(agent, origin, request));
      milliseconds.push(performance.now() - since);
    }
  };
  await Promise.all(Array.from({ length: connections }, sendInTurn));
  const seconds = (performance.now() - begun) / 1000;
  agent.destroy();
  return { seconds, milliseconds, replies };
}

function ask(
  agent: http.Agent,
  origin: string,
  { path, headers, body, mayRefuse = false }: Prepared,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const request = http.request(
      origin + path,
      {
        agent,
        ...(body === undefined
          ? { method: 'GET', headers }
          : {
              method: 'POST',
              headers: { ...headers, 'content-type': 'application/json', 'content-length': body.length },
            }),
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          const status = response.statusCode ?? 500;
          if (status < 300 || (mayRefuse && status === 409)) resolve(JSON.parse(text));
          else reject(new Error(`${status}: ${text.slice(0, 500)}`));
        });
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

/** The value below which this share of the numbers lies. */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = [...numbers].sort((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
