/** Sends the bank to a service. Everything has a natural key, so sending it again changes nothing. */
import { activitiesOf, type DemoActivity } from './activities.js';
import { attributes } from './attributes.js';
import { type BankOptions, type DemoBank, makeBank } from './bank.js';
import { type Api, inParallel, type Problem } from './client.js';
import { addDays, offset } from './days.js';
import type { DemoHolding } from './holdings.js';
import type { DemoCustomer } from './world.js';

export type Progress = { start(what: string, total: number): void; step(count?: number): void; end(): void };

export type Counts = Record<'created' | 'updated' | 'unchanged', number>;
export type Loaded = {
  bank: DemoBank;
  /** our id of each customer, by its place in the bank */
  ids: string[];
  customers: Counts;
  holdings: Counts;
  relationships: Counts;
  activities: { accepted: number; duplicates: number; rejected: number };
};

type Work = {
  api: Api;
  options: BankOptions;
  bank: DemoBank;
  progress: Progress;
  ids: string[];
  /** when the sources knew all this */
  sourceTime: string;
  balanceDay: string;
};

const atOnce = 6;
const batchSize = 500;
const batchesAtOnce = 3;

const noCounts = (): Counts => ({ created: 0, updated: 0, unchanged: 0 });

export async function loadBank(api: Api, options: BankOptions, progress: Progress): Promise<Loaded> {
  // the cheapest call that needs the service and the key
  await api.call('GET', '/v1/customers?limit=1');
  const balanceDay = addDays(options.until, -1);
  const bank = makeBank(options, balanceDay);
  const sourceTime = `${options.until}T00:00:00${offset}`;
  const work: Work = { api, options, bank, progress, ids: [], sourceTime, balanceDay };
  await declareAttributes(api);
  const customers = await sendCustomers(work);
  const holdings = await sendHoldings(work);
  const relationships = await sendRelationships(work);
  const activities = await sendActivities(work);
  return { bank, ids: work.ids, customers, holdings, relationships, activities };
}

/** Those that are declared already stay as they are. */
async function declareAttributes(api: Api): Promise<void> {
  for (const [name, definition] of Object.entries(attributes)) {
    const known = await api.call('GET', `/v1/attributes/${name}`, undefined, [404]);
    if (known.status === 404) await api.call('PUT', `/v1/attributes/${name}`, definition);
  }
}

type Upserted = { outcome: keyof Counts; customer: { id: string } };

async function sendCustomers({ api, bank, progress, ids, sourceTime }: Work): Promise<Counts> {
  const counts = noCounts();
  progress.start('customers', bank.customers.length);
  const send = async (customer: DemoCustomer) => {
    const body = customerBody(customer, sourceTime);
    const answer = await api.call<Upserted>('POST', '/v1/customers/upsert', body);
    ids[customer.index] = answer.body.customer.id;
    counts[answer.body.outcome] += 1;
    progress.step();
  };
  await inParallel(bank.customers, atOnce, send);
  progress.end();
  return counts;
}

function customerBody(customer: DemoCustomer, sourceTime: string) {
  const isPerson = customer.kind === 'person';
  return {
    kind: customer.kind,
    ...customer.name,
    ...(isPerson ? { birth_date: customer.bornOn } : { founding_date: customer.bornOn }),
    ...(customer.isSecondRecord
      ? {}
      : {
          ...(customer.gender === undefined ? {} : { gender: customer.gender }),
          language: customer.language,
          city: customer.city.name,
          branch: customer.branch,
          ...(customer.manager === undefined ? {} : { relationship_manager: customer.manager }),
          customer_since: customer.joinedOn,
          status: 'active',
          attributes: customer.attributes,
        }),
    identifiers: [customer.number, ...customer.identifiers],
    contact_points: customer.contactPoints,
    source: customer.source,
    source_time: sourceTime,
  };
}

async function sendHoldings(work: Work): Promise<Counts> {
  const counts = noCounts();
  const holdings = [...work.bank.holdings.values()].flat();
  work.progress.start('holdings', holdings.length);
  const send = async (holding: DemoHolding) => {
    const answer = await work.api.call<Upserted>('POST', '/v1/holdings/upsert', holdingBody(holding, work));
    counts[answer.body.outcome] += 1;
    work.progress.step();
  };
  await inParallel(holdings, atOnce, send);
  work.progress.end();
  return counts;
}

function holdingBody(holding: DemoHolding, { options, sourceTime, balanceDay }: Work) {
  return {
    source: holding.source,
    number: holding.number,
    category: holding.category,
    product: holding.product,
    status: holding.status,
    currency: options.currency,
    opened_on: holding.openedOn,
    ...(holding.closedOn === undefined ? {} : { closed_on: holding.closedOn }),
    ...(holding.balance === undefined ? {} : { balance: holding.balance, balance_date: balanceDay }),
    parties: holding.parties.map(({ customer, role, share }) => ({
      customer: customer.number,
      role,
      ...(share === undefined ? {} : { share }),
    })),
    source_time: sourceTime,
  };
}

async function sendRelationships({ api, bank, progress, ids }: Work): Promise<Counts> {
  const counts = noCounts();
  const relations = bank.customers.flatMap((from) =>
    from.relations.map((relation) => ({ from, ...relation })),
  );
  progress.start('relationships', relations.length);
  const send = async ({ from, to, role, startsOn }: (typeof relations)[number]) => {
    const body = {
      related_customer: { id: ids[to.index] },
      role,
      ...(startsOn === undefined ? {} : { starts_on: startsOn }),
    };
    const path = `/v1/customers/${ids[from.index]}/relationships`;
    // 409: the two stand in this relationship already
    const { status } = await api.call('POST', path, body, [409]);
    counts[status === 201 ? 'created' : 'unchanged'] += 1;
    progress.step();
  };
  await inParallel(relations, atOnce, send);
  progress.end();
  return counts;
}

type BatchResult = {
  accepted: number;
  duplicates: number;
  rejected: { index: number; problem: Problem }[];
};

async function sendActivities({ api, options, bank, progress }: Work): Promise<Loaded['activities']> {
  const counts = { accepted: 0, duplicates: 0, rejected: 0 };
  progress.start('activities of customers', bank.customers.length);
  const send = async ({ items, customers }: Batch) => {
    const answer = await api.call<BatchResult>('POST', '/v1/activities', { items });
    const [first] = answer.body.rejected;
    // told otherwise before, by a demo of another day: what is recorded stays
    const isKnown = (code: string | undefined) => code === 'activity_conflict';
    if (first !== undefined && !isKnown(first.problem.code)) {
      throw new Error(`an activity was rejected: ${first.problem.code ?? ''} ${first.problem.detail ?? ''}`);
    }
    counts.accepted += answer.body.accepted;
    counts.duplicates += answer.body.duplicates;
    counts.rejected += answer.body.rejected.length;
    progress.step(customers);
  };
  await inParallel(batches(bank, options), batchesAtOnce, send);
  progress.end();
  return counts;
}

type Batch = { items: DemoActivity[]; customers: number };

function* batches({ customers, holdings }: DemoBank, options: BankOptions): Generator<Batch> {
  let batch: Batch = { items: [], customers: 0 };
  for (const customer of customers) {
    for (const activity of activitiesOf(customer, holdings.get(customer) ?? [], options)) {
      batch.items.push(activity);
      if (batch.items.length < batchSize) continue;
      yield batch;
      batch = { items: [], customers: 0 };
    }
    batch.customers += 1;
  }
  if (batch.items.length > 0) yield batch;
}
