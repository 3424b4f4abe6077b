/** All that the API answers of the bank, page by page and customer by customer. */
import type { Client } from '../../support/client.js';
import { scheme } from './bank.js';
import { addTo, type Totals } from './expected.js';
import { hellers } from './files.js';

type Page<T> = { data: T[]; next_cursor: string | null };

export async function allPages<T>(client: Client, path: string): Promise<T[]> {
  const items: T[] = [];
  const start = `${path}${path.includes('?') ? '&' : '?'}limit=200`;
  let next: string | null = start;
  while (next !== null) {
    const page = (await client.get(next)) as Page<T>;
    items.push(...page.data);
    next = page.next_cursor === null ? null : `${start}&cursor=${encodeURIComponent(page.next_cursor)}`;
  }
  return items;
}

/** A few at a time, in order. */
export async function forEachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const take = async () => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await work(item);
  };
  await Promise.all(Array.from({ length: 4 }, take));
}

export type CustomerReply = {
  id: string;
  version: number;
  gender: string;
  birth_date: string;
  identifiers: { scheme: string; value: string }[];
};

/** Customers by their number in the files. */
export async function customersByClient(client: Client): Promise<Map<string, CustomerReply>> {
  const customers = await allPages<CustomerReply>(client, '/v1/customers');
  return new Map(
    customers.map((one) => [one.identifiers.find((each) => each.scheme === scheme)?.value ?? one.id, one]),
  );
}

type ActivityReply = {
  id: string;
  type: string;
  direction: string;
  initiated_by: string;
  amount: string;
  currency: string;
};

export type ReadBack = { byClient: Map<string, Totals>; all: Totals; ids: Set<string> };

/** The activities of some customers, summed as they are read. */
export async function readActivities(
  client: Client,
  customers: ReadonlyMap<string, CustomerReply>,
  numbers: Iterable<string>,
): Promise<ReadBack> {
  const result: ReadBack = { byClient: new Map(), all: {}, ids: new Set() };
  await forEachOf([...numbers], async (number) => {
    const { id } = customers.get(number) ?? {};
    const totals: Totals = {};
    for (const one of await allPages<ActivityReply>(client, `/v1/customers/${id}/activities`)) {
      if (one.currency !== 'CZK') throw new Error(`an activity in ${one.currency}`);
      const kind = `${one.type} ${one.direction} ${one.initiated_by}`;
      addTo(totals, kind, hellers(one.amount));
      addTo(result.all, kind, hellers(one.amount));
      result.ids.add(one.id);
    }
    result.byClient.set(number, totals);
  });
  return result;
}

/** The numbers of a segment's members. */
export async function membersOf(
  client: Client,
  segment: string,
  customers: ReadonlyMap<string, CustomerReply>,
): Promise<string[]> {
  const numbers = new Map([...customers].map(([number, { id }]) => [id, number]));
  const members = await allPages<{ customer_id: string }>(client, `/v1/segments/${segment}/members`);
  return members.map((one) => numbers.get(one.customer_id) ?? one.customer_id).sort();
}

/** Waits until every customer has been reviewed and every version of every segment is current. */
export async function whenReviewed(client: Client): Promise<void> {
  for (;;) {
    const { data } = (await client.get('/v1/segments')) as Page<{ key: string; state: string }>;
    const { freshness } = await client.get('/v1/segments/ordinary/members?limit=1');
    if (freshness.unreviewed === 0 && data.every((one) => one.state === 'current')) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

type EventPage = { data: { type: string; subject: string }[]; next_after: number };

/** The events after one, in order: [] where nothing happened. */
export async function eventsSince(client: Client, after: number): Promise<string[]> {
  const events: string[] = [];
  for (let from = after; ; ) {
    const page = (await client.get(`/v1/events?after=${from}&limit=1000&wait=2`)) as EventPage;
    if (page.data.length === 0) return events;
    events.push(...page.data.map((event) => `${event.type} ${event.subject}`));
    from = page.next_after;
  }
}

/** Where the feed ends. */
export async function lastSequence(client: Client): Promise<number> {
  for (let after = 0; ; ) {
    const page = (await client.get(`/v1/events?after=${after}&limit=1000`)) as EventPage;
    if (page.data.length === 0) return after;
    after = page.next_after;
  }
}
