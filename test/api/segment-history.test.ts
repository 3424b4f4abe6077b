/** What a segment says of its members through time: statistics, changes, exports. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import type { SQL } from 'drizzle-orm';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exportMembers } from '../../src/segments/export.js';
import { datesOf, segmentStatistics } from '../../src/segments/statistics.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { aCustomer } from '../support/factories.js';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp({ startAt: '2026-03-01T04:00:00Z' });
});
afterAll(() => t.stop());

type Interval = { customer: string; from: string; to: string | null; decided?: string; leftDecided?: string };

let made = 0;

/** A segment of its own, with these memberships. */
async function aSegment(intervals: readonly Interval[]): Promise<string> {
  made += 1;
  const key = `made_${made}`;
  const rule = { fact: 'city', op: 'eq', value: '不存在' };
  await t.client.post('/v1/segments', { key, name: `Made ${made}`, description: '', rule }, 201);
  await t.database.pool.query(
    `insert into memberships (customer_id, segment, entered_at, left_at, decided_at, left_decided_at, rule_version,
       left_rule_version, cause, left_cause)
     select customer, $1, entered, gone, decided, case when gone is not null then left_decided end, 1,
       case when gone is not null then 1 end, 'change', case when gone is not null then 'time' end
     from unnest($2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[])
       as given(customer, entered, gone, decided, left_decided)`,
    [
      key,
      intervals.map(({ customer }) => customer),
      intervals.map(({ from }) => from),
      intervals.map(({ to }) => to),
      intervals.map(({ from, decided }) => decided ?? from),
      intervals.map(({ to, leftDecided }) => leftDecided ?? to),
    ],
  );
  return key;
}

const at = (milliseconds: number) => new Date(milliseconds).toISOString();

/** Disjoint intervals of some customers, to the millisecond, around two changes of the clock. */
const histories = (begin: string, hours: number) =>
  fc
    .array(fc.uniqueArray(fc.integer({ min: 0, max: hours * 3_600_000 }), { maxLength: 7 }), {
      maxLength: 25,
    })
    .map((customers) =>
      customers.flatMap((instants) => {
        const customer = randomUUID();
        const sorted = instants.sort((one, other) => one - other).map((one) => at(Date.parse(begin) + one));
        return Array.from({ length: Math.ceil(sorted.length / 2) }, (_, place): Interval => {
          const from = sorted[place * 2] as string;
          return { customer, from, to: sorted[place * 2 + 1] ?? null };
        });
      }),
    );

const isIn = (instant: number) => (one: Interval) =>
  Date.parse(one.from) <= instant && (one.to === null || Date.parse(one.to) > instant);

describe('statistics', () => {
  test.each([
    ['Asia/Shanghai', '2025-10-20', '2025-11-08'],
    ['Europe/Berlin', '2025-10-20', '2025-11-08'],
    // clocks go forward at midnight: the day begins at 01:00
    ['America/Santiago', '2025-09-01', '2025-09-12'],
  ])('in %s are what a count of every day comes to', async (timeZone, from, to) => {
    const ctx = await t.context();
    const here = { ...ctx, bank: { ...ctx.bank, timeZone } };
    const begin = `${new Date(Date.parse(from) - 3 * 86_400_000).toISOString().slice(0, 10)}T00:00:00Z`;
    // the calendar of the time zone, asked of PostgreSQL
    const { rows: days } = await t.database.pool.query(
      `select to_char(day, 'YYYY-MM-DD') as date, day::timestamp at time zone $3 as starts,
         (day + interval '1 day')::timestamp at time zone $3 as ends
       from generate_series($1::date, $2::date, '1 day') as day`,
      [from, to, timeZone],
    );
    await fc.assert(
      fc.asyncProperty(histories(begin, 24 * 30), async (intervals) => {
        const key = await aSegment(intervals);
        const answer = await segmentStatistics(here, key, datesOf(here, from, to));
        const within = (instant: string | null, day: { starts: string; ends: string }) =>
          instant !== null &&
          Date.parse(instant) >= Date.parse(day.starts) &&
          Date.parse(instant) < Date.parse(day.ends);
        expect(answer.size_before).toBe(intervals.filter(isIn(Date.parse(days[0].starts) - 1)).length);
        expect(answer.days).toEqual(
          days.map((day) => ({
            date: day.date,
            size: intervals.filter(isIn(Date.parse(day.ends) - 1)).length,
            entries: intervals.filter((one) => within(one.from, day)).length,
            exits: intervals.filter((one) => within(one.to, day)).length,
          })),
        );
      }),
      { numRuns: Number(process.env.SEGMENT_HISTORY_RUNS ?? 25) },
    );
  });

  test('are told as numbers, and as a chart where that is asked for', async () => {
    const key = await aSegment([
      { customer: randomUUID(), from: '2026-02-20T00:00:00Z', to: null },
      { customer: randomUUID(), from: '2026-02-26T00:00:00Z', to: '2026-02-27T16:00:00Z' },
    ]);
    const path = `/v1/segments/${key}/statistics`;
    const body = await t.client.get(`${path}?from=2026-02-26`);
    expect(body).toMatchObject({
      from: '2026-02-26',
      to: '2026-03-01',
      size_before: 1,
      time_zone: 'Asia/Shanghai',
    });
    // 16:00 UTC is the next day in Shanghai
    expect(body.days.map((day: { size: number; exits: number }) => [day.size, day.exits])).toEqual([
      [2, 0],
      [2, 0],
      [1, 1],
      [1, 0],
    ]);
    const chart = await t.client.request('GET', path, undefined, { headers: { accept: 'image/svg+xml' } });
    expect([chart.status, chart.headers.get('content-type')]).toEqual([200, 'image/svg+xml; charset=utf-8']);
    expect(chart.body).toContain('0 before, 2 entered, 1 left, 1 at the end');
    await t.client.problem('GET', path, 'not_acceptable', undefined, { headers: { accept: 'image/png' } });
  });

  test.each([
    ['to=2026-03-02', '/to'],
    ['from=2026-03-01&to=2026-02-01', '/from'],
    ['from=2024-03-01', '/from'],
  ])('of %s there are none', async (query, pointer) => {
    const key = await aSegment([]);
    const path = `/v1/segments/${key}/statistics?${query}`;
    const problem = await t.client.problem('GET', path, 'rule_broken');
    expect(problem.errors[0]).toMatchObject({ in: 'query', pointer });
  });
});

describe('changes', () => {
  type Change = { customer_id: string; change: string; effective_at: string };
  async function allChanges(key: string, query: string, limit: number): Promise<Change[]> {
    const all: Change[] = [];
    for (let cursor = ''; ; ) {
      const path = `/v1/segments/${key}/changes?limit=${limit}&${query}${cursor}`;
      const { data, next_cursor } = await t.client.get(path);
      all.push(...data);
      if (next_cursor === null) return all;
      cursor = `&cursor=${next_cursor}`;
    }
  }

  test('are all of those between, each once, whatever the pages', async () => {
    const begin = Date.parse('2026-01-01T00:00:00Z');
    const from = '2026-01-02T00:00:00.000Z';
    const to = '2026-01-04T00:00:00.000Z';
    await fc.assert(
      fc.asyncProperty(
        // by the hour: many at one instant
        fc.array(fc.uniqueArray(fc.integer({ min: 0, max: 96 }), { maxLength: 6 }), { maxLength: 12 }),
        fc.integer({ min: 1, max: 7 }),
        async (customers, limit) => {
          const intervals = customers.flatMap((hours) => {
            const customer = randomUUID();
            const sorted = hours
              .sort((one, other) => one - other)
              .map((hour) => at(begin + hour * 3_600_000));
            // each begins where the last one ended
            return sorted.map((instant, place) => ({
              customer,
              from: instant,
              to: sorted[place + 1] ?? null,
            }));
          });
          const key = await aSegment(intervals);
          const expected = intervals
            .flatMap(({ customer, from: entered, to: gone }) => [
              { customer_id: customer, change: 'entered', effective_at: entered },
              ...(gone === null ? [] : [{ customer_id: customer, change: 'left', effective_at: gone }]),
            ])
            .filter(({ effective_at }) => effective_at >= from && effective_at < to)
            .map(keyOf)
            .sort();
          const listed = (await allChanges(key, `from=${from}&to=${to}`, limit)).map(keyOf);
          expect([...listed].sort()).toEqual(expected);
          expect(listed).toEqual([...listed].sort());
        },
      ),
      { numRuns: 15 },
    );
  });

  /** In the order that is asked for: the leaving before the entering of one instant. */
  const keyOf = ({ customer_id, change, effective_at }: Change) =>
    `${at(Date.parse(effective_at))} ${customer_id} ${change === 'left' ? 0 : 1}`;

  test('say what caused them, and when they were found', async () => {
    const key = await aSegment([
      {
        customer: randomUUID(),
        from: '2026-02-01T00:00:00Z',
        decided: '2026-02-01T00:05:00Z',
        to: '2026-02-02T00:00:00Z',
        leftDecided: '2026-02-03T00:00:00Z',
      },
    ]);
    const { data } = await t.client.get(`/v1/segments/${key}/changes`);
    expect(data).toMatchObject([
      { change: 'entered', cause: 'change', rule_version: 1, decided_at: '2026-02-01T00:05:00Z' },
      { change: 'left', cause: 'time', rule_version: 1, decided_at: '2026-02-03T00:00:00Z' },
    ]);
  });
});

const exported = (key: string, accept: string, query = '', client = t.client) =>
  client.request('GET', `/v1/segments/${key}/members${query}`, undefined, { headers: { accept } });

const idsOf = (body: string) =>
  body
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line).customer_id as string);

describe('an export', () => {
  const from = '2026-02-01T00:00:00Z';
  const many = Array.from({ length: 4501 }, (): Interval => ({ customer: randomUUID(), from, to: null }));

  test('has all members, in the order of their ids, however many', async () => {
    const key = await aSegment([...many, { customer: randomUUID(), from, to: '2026-02-02T00:00:00Z' }]);
    const expected = many.map(({ customer }) => customer).sort();
    const lines = await exported(key, 'application/x-ndjson');
    expect([lines.status, lines.headers.get('content-type')]).toEqual([
      200,
      'application/x-ndjson; charset=utf-8',
    ]);
    expect(idsOf(lines.body)).toEqual(expected);
    const table = (await exported(key, 'text/csv')).body.trim().split('\n');
    expect(table[0]).toBe('customer_id,entered_at,left_at,rule_version');
    expect(table.slice(1).map((line: string) => line.split(',')[0])).toEqual(expected);
    expect(table[1].split(',').slice(1)).toEqual([from, '', '1']);
  });

  test('is of the instant at which it began, whatever happens while it is read', async () => {
    const key = await aSegment(many);
    const ctx = await t.context();
    const expected = many.map(({ customer }) => customer).sort();
    const late = (ids: string[], rest: string) =>
      t.database.pool.query(`update memberships set ${rest} where segment = $1 and customer_id = any($2)`, [
        key,
        ids,
      ]);
    const lines: string[] = [];
    for await (const piece of exportMembers(ctx, key, undefined, 'application/x-ndjson')) {
      lines.push(String(piece));
      if (lines.length > 1) continue;
      // somebody of the last piece leaves, found later and as of earlier, and somebody comes
      await late(
        expected.slice(-2),
        `left_at = '2026-02-20T00:00:00Z', left_decided_at = '2026-03-02T00:00:00Z', left_cause = 'time'`,
      );
      await t.database.pool.query(
        `insert into memberships (customer_id, segment, entered_at, decided_at, rule_version, cause)
         values ('ffffffff-ffff-ffff-ffff-ffffffffffff', $1, '2026-02-20T00:00:00Z', '2026-03-02T00:00:00Z', 1, 'time')`,
        [key],
      );
    }
    expect(lines.length).toBeGreaterThan(2);
    expect(idsOf(lines.join(''))).toEqual(expected);
    expect(lines.join('')).not.toContain('"left_at":"');
  });

  test('of a past instant is who was in then', async () => {
    const [one, two, three] = [randomUUID(), randomUUID(), randomUUID()] as const;
    const key = await aSegment([
      { customer: one, from, to: '2026-02-03T00:00:00Z' },
      { customer: two, from: '2026-02-02T00:00:00Z', to: null },
      { customer: three, from: '2026-02-04T00:00:00Z', to: null },
    ]);
    const then = '?as_of=2026-02-02T12:00:00Z';
    const lines = await exported(key, 'application/x-ndjson', then);
    expect(idsOf(lines.body)).toEqual([one, two].sort());
    const { data } = await t.client.get(`/v1/segments/${key}/members${then}`);
    expect(data.map(({ customer_id }: { customer_id: string }) => customer_id)).toEqual([one, two].sort());
  });

  test('stops when nobody reads it any more', async () => {
    const key = await aSegment(many);
    const ctx = await t.context();
    let reads = 0;
    const counted = Object.create(ctx.database, {
      rows: {
        value: (query: SQL) => {
          reads += 1;
          return ctx.database.rows(query);
        },
      },
    });
    const stream = exportMembers({ ...ctx, database: counted }, key, undefined, 'text/csv');
    await once(stream, 'readable');
    stream.destroy();
    await once(stream, 'close');
    expect(reads).toBeLessThan(3);
    // and over HTTP nothing is left behind
    const request = httpRequest(`${t.origin}/v1/segments/${key}/members`, {
      headers: { authorization: `Bearer ${t.client.secret}`, accept: 'text/csv' },
    });
    request.on('error', () => undefined);
    request.end();
    const [reply] = await once(request, 'response');
    await once(reply, 'readable');
    reply.destroy();
    expect((await exported(key, 'text/csv')).status).toBe(200);
  });
});

test('what is out of reach is in none of the answers', async () => {
  const ids: string[] = [];
  for (const branch of ['7701', '7702'])
    ids.push((await t.client.post('/v1/customers', aCustomer({ branch }), 201)).id);
  const key = await aSegment(
    ids.map((customer) => ({ customer, from: '2026-02-20T00:00:00Z', to: '2026-02-22T00:00:00Z' })),
  );
  const scoped = await t.clientWith(['segments:read'], { branches: ['7701'] });
  const { days } = await scoped.get(`/v1/segments/${key}/statistics`);
  const sum = (name: string) =>
    days.reduce((total: number, day: Record<string, number>) => total + (day[name] ?? 0), 0);
  expect([sum('entries'), sum('exits')]).toEqual([1, 1]);
  const { data } = await scoped.get(`/v1/segments/${key}/changes`);
  expect(data.map(({ customer_id }: { customer_id: string }) => customer_id)).toEqual([ids[0], ids[0]]);
  const then = '?as_of=2026-02-21T00:00:00Z';
  const lines = await exported(key, 'application/x-ndjson', then, scoped);
  expect(idsOf(lines.body)).toEqual([ids[0]]);
  const chart = await scoped.request('GET', `/v1/segments/${key}/statistics`, undefined, {
    headers: { accept: 'image/svg+xml' },
  });
  expect(chart.body).toContain('1 entered, 1 left');
});
