/** A collector of OpenTelemetry as tests need it: takes OTLP over HTTP as JSON, and shows what came. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

type Value = { stringValue?: string; intValue?: number | string; doubleValue?: number };
type Attribute = { key: string; value: Value };
type SentSpan = {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: Attribute[];
  links: { traceId: string; spanId: string }[];
  events: unknown[];
  status: { code: number; message?: string };
};

export type SeenSpan = Omit<SentSpan, 'attributes'> & { attributes: Record<string, string | number> };

export type Collector = {
  endpoint: string;
  spans(): SeenSpan[];
  /** waits until so many spans fit */
  wait(fits: (span: SeenSpan) => boolean, count?: number): Promise<SeenSpan[]>;
  /** everything that was sent, as it came */
  text(): string;
  /** what its resource says */
  resource(): Record<string, string | number>;
  stop(): Promise<void>;
};

const record = (attributes: readonly Attribute[]) =>
  Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ?? Number(value.intValue ?? value.doubleValue),
    ]),
  );

export async function startCollector(): Promise<Collector> {
  const bodies: string[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const isTraces = request.method === 'POST' && request.url === '/v1/traces';
    if (isTraces) bodies.push(Buffer.concat(chunks).toString());
    response.writeHead(isTraces ? 200 : 404, { 'Content-Type': 'application/json' }).end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const resources = () => bodies.flatMap((body) => JSON.parse(body).resourceSpans);
  const spans = (): SeenSpan[] =>
    resources()
      .flatMap((one: { scopeSpans: { spans: SentSpan[] }[] }) => one.scopeSpans)
      .flatMap((scope) => scope.spans)
      .map((span) => ({ ...span, attributes: record(span.attributes) }));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    async wait(fits, count = 1) {
      for (;;) {
        const found = spans().filter(fits);
        if (found.length >= count) return found;
        await sleep(50);
      }
    },
    text: () => bodies.join('\n'),
    resource: () => record(resources()[0]?.resource.attributes ?? []),
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
