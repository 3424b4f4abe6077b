/** The feed: pages, long polls and streams give the same events, each once, in one order, to those who may see them. */
import { once } from 'node:events';
import { request } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { relayEvents, startRelay } from '../../src/platform/relay.js';
import { startTestApp, type TestApp } from '../support/app.js';
import type { Client } from '../support/client.js';
import { type EventStream, openStream } from '../support/event-stream.js';
import { aCustomer } from '../support/factories.js';

const perKey = 40;
const perProcess = 50;

let t: TestApp;
let reader: Client;
beforeAll(async () => {
  t = await startTestApp({
    poolSize: 20,
    provokes: /"unavailable"/,
    env: {
      EVENT_STREAMS: String(perProcess),
      EVENT_STREAMS_PER_KEY: String(perKey),
      EVENT_STREAM_HEARTBEAT_SECONDS: '1',
    },
  });
  reader = await t.clientWith(['events:read']);
});
afterAll(() => t.stop());

const opened: EventStream[] = [];
const open = async (client: Client, options: { query?: string; lastId?: number | string } = {}) => {
  const stream = await openStream(t.origin, { secret: client.secret ?? '', ...options });
  opened.push(stream);
  return stream;
};
afterEach(async () => {
  t.health.draining = false;
  for (const stream of opened.splice(0)) {
    stream.leave();
    await stream.ended;
  }
});

const create = (client: Client, branch: string): Promise<{ id: string }> =>
  client.post('/v1/customers', aCustomer({ branch }), 201);

const headOf = async (): Promise<number> =>
  (await t.database.pool.query('select sequence::int as head from outbox_head')).rows[0].head;

async function sequencesWhere(condition: string, after = 0): Promise<number[]> {
  const { rows } = await t.database.pool.query(
    `select sequence::int as sequence from outbox where sequence > $1 and ${condition} order by sequence`,
    [after],
  );
  return rows.map((row) => row.sequence);
}

const relayAll = async () => {
  while ((await relayEvents(t.database)).length > 0);
};

/** Many events at once, as the relay would have left them. */
const insertEvents = (count: number) =>
  t.database.pool.query(
    `with head as (update outbox_head set sequence = sequence + $1 returning sequence - $1 as base)
     insert into outbox (id, type, subject, subject_version, occurred_at, data, sequence)
     select gen_random_uuid(), 'activities.recorded', gen_random_uuid(), 0, '2026-03-01T00:00:00Z',
       jsonb_build_object('count', n, 'customers', 1, 'sources', array[repeat('x', 400)]), head.base + n
     from head, generate_series(1, $1::int) n`,
    [count],
  );

type Told = { sequence: string; type: string; subject: string };
const numbers = (events: Told[]) => events.map((event) => Number(event.sequence));

describe('pages', () => {
  test('give what is asked for by type, prefix and subject, and go on after it', async () => {
    const stated = aCustomer({ branch: '0101', customer_since: '2026-02-01' });
    const first = await t.client.post('/v1/customers', stated, 201);
    await create(t.client, '0102');
    await t.client.patch(`/v1/customers/${first.id}`, { city: '上海' }, '*');
    await t.drain();
    const of = async (query: string) =>
      (await reader.get(`/v1/events?limit=1000&${query}`)) as { data: Told[] };
    const created = await of('type=clientele.customer.created');
    expect(numbers(created.data)).toEqual(await sequencesWhere(`type = 'customer.created'`));
    const both = await of('type=clientele.customer.updated,clientele.segment.');
    expect(numbers(both.data)).toEqual(
      await sequencesWhere(`(type = 'customer.updated' or type like 'segment.%')`),
    );
    expect(new Set(both.data.map((event) => event.type))).toEqual(
      new Set(['clientele.customer.updated', 'clientele.segment.entered']),
    );
    const about = await of(`subject=${first.id}&type=clientele.customer.`);
    expect(about.data.map((event) => event.type)).toEqual([
      'clientele.customer.created',
      'clientele.customer.updated',
    ]);
    const page = await reader.get('/v1/events?limit=1&type=clientele.customer.');
    const next = await reader.get(`/v1/events?limit=1&type=clientele.customer.&after=${page.next_after}`);
    expect(numbers([...page.data, ...next.data])).toEqual(
      (await sequencesWhere(`type like 'customer.%'`)).slice(0, 2),
    );
    for (const query of ['type=customer.created', 'type=clientele.', 'type=clientele.A', 'subject=a%20b'])
      await reader.problem('GET', `/v1/events?${query}`, 'malformed_request');
    for (const path of ['/v1/events', '/v1/events/stream']) {
      const refused = await reader.problem(
        'GET',
        `${path}?type=clientele.customer.created,clientele.custom.`,
        'malformed_request',
      );
      expect(refused.errors).toMatchObject([{ in: 'query', pointer: '/type', code: 'unknown' }]);
      expect(refused.errors[0].allowed).toContain('clientele.customer.created');
    }
  });

  test('find what is rare behind very many others', async () => {
    const before = await headOf();
    await insertEvents(45_000);
    const { id } = await create(t.client, '0101');
    await relayAll();
    const page = await reader.get(`/v1/events?after=${before}&type=clientele.customer.created`);
    expect(page.data.map((event: Told) => event.subject)).toEqual([id]);
    expect(page.next_after).toBe(await headOf());
    const stream = await open(reader, { query: `?after=${before}&type=clientele.customer.created` });
    await stream.until(() => stream.lastId() === page.next_after);
    expect(stream.events.map((one) => one.event.subject)).toEqual([id]);
  });

  test('wait for the first event that the caller may see', async () => {
    const scoped = await t.clientWith(['events:read'], { branches: ['0103'] });
    const after = await headOf();
    const waits = [
      reader.get(`/v1/events?after=${after}&wait=30`),
      scoped.get(`/v1/events?after=${after}&wait=30`),
    ];
    await create(t.client, '0104');
    await relayAll();
    expect((await waits[0]).data).toHaveLength(1);
    const { id } = await create(t.client, '0103');
    await relayAll();
    expect((await waits[1]).data.map((event: Told) => event.subject)).toEqual([id]);
  });
});

describe('a stream', () => {
  test('gives CloudEvents with their sequence as id, and says that it lives', async () => {
    const after = await headOf();
    const stream = await open(reader, { query: `?after=${after}` });
    expect(stream.status).toBe(200);
    expect(stream.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      connection: 'close',
    });
    const { id } = await create(t.client, '0101');
    await relayAll();
    await stream.until(() => stream.events.length > 0);
    const page = await reader.get(`/v1/events?after=${after}`);
    expect(stream.events).toEqual([{ id: after + 1, event: page.data[0] }]);
    expect(stream.events[0]?.event).toMatchObject({ subject: id, sequence: String(after + 1) });
    await stream.until(() => stream.comments.length > 0);
    expect(stream.comments[0]).toBe('still here');
  });

  test('moves the place to go on from, over events that are not wanted', async () => {
    const after = await headOf();
    const stream = await open(reader, { query: `?after=${after}&subject=nobody` });
    await create(t.client, '0101');
    await relayAll();
    await stream.until(() => stream.lastId() > after);
    expect(stream.lastId()).toBe(await headOf());
    expect(stream.events).toEqual([]);
  });

  test('takes Last-Event-ID before `after`, and refuses what is no id', async () => {
    const head = await headOf();
    const stream = await open(reader, { query: '?after=0', lastId: head - 2 });
    await stream.until(() => stream.events.length === 2);
    expect(stream.events.map((one) => one.id)).toEqual([head - 1, head]);
    for (const lastId of ['x', '-1', '1.5', '99999999999999999999', '9999999999999999']) {
      const refused = await reader.problem('GET', '/v1/events/stream', 'malformed_request', undefined, {
        headers: { 'last-event-id': lastId },
      });
      expect(refused.errors).toMatchObject([{ in: 'header', pointer: '/last-event-id' }]);
    }
    const headOnly = await reader.request('HEAD', '/v1/events/stream');
    expect([headOnly.status, headOnly.body]).toEqual([200, '']);
  });

  test('ends in order when the process drains, and the client goes on where it was', async () => {
    const after = await headOf();
    const stream = await open(reader, { query: `?after=${after}` });
    await create(t.client, '0101');
    await relayAll();
    await stream.until(() => stream.events.length === 1);
    t.health.draining = true;
    await stream.ended;
    expect(stream.comments.at(-1)).toContain('ends here');
    const refused = await open(reader, { lastId: stream.lastId() });
    await refused.ended;
    expect([refused.status, refused.events]).toEqual([200, []]);
    t.health.draining = false;
    await create(t.client, '0101');
    await relayAll();
    const again = await open(reader, { lastId: stream.lastId() });
    await again.until(() => again.events.length === 1);
    expect(again.events[0]?.id).toBe(after + 2);
  });

  test('ends when its key is revoked, or expires', async () => {
    const revoked = await t.clientWith(['events:read']);
    const expiring = await t.clientWith(['events:read']);
    const streams = [await open(revoked), await open(expiring)];
    for (const stream of streams) await stream.until(() => stream.events.length > 0);
    const keys = (await t.client.get('/v1/api-keys?limit=200')).data as { id: string }[];
    const [first, second] = keys.slice(-2);
    await t.client.delete(`/v1/api-keys/${first?.id}`);
    await t.database.pool.query(`update api_keys set expires_at = '2020-01-01T00:00:00Z' where id = $1`, [
      second?.id,
    ]);
    for (const stream of streams) {
      await stream.ended;
      expect(stream.comments.at(-1)).toContain('ends here');
    }
    for (const client of [revoked, expiring])
      await client.problem('GET', '/v1/events/stream', 'unauthenticated');
  });

  test('of a reader that takes nothing is cut off, and loses nothing by it', async () => {
    const after = await headOf();
    const connected = once(t.app.server, 'connection') as Promise<[Socket]>;
    const stream = await open(reader, { query: `?after=${after}` });
    const [socket] = await connected;
    const cut = once(socket, 'close');
    stream.pause();
    await insertEvents(60_000);
    await cut;
    stream.resume();
    await stream.ended;
    const head = await headOf();
    expect(stream.lastId()).toBeLessThan(head);
    const seen = stream.events.map((one) => one.id);
    const again = await open(reader, { lastId: stream.lastId() });
    await again.until(() => again.lastId() === head);
    expect([...seen, ...again.events.map((one) => one.id)]).toEqual(await sequencesWhere('true', after));
  });
});

describe('many streams', () => {
  test('are bounded by key and by process, and a place is free again when one has gone', async () => {
    const streams = await Promise.all(Array.from({ length: perKey }, () => open(reader)));
    const many = await reader.problem('GET', '/v1/events/stream', 'too_many_streams');
    expect(many.status).toBe(429);
    const other = await t.clientWith(['events:read']);
    await Promise.all(Array.from({ length: perProcess - perKey }, () => open(other)));
    const full = await other.request('GET', '/v1/events/stream');
    expect([full.status, full.body.code, full.headers.get('retry-after')]).toEqual([503, 'unavailable', '5']);
    streams[0]?.leave();
    await streams[0]?.ended;
    let status = 0;
    while (status !== 200) {
      status = (await reader.request('GET', '/v1/events/stream')).status;
      expect([200, 429]).toContain(status);
    }
  });

  test('look at the database together: forty of them ask little more than one', async () => {
    let asked = 0;
    const count = () => {
      asked += 1;
    };
    const whileOpen = async (streams: EventStream[]) => {
      const [last] = streams.slice(-1) as [EventStream];
      const seen = last.comments.length;
      await last.until(() => last.comments.length > seen);
      const begun = last.comments.length;
      asked = 0;
      t.database.pool.on('acquire', count);
      await last.until(() => last.comments.length > begun + 1);
      t.database.pool.off('acquire', count);
      return asked;
    };
    const query = `?after=${await headOf()}`;
    const one = await whileOpen([await open(reader, { query })]);
    const all = await whileOpen(
      await Promise.all(Array.from({ length: perKey - 1 }, () => open(reader, { query }))),
    );
    expect(one).toBeGreaterThan(0);
    expect(all).toBeLessThan(one * 4);
  });
});

describe('no event is lost and none comes twice', () => {
  const readers = [
    { name: 'the bank', dataScope: null, query: '', condition: 'true' },
    { name: 'a branch', dataScope: { branches: ['0201'] }, query: '', condition: `scope_branch = '0201'` },
    {
      name: 'a type',
      dataScope: null,
      query: '?type=clientele.customer.updated',
      condition: `type = 'customer.updated'`,
    },
    {
      name: 'a prefix in a branch',
      dataScope: { branches: ['0202'] },
      query: '?type=clientele.customer.',
      condition: `type like 'customer.%' and scope_branch = '0202'`,
    },
  ];

  /** Follows from `after`, breaking off after each number of events, and after the last when `isOver` says so. */
  async function follow(
    client: Client,
    query: string,
    after: number,
    breaks: number[],
    end: Promise<number>,
  ) {
    const seen: number[] = [];
    let place = after;
    for (const count of breaks) {
      const stream = await open(client, { query, lastId: place });
      const over = end.then((head) => stream.until(() => stream.lastId() >= head));
      await Promise.race([stream.until(() => stream.events.length >= count), over]).catch(() => undefined);
      stream.leave();
      await stream.ended;
      seen.push(...stream.events.map((one) => one.id));
      place = stream.lastId();
    }
    const last = await open(client, { query, lastId: place });
    const head = await end;
    await last.until(() => last.lastId() >= head);
    last.leave();
    await last.ended;
    return [...seen, ...last.events.map((one) => one.id)];
  }

  async function write(turns: number) {
    for (let turn = 0; turn < turns; turn += 1) {
      const { id } = await create(t.client, turn % 2 === 0 ? '0201' : '0202');
      if (turn % 3 === 0) await t.client.patch(`/v1/customers/${id}`, { city: '上海' }, '*');
    }
  }

  test('while writers commit and streams break off anywhere', async () => {
    const clients = await Promise.all(readers.map((one) => t.clientWith(['events:read'], one.dataScope)));
    const relay = startRelay(
      t.database,
      () => undefined,
      () => undefined,
    );
    const breaks = fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 5, max: 20 }), { minLength: 2, maxLength: 4 }),
        fc.tuple(breaks, breaks, breaks, breaks),
        async (writers, allBreaks) => {
          const after = await headOf();
          const written = Promise.all(writers.map(write)).then(async () => {
            const waiting = 'select count(*)::int as count from outbox where sequence is null';
            while ((await t.database.pool.query(waiting)).rows[0].count > 0) await sleep(10);
            return headOf();
          });
          const seen = await Promise.all(
            readers.map((one, index) =>
              follow(clients[index] as Client, one.query, after, allBreaks[index] ?? [], written),
            ),
          );
          for (const [index, one] of readers.entries())
            expect(seen[index], one.name).toEqual(await sequencesWhere(one.condition, after));
        },
      ),
      { numRuns: 8, endOnFailure: true },
    );
    await relay.stop();
  });
});

test('a stream keeps no process from closing', async () => {
  const own = await startTestApp();
  const sent = request(`${own.origin}/v1/events/stream`, {
    headers: { authorization: `Bearer ${own.client.secret}` },
  });
  sent.on('error', () => undefined);
  sent.end();
  const [reply] = await once(sent, 'response');
  reply.on('error', () => undefined);
  reply.resume();
  const ended = once(reply, 'end');
  own.health.draining = true;
  await own.app.close();
  await ended;
  own.health.draining = false;
  await own.stop();
});
