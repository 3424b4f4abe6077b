/**
 * The metrics of a process, and that it lives, on a port of their own: for a worker, which has no API, and for what
 * reads them without a key. It is answered though the database is away.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Metrics } from './metrics.js';

export type MetricsPage = { port: number; close(): Promise<void> };

export async function serveMetrics(
  metrics: Metrics,
  at: { host: string; port: number },
): Promise<MetricsPage> {
  const server = createServer({ headersTimeout: 5000, requestTimeout: 10_000 }, (request, response) => {
    const path = request.url?.split('?')[0];
    const answer = (status: number, type: string, body: string) => {
      response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store', Connection: 'close' });
      response.end(request.method === 'HEAD' ? undefined : body);
    };
    if (request.method !== 'GET' && request.method !== 'HEAD') answer(405, 'text/plain', '');
    else if (path === '/livez') answer(200, 'application/json', '{"status":"alive"}');
    else if (path !== '/metrics') answer(404, 'text/plain', '');
    else
      metrics.text().then(
        (text) => answer(200, metrics.contentType, text),
        () => answer(500, 'text/plain', ''),
      );
  });
  server.maxConnections = 100;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(at.port, at.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
