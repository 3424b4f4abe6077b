/**
 * An upgrade without a pause: first the schema, then process after process. Until the last one is new, the code of the
 * last release runs on the new schema beside the new code, and each works with what the other has written.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testKeys } from '../support/app.js';
import { type Child, type Release, startChild } from '../support/child.js';
import { Client } from '../support/client.js';
import { cloneDatabase, type TestDatabase } from '../support/database.js';
import { isReleaseThere, unpackRelease } from '../support/released.js';

const secret = `ck_upgrade_${randomBytes(12).toString('hex')}`;
const isThere = await isReleaseThere();

describe.skipIf(!isThere)('the last release on the new schema', () => {
  let database: TestDatabase;
  let folder: string;
  const children: Child[] = [];
  const sides: Record<string, Client> = {};

  beforeAll(async () => {
    database = await cloneDatabase();
    folder = await mkdtemp(path.join(tmpdir(), 'clientele-upgrade-'));
    sides.old = await start(await unpackRelease());
    sides.new = await start();
  });
  afterAll(async () => {
    for (const { process } of children) process.kill('SIGKILL');
    await Promise.all(children.map(({ ended }) => ended));
    await database.drop();
    await rm(folder, { recursive: true, force: true });
  });

  /** API and worker of a release, which would bring the schema up to what they know. */
  async function start(release?: Release): Promise<Client> {
    const env = {
      DATABASE_URL: database.url,
      DATA_DIR: folder,
      ENCRYPTION_KEYS: testKeys,
      BOOTSTRAP_API_KEY: secret,
      PORT: '0',
    };
    const child = await startChild(
      `import { loadConfig } from './config.js';
      import { createLog } from './platform/log.js';
      import { runStart } from './processes.js';
      await runStart(loadConfig(${JSON.stringify(env)}), createLog('error'));`,
      release === undefined ? {} : { release },
    );
    children.push(child);
    const line = await child.line('Clientele answers at');
    return new Client(line.replace('Clientele answers at ', '').trim(), secret);
  }

  const sideOf = (name: string): Client => {
    const side = sides[name];
    if (side === undefined) throw new Error(`${name} does not run`);
    return side;
  };

  /** Asks until it is as it should be. */
  async function until<T>(ask: () => Promise<T>, isDone: (answer: T) => boolean): Promise<T> {
    for (;;) {
      const answer = await ask();
      if (isDone(answer)) return answer;
      await sleep(200);
    }
  }

  test.each([
    ['old', 'new'],
    ['new', 'old'],
  ])('what the %s one writes the %s one reads, changes and works on', async (writerName, readerName) => {
    const [writer, reader] = [sideOf(writerName), sideOf(readerName)];
    const number = `UP-${writerName}`;
    const identifiers = [{ scheme: 'core_banking', value: number }];
    const { customer } = await writer.post(
      '/v1/customers/upsert',
      { kind: 'person', full_name: '王小明', city: '上海', branch: '0101', source: 'core', identifiers },
      201,
    );
    const { holding } = await writer.post(
      '/v1/holdings/upsert',
      {
        source: 'core',
        number: `62${number}`,
        category: 'deposit',
        currency: 'CNY',
        balance: '1250000.50',
        balance_date: '2026-01-05',
        parties: [{ customer: { id: customer.id }, role: 'primary_owner', share: '100' }],
      },
      201,
    );
    const activity = {
      source: 'core',
      source_id: number,
      customer: { id: customer.id },
      type: 'card_payment',
      occurred_at: new Date().toISOString(),
      amount: '128.50',
      currency: 'CNY',
      direction: 'out',
    };
    expect(await writer.post('/v1/activities', { items: [activity] })).toMatchObject({ accepted: 1 });
    // the other knows it already
    expect(await reader.post('/v1/activities', { items: [activity] })).toMatchObject({ duplicates: 1 });

    const paths = ['', '/holdings', '/activities', '/timeline'].map(
      (end) => `/v1/customers/${customer.id}${end}`,
    );
    for (const target of [...paths, `/v1/holdings/${holding.id}`]) {
      const [of, by] = [await sideOf('old').get(target), await sideOf('new').get(target)];
      expect(by, target).toMatchObject(of);
    }

    const seen = await reader.request('GET', `/v1/customers/${customer.id}`);
    const headers = { 'if-match': String(seen.headers.get('etag')) };
    const changed = await reader.request(
      'PATCH',
      `/v1/customers/${customer.id}`,
      { city: '北京' },
      { headers },
    );
    expect(changed.status, JSON.stringify(changed.body)).toBe(200);
    const stale = await writer.request(
      'PATCH',
      `/v1/customers/${customer.id}`,
      { city: '广州' },
      { headers },
    );
    expect(stale.status).toBe(412);
    expect(await writer.get(`/v1/customers/${customer.id}`)).toMatchObject({ city: '北京' });

    // whichever worker takes it
    const { data } = await until(
      () => reader.get(`/v1/customers/${customer.id}/segments`),
      (answer) => answer.data.some(({ segment }: { segment: string }) => segment === 'high_net_worth'),
    );
    expect(await writer.get(`/v1/customers/${customer.id}/segments`)).toMatchObject({ data });
  });

  test.each(['old', 'new'])('a file that the %s one took is worked on', async (name) => {
    const rows = Array.from({ length: 300 }, (_, index) => ({
      kind: 'person',
      full_name: '李雷',
      source: 'core',
      identifiers: [{ scheme: 'core_banking', value: `FILE-${name}-${index}` }],
    }));
    const body = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
    const headers = { 'content-type': 'application/x-ndjson' };
    const started = await sideOf(name).request('POST', '/v1/imports?kind=customers', body, { headers });
    expect(started.status, JSON.stringify(started.body)).toBe(202);
    const { id } = started.body as { id: string };
    for (const side of ['old', 'new']) {
      const ended = await until(
        () => sideOf(side).get(`/v1/imports/${id}`),
        ({ state }) => !['receiving', 'queued', 'running'].includes(state),
      );
      expect(ended).toMatchObject({ state: 'completed', accepted: 300, rejected: 0 });
    }
  });

  test('both tell the same events in the same order, without a gap', async () => {
    const feed = async (side: string) => {
      const events: { id: string; sequence: string }[] = [];
      for (;;) {
        const after = events.at(-1)?.sequence ?? '0';
        const { data } = await sideOf(side).get(`/v1/events?after=${after}&limit=1000`);
        if (data.length === 0) return events;
        events.push(...data);
      }
    };
    // whatever has happened is published first
    const { pool } = database.database;
    await until(
      async () => (await pool.query('select from outbox where sequence is null limit 1')).rowCount,
      (count) => count === 0,
    );
    const [of, by] = [await feed('old'), await feed('new')];
    expect(of.length).toBeGreaterThan(600);
    expect(by.map(({ id }) => id)).toEqual(of.map(({ id }) => id));
    expect(by.map(({ sequence }) => Number(sequence))).toEqual(by.map((_, index) => index + 1));
  });
});

test('the history of the project is there, so that the last release could be run', (context) => {
  if (!isThere) context.skip('there is no history here: the last release was not run');
  expect(isThere).toBe(true);
});
