/**
 * A whole bank comes in through the API: clients, accounts, cards, loans and every transaction of the Berka bank, on
 * a service that is a process of its own. What the API answers is held against the files, to the row and the heller;
 * so are the segments. Sent again, nothing changes; killed on the way, nothing is lost or doubled.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { activityLines, customerLines, holdingLines } from './berka/bank.js';
import { differences, texts } from './berka/differences.js';
import { expectedByClient, expectedSegments, expectedTotals, standings } from './berka/expected.js';
import { type BerkaFiles, berkaFolder, berkaIsThere, birthOf, readBerka } from './berka/files.js';
import { expectedHoldings } from './berka/holdings.js';
import { importAll, importThat, isOver, ndjson, startImport } from './berka/imports.js';
import { declareBank, loadCustomersAndHoldings } from './berka/load.js';
import { readProfiles } from './berka/profiles.js';
import {
  type CustomerReply,
  customersByClient,
  eventsSince,
  lastSequence,
  membersOf,
  readActivities,
  whenReviewed,
} from './berka/read-back.js';
import { foundBySql, makeTenSegments, tenSegments } from './berka/segments.js';
import { type Bank, openBank } from './berka/service.js';
import { countRows } from './berka/tables.js';
import { moveThresholds } from './berka/thresholds.js';
import { sendHalf, sendRest } from './berka/upload.js';

const minutes = 60_000;
vi.setConfig({ testTimeout: 4 * minutes, hookTimeout: 4 * minutes });

if (!berkaIsThere) console.log(`The Berka scenario is skipped: its data is not in ${berkaFolder}`);

const today = '1999-01-01';

/** Counted in the files by other means, so that a slip in reading them cannot hide. */
const known = {
  'interest in bank': 9463,
  'statement_fee out bank': 5445,
  'penalty_interest out bank': 64,
  'cash_deposit in customer': 9759,
  'cash_withdrawal out customer': 14_244,
  'card_withdrawal out customer': 12,
  'transfer_in in customer': 3772,
  'transfer_out out customer': 6343,
};

const rowsOfBank = {
  customers: 5369,
  holdings: 4500 + 892 + 682,
  parties: 4500 + 869 + 892 + 682,
  activities: 49_102,
  keys: 49_102,
  totals: 49_102,
};

const sizesOfTen = {
  women_of_prague: 124,
  gold_cards: 88,
  in_debt: 478,
  steady_depositors: 191,
  payers: 172,
  penalised: 23,
  withdrawers: 15,
  gone_quiet: 134,
  well_balanced: 151,
  steady_and_sound: 180,
};

describe.skipIf(!berkaIsThere)('the Berka bank', () => {
  let files: BerkaFiles;
  let bank: Bank;
  let customers: Map<string, CustomerReply>;

  beforeAll(async () => {
    files = readBerka();
    bank = await openBank();
    await declareBank(bank.client);
  });
  afterAll(() => bank?.close());

  it('comes in as it is, every row of it', async () => {
    await loadCustomersAndHoldings(bank.client, files);
    const activities = await importAll(bank.client, 'activities', activityLines(files));
    expect(activities).toMatchObject({ accepted: 49_102, duplicates: 0, rejected: 0 });
  });

  it('knows the clients', async () => {
    customers = await customersByClient(bank.client);
    expect(customers.size).toBe(5369);
    for (const { client_id, birth_number } of files.clients) {
      const { date, gender } = birthOf(birth_number);
      expect(customers.get(client_id)).toMatchObject({ birth_date: date, gender });
    }
  });

  it('shows the whole picture of each: holdings with their balances, and what was done, summed', async () => {
    const { totals, holdings } = await readProfiles(bank.client, customers);
    expect(differences(texts(expectedByClient(files)), texts(totals))).toEqual([]);
    expect(differences(expectedHoldings(files), holdings)).toEqual([]);
  });

  it('answers the transactions of the files, to the row and the heller', async () => {
    const expected = expectedTotals(files.transactions);
    expect(Object.fromEntries(Object.entries(expected).map(([kind, { count }]) => [kind, count]))).toEqual(
      known,
    );
    const byClient = expectedByClient(files);
    const answered = await readActivities(bank.client, customers, byClient.keys());
    expect(answered.all).toEqual(expected);
    expect(differences(texts(byClient), texts(answered.byClient))).toEqual([]);
    expect(answered.ids.size).toBe(49_102);
  });

  it('has nothing beside it in its tables', async () => {
    expect(await countRows(bank.databaseUrl)).toEqual(rowsOfBank);
  });

  it('knows who is in which segment, and who is when a threshold moves', async () => {
    const clients = standings(files, today);
    const expectMembers = async (netAbove: number, newBelowDays: number) => {
      await whenReviewed(bank.client);
      const expected = expectedSegments(clients, BigInt(netAbove) * 100n, newBelowDays);
      for (const [segment, members] of Object.entries(expected)) {
        const answered = await membersOf(bank.client, segment, customers);
        expect(differences(members, answered), segment).toEqual([]);
      }
      return Object.fromEntries(
        Object.entries(expected).map(([segment, members]) => [segment, members.length]),
      );
    };
    expect(await expectMembers(1_000_000, 90)).toEqual({ high_net_worth: 0, new: 0, ordinary: 4500 });
    await moveThresholds(bank.client, { net: 50_000, days: 730 });
    expect(await expectMembers(50_000, 730)).toEqual({ high_net_worth: 141, new: 894, ordinary: 3465 });
  });

  it('knows who is in ten more, as statements over its tables do', async () => {
    await makeTenSegments(bank.client);
    await whenReviewed(bank.client);
    const sizes: Record<string, number> = {};
    for (const [key, { sql }] of Object.entries(tenSegments)) {
      const members = await membersOf(bank.client, key, new Map());
      expect(differences(await foundBySql(bank.databaseUrl, sql), members), key).toEqual([]);
      sizes[key] = members.length;
    }
    expect(sizes).toEqual(sizesOfTen);
  });

  it('takes all of it a second time, and nothing changes', async () => {
    const before = await lastSequence(bank.client);
    const customersAgain = await importAll(bank.client, 'customers', customerLines(files));
    const holdingsAgain = await importAll(bank.client, 'holdings', holdingLines(files));
    for (const again of [customersAgain, holdingsAgain]) expect(again).toMatchObject({ rejected: 0 });
    const sent = { accepted: 0, duplicates: 0, rejected: 0 };
    const items = activityLines(files);
    for (let start = 0; start < items.length; start += 1000) {
      const reply = await bank.client.post('/v1/activities', { items: items.slice(start, start + 1000) });
      sent.accepted += reply.accepted;
      sent.duplicates += reply.duplicates;
      sent.rejected += reply.rejected.length;
    }
    expect(sent).toEqual({ accepted: 0, duplicates: 49_102, rejected: 0 });
    const events = await eventsSince(bank.client, before);
    expect(events.filter((event) => !event.startsWith('clientele.import.'))).toEqual([]);
    expect(differences(texts(customers), texts(await customersByClient(bank.client)))).toEqual([]);
    expect(await countRows(bank.databaseUrl)).toEqual(rowsOfBank);
  });
});

describe.skipIf(!berkaIsThere)('the Berka bank, where the service is killed', () => {
  let files: BerkaFiles;
  let bank: Bank;
  let body: Buffer;
  let id: string;

  beforeAll(async () => {
    files = readBerka();
    body = ndjson(activityLines(files));
    bank = await openBank();
    await declareBank(bank.client);
    await loadCustomersAndHoldings(bank.client, files);
  });
  afterAll(() => bank?.close());

  it('goes on with an upload from where it was cut', async () => {
    id = (await sendHalf(bank.client, body, () => bank.kill())).id;
    await bank.restart();
    const cut = await importThat(bank.client, id, () => true);
    expect(cut.state).toBe('receiving');
    expect(cut.received_bytes).toBeGreaterThan(0);
    expect(cut.received_bytes).toBeLessThanOrEqual(body.length / 2);
    await sendRest(bank.client, id, body, cut.received_bytes);
  });

  it('goes on with the import from the chunk that it was in', async () => {
    await importThat(bank.client, id, ({ accepted }) => accepted > 0);
    await bank.kill();
    await bank.restart();
    const killed = await importThat(bank.client, id, () => true);
    expect(killed.state).toBe('running');
    expect(killed.accepted).toBeLessThan(49_102);
    const ended = await importThat(bank.client, id, isOver);
    expect(ended).toMatchObject({ state: 'completed', accepted: 49_102, duplicates: 0, rejected: 0 });
  });

  it('has the same totals in the end, and sent again they stay', async () => {
    const again = await startImport(bank.client, 'activities', body);
    const ended = await importThat(bank.client, again.id, isOver);
    expect(ended).toMatchObject({ state: 'completed', accepted: 0, duplicates: 49_102, rejected: 0 });
    const customers = await customersByClient(bank.client);
    const byClient = expectedByClient(files);
    const answered = await readActivities(bank.client, customers, byClient.keys());
    expect(answered.all).toEqual(expectedTotals(files.transactions));
    expect(differences(texts(byClient), texts(answered.byClient))).toEqual([]);
    const { totals } = await readProfiles(bank.client, customers);
    expect(differences(texts(byClient), texts(totals))).toEqual([]);
    expect(await countRows(bank.databaseUrl)).toEqual(rowsOfBank);
  });
});
