/** How much one caller may send, and how much an address without a valid key: real requests, the real clock. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import { Client } from '../support/client.js';
import { aCustomer } from '../support/factories.js';
import { type CutProxy, startProxy } from '../support/proxy.js';
import { hasRedisServer, type RedisServer, startRedis } from '../support/redis-server.js';

const policyOf = (headers: Headers) => headers.get('ratelimit-policy');

/** `"default";r=4;t=60` as its parts. */
function left(headers: Headers) {
  const match = /^"([a-z-]+)";r=(\d+);t=(\d+)$/.exec(headers.get('ratelimit') ?? '');
  return { policy: match?.[1], remaining: Number(match?.[2]), seconds: Number(match?.[3]) };
}

async function statuses(client: Client, times: number, path = '/v1/customers?limit=1'): Promise<number[]> {
  const replies: number[] = [];
  for (let turn = 0; turn < times; turn += 1) replies.push((await client.request('GET', path)).status);
  return replies;
}

const wrongKey = () => `ck_${randomBytes(24).toString('base64url')}`;

describe('a limit of five in a window of an hour', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({
      env: {
        RATE_LIMIT_REQUESTS: '5',
        RATE_LIMIT_WINDOW_SECONDS: '3600',
        FAILED_AUTHENTICATION_LIMIT: '3',
        TRUSTED_PROXIES: '127.0.0.1',
      },
    });
  });
  afterAll(() => t.stop());

  test('is told with every answer, and then held', async () => {
    const client = await t.clientWith(['customers:read']);
    for (const remaining of [4, 3, 2, 1, 0]) {
      const reply = await client.request('GET', '/v1/customers?limit=1');
      expect(reply.status).toBe(200);
      expect(policyOf(reply.headers)).toBe('"default";q=5;w=3600');
      expect(left(reply.headers)).toMatchObject({ policy: 'default', remaining });
      expect(left(reply.headers).seconds).toBeLessThanOrEqual(3600);
    }
    const refused = await client.request('GET', '/v1/customers?limit=1');
    expect(refused.status).toBe(429);
    expect(refused.headers.get('content-type')).toContain('application/problem+json');
    expect(refused.headers.get('cache-control')).toBe('no-store');
    expect(refused.body).toMatchObject({ code: 'rate_limited', status: 429 });
    expect(left(refused.headers).remaining).toBe(0);
    expect(Number(refused.headers.get('retry-after'))).toBe(left(refused.headers).seconds);
    for (const old of ['x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset', 'ratelimit-limit'])
      expect(refused.headers.get(old)).toBeNull();
  });

  test('what is refused has no effect', async () => {
    const client = await t.clientWith(['customers:read', 'customers:write']);
    await statuses(client, 5);
    await client.problem('POST', '/v1/customers', 'rate_limited', aCustomer({ branch: '4291' }));
    const { rows } = await t.database.pool.query(`select 1 from customers where branch = '4291'`);
    expect(rows).toEqual([]);
  });

  test('is of each key alone', async () => {
    const [one, other] = [await t.clientWith(['customers:read']), await t.clientWith(['customers:read'])];
    expect(await statuses(one, 6)).toEqual([200, 200, 200, 200, 200, 429]);
    expect(await statuses(other, 1)).toEqual([200]);
  });

  test('refusals and errors count as well, and say what is left', async () => {
    const client = await t.clientWith(['customers:read']);
    const forbidden = await client.request('GET', '/v1/api-keys');
    expect(forbidden.status).toBe(403);
    expect(left(forbidden.headers).remaining).toBe(4);
    const malformed = await client.request('GET', '/v1/customers?limit=0');
    expect(malformed.status).toBe(400);
    expect(left(malformed.headers).remaining).toBe(3);
    const unknown = await client.request('GET', '/v1/customers/01a20f85-d334-7342-8ae8-7073e642d9b7');
    expect(left(unknown.headers).remaining).toBe(2);
    expect(await statuses(client, 3)).toEqual([200, 200, 429]);
  });

  test('health is asked as often as anybody likes', async () => {
    const anybody = new Client(t.origin, undefined);
    for (const path of ['/livez', '/readyz']) {
      const reply = await anybody.request('GET', path);
      expect(policyOf(reply.headers)).toBeNull();
      expect(await statuses(anybody, 10, path)).toEqual(Array(10).fill(200));
    }
  });

  test('a key can have a limit of its own', async () => {
    const spare = await t.clientWith(['admin']);
    const made = await spare.post(
      '/v1/api-keys',
      { name: 'core', scopes: ['customers:read'], rate_limit: 7 },
      201,
    );
    expect(made.rate_limit).toBe(7);
    const client = new Client(t.origin, made.secret);
    const reply = await client.request('GET', '/v1/customers?limit=1');
    expect(policyOf(reply.headers)).toBe('"key";q=7;w=3600');
    expect(left(reply.headers)).toMatchObject({ policy: 'key', remaining: 6 });
    expect(await statuses(client, 7)).toEqual([200, 200, 200, 200, 200, 200, 429]);
    await spare.problem('POST', '/v1/api-keys', 'malformed_request', {
      name: 'none',
      scopes: ['customers:read'],
      rate_limit: 0,
    });
  });

  describe('who has no valid key', () => {
    const from = (address: string) => ({ headers: { 'x-forwarded-for': address } });

    test('is held off by address, whatever key is guessed', async () => {
      const seen: number[] = [];
      for (let turn = 0; turn < 5; turn += 1) {
        const guess = new Client(t.origin, turn % 2 === 0 ? wrongKey() : undefined);
        const reply = await guess.request('GET', '/v1/customers', undefined, from('203.0.113.9'));
        seen.push(reply.status);
        expect(policyOf(reply.headers)).toBe('"failed-authentication";q=3;w=3600');
        if (reply.status === 429) {
          expect(reply.body.code).toBe('rate_limited');
          expect(reply.headers.get('www-authenticate')).toBeNull();
          expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0);
        }
      }
      expect(seen).toEqual([401, 401, 401, 429, 429]);
      // the address of the neighbour, and a valid key of this one, are not held off
      const other = await new Client(t.origin, wrongKey()).request(
        'GET',
        '/v1/customers',
        undefined,
        from('203.0.113.10'),
      );
      expect(other.status).toBe(401);
      const valid = await t.clientWith(['customers:read']);
      await valid.send('GET', '/v1/customers', 200, undefined, from('203.0.113.9'));
    });

    test('has one address in all of a network of IPv6', async () => {
      const seen: number[] = [];
      for (let turn = 0; turn < 4; turn += 1) {
        const guess = new Client(t.origin, wrongKey());
        const address = from(`2001:db8:0:7::${turn + 1}`);
        seen.push((await guess.request('GET', '/v1/customers', undefined, address)).status);
      }
      expect(seen).toEqual([401, 401, 401, 429]);
    });
  });
});

describe('a window ends', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({ env: { RATE_LIMIT_REQUESTS: '2', RATE_LIMIT_WINDOW_SECONDS: '1' } });
  });
  afterAll(() => t.stop());

  test('by the real clock, wherever the clock of the sandbox stands', async () => {
    const client = await t.clientWith(['customers:read']);
    await t.travelTo('2026-03-02T00:00:00Z');
    const atOnce = await Promise.all(Array.from({ length: 8 }, () => statuses(client, 1)));
    expect(atOnce.flat()).toContain(429);
    await sleep(1100);
    expect(await statuses(client, 1)).toEqual([200]);
  });
});

describe('without a limit', () => {
  test('nothing is counted, and nothing told', async () => {
    const t = await startTestApp({ env: { RATE_LIMIT_REQUESTS: '0', FAILED_AUTHENTICATION_LIMIT: '0' } });
    try {
      const reply = await t.client.request('GET', '/v1/customers');
      expect(reply.status).toBe(200);
      expect(reply.headers.get('ratelimit')).toBeNull();
      expect(policyOf(reply.headers)).toBeNull();
      const nobody = await new Client(t.origin, wrongKey()).request('GET', '/v1/customers');
      expect(nobody.status).toBe(401);
      expect(policyOf(nobody.headers)).toBeNull();
    } finally {
      await t.stop();
    }
  });
});

test('addresses are not believed from anybody', async () => {
  const guesser = await startTestApp({ env: { FAILED_AUTHENTICATION_LIMIT: '2' } });
  try {
    const seen: number[] = [];
    for (const address of ['198.51.100.1', '198.51.100.2', '198.51.100.3']) {
      const headers = { 'x-forwarded-for': address };
      const guess = new Client(guesser.origin, wrongKey());
      seen.push((await guess.request('GET', '/v1/customers', undefined, { headers })).status);
    }
    expect(seen).toEqual([401, 401, 429]);
  } finally {
    await guesser.stop();
  }
});

describe.skipIf(!hasRedisServer && process.env.REDIS_URL === undefined)(
  'several processes with one Redis',
  () => {
    let redis: RedisServer | undefined;
    let proxy: CutProxy;
    let direct: string;
    const apps: TestApp[] = [];

    beforeAll(async () => {
      redis = hasRedisServer ? await startRedis() : undefined;
      direct = redis?.url ?? process.env.REDIS_URL ?? '';
      const { hostname, port: known } = new URL(direct);
      proxy = await startProxy(hostname, Number(known || 6379));
      const env = {
        REDIS_URL: `redis://127.0.0.1:${proxy.port}`,
        RATE_LIMIT_REQUESTS: '4',
        RATE_LIMIT_WINDOW_SECONDS: '3600',
      };
      for (let index = 0; index < 2; index += 1) apps.push(await startTestApp({ env }));
      await untilShared();
    });
    afterAll(async () => {
      for (const app of apps) await app.stop();
      await proxy.cut();
      await redis?.end('SIGKILL');
    });

    /** The same key in both databases: a principal is known by the id of its key. */
    async function clientOfBoth(): Promise<[Client, Client]> {
      const [first, second] = apps as [TestApp, TestApp];
      const client = await first.clientWith(['customers:read']);
      const { rows } = await first.database.pool.query(
        'select * from api_keys order by created_at desc, id desc limit 1',
      );
      const columns = Object.keys(rows[0]);
      await second.database.pool.query(
        `insert into api_keys (${columns.join(', ')}) values (${columns.map((_, index) => `$${index + 1}`).join(', ')})`,
        Object.values(rows[0]),
      );
      return [client, new Client(second.origin, client.secret)];
    }

    /** Waits until both processes are connected. */
    async function untilShared(): Promise<void> {
      for (;;) {
        const [one, other] = await clientOfBoth();
        await statuses(one, 1);
        await statuses(other, 1);
        const reply = await one.request('GET', '/v1/customers?limit=1');
        if (left(reply.headers).remaining === 1) return;
        await sleep(200);
      }
    }

    test('count together', async () => {
      const [one, other] = await clientOfBoth();
      expect(await statuses(one, 2)).toEqual([200, 200]);
      const third = await other.request('GET', '/v1/customers?limit=1');
      expect(left(third.headers)).toMatchObject({ remaining: 1 });
      expect(await statuses(one, 2)).toEqual([200, 429]);
      expect(await statuses(other, 1)).toEqual([429]);
    });

    test('what they keep there is forgotten by itself', async () => {
      const [client] = await clientOfBoth();
      await statuses(client, 1);
      const connection = new Redis(direct);
      try {
        const keys = await connection.keys('clientele-rate:*');
        expect(keys.length).toBeGreaterThan(0);
        for (const key of keys) expect(await connection.pttl(key)).toBeGreaterThan(0);
      } finally {
        connection.disconnect();
      }
    });

    test('and each for itself while it is away', async () => {
      const [one, other] = await clientOfBoth();
      expect(await statuses(one, 3)).toEqual([200, 200, 200]);
      await proxy.cut();
      // nobody is stopped: the processes begin to count anew, each up to the limit
      expect(await statuses(one, 5)).toEqual([200, 200, 200, 200, 429]);
      expect(await statuses(other, 5)).toEqual([200, 200, 200, 200, 429]);
      await proxy.restore();
      await untilShared();
      // Redis had seen three of four
      expect(await statuses(one, 2)).toEqual([200, 429]);
    });

    test('a Redis that hears and never answers stops nobody', async () => {
      const [client] = await clientOfBoth();
      expect(await statuses(client, 1)).toEqual([200]);
      proxy.silence();
      try {
        expect(await statuses(client, 5)).toEqual([200, 200, 200, 200, 429]);
      } finally {
        await proxy.restore();
      }
    });
  },
);
