/** The demo's bank: the same for the same seed, valid throughout, and sent twice without a change. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { normalisePhone } from '../../src/customers/contact-points.js';
import { type IdentifierNormaliser, normaliseIdentifier } from '../../src/customers/identifier-schemes.js';
import { activitiesOf } from '../../src/demo/activities.js';
import { type BankOptions, makeBank } from '../../src/demo/bank.js';
import { type Api, openApi } from '../../src/demo/client.js';
import { addDays } from '../../src/demo/days.js';
import { type Loaded, loadBank } from '../../src/demo/load.js';
import { silentProgress } from '../../src/demo/progress.js';
import { awaitReview, summarise } from '../../src/demo/summary.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { startChild } from '../support/child.js';

const options: BankOptions = { seed: 1, customers: 30, until: '2026-03-01', currency: 'CNY' };

const bankOf = (changed: Partial<BankOptions> = {}) => {
  const all = { ...options, ...changed };
  return { ...makeBank(all, addDays(all.until, -1)), options: all };
};

type Bank = ReturnType<typeof bankOf>;

const activitiesIn = (bank: Bank, position: number) => {
  const customer = bank.customers[position];
  if (customer === undefined) throw new Error('there are fewer customers');
  return [...activitiesOf(customer, bank.holdings.get(customer) ?? [], bank.options)];
};

const numberOf = (bank: Bank) => bank.customers.map(({ number, name }) => ({ number, name }));

/** What the bank holds against its customers' debts, by the primary owner. */
const netOf = (bank: Pick<Bank, 'customers' | 'holdings'>) =>
  bank.customers.map((customer) =>
    (bank.holdings.get(customer) ?? []).reduce((sum, { balance }) => sum + Number(balance ?? 0), 0),
  );

describe('the bank', () => {
  const large = bankOf({ customers: 600 });

  test('is the same for the same seed, and another for another', () => {
    expect(bankOf()).toEqual(bankOf());
    expect(activitiesIn(bankOf(), 4)).toEqual(activitiesIn(bankOf(), 4));
    expect(numberOf(bankOf({ seed: 2 }))).not.toEqual(numberOf(bankOf()));
  });

  test('begins, where it is larger, with the smaller one', () => {
    const small = bankOf({ customers: 100 });
    expect(numberOf(large).slice(0, 100)).toEqual(numberOf(small));
    expect(activitiesIn(large, 60)).toEqual(activitiesIn(small, 60));
  });

  test('goes on: another day of the month adds what happened since', () => {
    const later = bankOf({ until: '2026-03-20' });
    for (const position of [0, 2, 4]) {
      const before = activitiesIn(bankOf(), position);
      const after = new Map(activitiesIn(later, position).map((each) => [each.source_id, each]));
      const start = addDays(later.options.until, -731);
      const shared = before.filter(({ occurred_at }) => String(occurred_at) >= addDays(start, 2));
      expect(shared.length).toBeGreaterThan(20);
      for (const each of shared) expect(after.get(each.source_id)).toEqual(each);
    }
  });

  test('has identifiers that are valid, and each but once', () => {
    const normalisers: Record<string, IdentifierNormaliser> = {
      national_id: 'cn_resident_id',
      uscc: 'cn_uscc',
    };
    const seen = new Set<string>();
    for (const { number, identifiers } of large.customers) {
      for (const { scheme, value } of [number, ...identifiers]) {
        expect(normaliseIdentifier(normalisers[scheme] ?? 'upper', value)).toMatchObject({ ok: true, value });
        expect(seen.has(`${scheme} ${value}`)).toBe(false);
        seen.add(`${scheme} ${value}`);
      }
    }
    expect([...seen].filter((each) => each.startsWith('national_id')).length).toBeGreaterThan(400);
    expect([...seen].filter((each) => each.startsWith('uscc')).length).toBe(75);
  });

  test('has people whose identifier, birth and gender agree', () => {
    for (const { identifiers, bornOn, gender } of large.customers) {
      const id = identifiers.find(({ scheme }) => scheme === 'national_id')?.value;
      if (id === undefined) continue;
      expect(id.slice(6, 14)).toBe(bornOn.replaceAll('-', ''));
      expect(Number(id.slice(14, 17)) % 2).toBe(gender === 'male' ? 1 : 0);
    }
  });

  test('has phone numbers of the numbering plan, and mailboxes that belong to nobody', () => {
    const points = large.customers.flatMap(({ contactPoints }) => contactPoints);
    for (const { kind, value = '' } of points) {
      if (kind === 'phone') expect(normalisePhone(value, 'CN'), value).toMatchObject({ ok: true });
      if (kind === 'email') expect(value).toMatch(/^[a-z0-9]+@([a-z0-9]+[.])?example[.]com$/);
    }
  });

  test('has holdings with numbers of their own, opened after the customer came', () => {
    const holdings = [...large.holdings.values()].flat();
    expect(new Set(holdings.map(({ source, number }) => `${source} ${number}`)).size).toBe(holdings.length);
    for (const { openedOn, parties, closedOn } of holdings) {
      expect(openedOn >= (parties[0]?.customer.joinedOn ?? '')).toBe(true);
      expect(openedOn <= options.until).toBe(true);
      if (closedOn !== undefined) expect(closedOn > openedOn && closedOn < options.until).toBe(true);
    }
  });

  test('has a few who are wealthy, some who are new, and families', () => {
    const wealthy = netOf(large).filter((net) => net > 1_000_000).length / 600;
    expect(wealthy).toBeGreaterThan(0.01);
    expect(wealthy).toBeLessThan(0.08);
    const recent = large.customers.filter(({ joinedOn }) => joinedOn > '2025-12-01').length / 600;
    expect(recent).toBeGreaterThan(0.05);
    expect(recent).toBeLessThan(0.2);
    const roles = new Set(large.customers.flatMap(({ relations }) => relations.map(({ role }) => role)));
    expect([...roles].sort()).toEqual([
      'employer',
      'guarantor',
      'household_member',
      'legal_representative',
      'parent',
      'spouse',
    ]);
  });
});

describe('a service', () => {
  let app: TestApp;
  let api: Api;
  let first: Loaded;

  beforeAll(async () => {
    app = await startTestApp();
    api = openApi({ url: app.origin, key: app.client.secret ?? '' });
    first = await loadBank(api, options, silentProgress);
    await app.drain();
  });
  afterAll(() => app.stop());

  test('takes all of it', async () => {
    const { customers, holdings, relationships, activities } = first;
    expect(customers).toEqual({ created: 30, updated: 0, unchanged: 0 });
    expect(holdings.updated + holdings.unchanged).toBe(0);
    expect(relationships.created).toBeGreaterThan(5);
    expect(activities.accepted).toBeGreaterThan(2000);
    expect(activities).toMatchObject({ duplicates: 0, rejected: 0 });
    const { rows } = await app.database.pool.query(
      `select (select count(*) from customers)::int as customers, (select count(*) from activities)::int as activities,
        (select count(*) from customers where stub)::int as stubs`,
    );
    expect(rows).toEqual([{ customers: 30, activities: activities.accepted, stubs: 0 }]);
  });

  test('judges its customers as their holdings say', async () => {
    const wealthy = first.ids.filter((_, position) => (netOf(first.bank)[position] ?? 0) > 1_000_000);
    const { data, freshness } = await app.client.get('/v1/segments/high_net_worth/members?limit=200');
    expect(freshness.unreviewed).toBe(0);
    expect(data.map((member: { customer_id: string }) => member.customer_id)).toEqual([...wealthy].sort());
    expect(wealthy).toContain(first.ids[4]);
  });

  test('changes nothing when all of it comes again', async () => {
    const before = await app.client.get('/v1/events?after=0&limit=1');
    const sequenceOf = async () =>
      (await app.database.pool.query('select sequence from outbox_head')).rows[0]?.sequence;
    const sequence = await sequenceOf();
    const second = await loadBank(api, options, silentProgress);
    await app.drain();
    expect(second.ids).toEqual(first.ids);
    expect(second.customers).toEqual({ created: 0, updated: 0, unchanged: 30 });
    expect(second.holdings).toEqual({ created: 0, updated: 0, unchanged: first.holdings.created });
    expect(second.relationships).toEqual({ created: 0, updated: 0, unchanged: first.relationships.created });
    expect(second.activities).toEqual({ accepted: 0, duplicates: first.activities.accepted, rejected: 0 });
    expect(await sequenceOf()).toBe(sequence);
    expect(await app.client.get('/v1/events?after=0&limit=1')).toEqual(before);
  });

  test('is pointed at in a summary whose links answer', async () => {
    await awaitReview(api);
    const summary = await summarise(api, app.origin, first);
    expect(summary).toMatch(/customers +30 new, 0 changed, 0 unchanged/);
    const paths = [...summary.matchAll(/Bearer \$KEY" '([^']+)'/g)].map(([, url]) => url ?? '');
    expect(paths.length).toBeGreaterThan(2);
    for (const url of paths) await app.client.get(url.slice(app.origin.length));
    const searches = [...summary.matchAll(/-d '([^']+)' '[^']+search'/g)].map(([, body]) => body ?? '');
    expect(searches).toHaveLength(2);
    for (const body of searches) {
      const { data } = await app.client.post('/v1/customers/search', body);
      expect(data.length).toBeGreaterThan(0);
    }
  });

  const command = async (...args: string[]) => {
    const child = await startChild(
      `process.argv = ['node', 'demo', ...${JSON.stringify(args)}]; await import('./demo/main.js');`,
    );
    let errors = '';
    child.process.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString();
    });
    const { code } = await child.ended;
    return { code, errors };
  };

  test.each([
    [
      ['--url', 'http://127.0.0.1:9', '--key', 'ck_x'],
      /^demo: nothing answers at http:\/\/127.0.0.1:9 .*\n$/,
    ],
    [['--key', 'ck_x', '--customers', 'many'], /^demo: --customers must be an integer from 1 to 100000\n$/],
    [['--key', 'ck_x', '--until', '2026-02-30'], /^demo: --until must be a date such as 2026-03-01\n$/],
    [['--key', ''], /^demo: give an API key with --key or CLIENTELE_API_KEY\n$/],
    [['--nothing'], /^demo: .*--nothing.*\n$/],
  ])('is not reached by %j, which is told in one line', async (args, line) => {
    expect(await command(...args)).toEqual({ code: 1, errors: expect.stringMatching(line) });
  });

  test('refuses a wrong key, which is told in one line', async () => {
    const { code, errors } = await command('--url', app.origin, '--key', 'ck_nobody_has_this_key_at_all');
    expect(errors).toMatch(/^demo: the key was refused: .*\n$/);
    expect(code).toBe(1);
  });
});
