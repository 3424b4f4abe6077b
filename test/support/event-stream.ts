/** A reader of server-sent events that does what the standard asks of clients, and counts what it was sent. */
import { request } from 'node:http';

export type StreamedEvent = { id: number; event: Record<string, unknown> };

export type EventStream = {
  status: number;
  headers: Record<string, unknown>;
  /** the last id, with or without data: where to go on */
  lastId(): number;
  readonly events: StreamedEvent[];
  readonly comments: string[];
  /** Resolves when `isEnough` says so after an event or a comment; rejects when the stream ends before. */
  until(isEnough: () => boolean): Promise<void>;
  /** resolves when the other side, or the connection, has ended */
  readonly ended: Promise<void>;
  /** breaks the connection off */
  leave(): void;
  /** takes nothing more from the connection, until it is told to */
  pause(): void;
  resume(): void;
};

type Options = { secret: string; query?: string; lastId?: number | string };

export function openStream(origin: string, options: Options): Promise<EventStream> {
  const { secret, query = '', lastId } = options;
  const events: StreamedEvent[] = [];
  const comments: string[] = [];
  let position = Number(lastId ?? 0);
  let over = false;
  const waiting = new Set<() => void>();
  const wake = () => {
    for (const one of [...waiting]) one();
  };

  const take = (block: string) => {
    const data: string[] = [];
    for (const line of block.split('\n')) {
      const [, field = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/.exec(line) ?? [];
      if (field === '') comments.push(value);
      else if (field === 'id') position = Number(value);
      else if (field === 'data') data.push(value);
    }
    if (data.length > 0) events.push({ id: position, event: JSON.parse(data.join('\n')) });
  };

  return new Promise((resolve, reject) => {
    const sent = request(`${origin}/v1/events/stream${query}`, {
      agent: false,
      headers: {
        authorization: `Bearer ${secret}`,
        ...(lastId === undefined ? {} : { 'last-event-id': String(lastId) }),
      },
    });
    sent.on('error', reject);
    sent.on('response', (reply) => {
      let rest = '';
      reply.setEncoding('utf8');
      reply.on('data', (text: string) => {
        const blocks = (rest + text).split('\n\n');
        rest = blocks.pop() ?? '';
        for (const block of blocks) take(block);
        wake();
      });
      reply.on('error', () => undefined);
      const ended = new Promise<void>((end) =>
        reply.on('close', () => {
          over = true;
          wake();
          end();
        }),
      );
      resolve({
        status: reply.statusCode ?? 0,
        headers: reply.headers,
        lastId: () => position,
        events,
        comments,
        until: (isEnough) =>
          new Promise((done, fail) => {
            const look = () => {
              if (!isEnough() && !over) return;
              waiting.delete(look);
              if (isEnough()) done();
              else fail(new Error('the stream ended before'));
            };
            waiting.add(look);
            look();
          }),
        ended,
        leave: () => sent.destroy(),
        pause: () => void reply.pause(),
        resume: () => void reply.resume(),
      });
    });
    sent.end();
  });
}
