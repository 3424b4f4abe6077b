/** What was loaded, and what is worth a look. */
import { setTimeout as sleep } from 'node:timers/promises';
import { pinyin } from 'pinyin-pro';
import type { Api } from './client.js';
import type { Counts, Loaded } from './load.js';
import type { DemoCustomer } from './world.js';

type Members = { data: { customer_id: string }[]; freshness: { unreviewed: number } };

const reviewSeconds = 120;

/** Waits until every customer has been judged, for two minutes at most. */
export async function awaitReview(api: Api): Promise<void> {
  for (let waited = 0; waited < reviewSeconds; waited += 0.5) {
    const { body } = await api.call<Members>('GET', '/v1/segments/high_net_worth/members?limit=1');
    if (body.freshness.unreviewed === 0) return;
    await sleep(500);
  }
}

async function countMembers(
  api: Api,
  segment: string,
): Promise<{ count: number; first: string | undefined }> {
  let count = 0;
  let first: string | undefined;
  let cursor = '';
  do {
    const path = `/v1/segments/${segment}/members?limit=200${cursor}`;
    const { body } = await api.call<Members & { next_cursor: string | null }>('GET', path);
    count += body.data.length;
    first ??= body.data[0]?.customer_id;
    cursor = body.next_cursor === null ? '' : `&cursor=${encodeURIComponent(body.next_cursor)}`;
  } while (cursor !== '');
  return { count, first };
}

export async function summarise(api: Api, url: string, loaded: Loaded): Promise<string> {
  const [wealthy, recent, ordinary] = [
    await countMembers(api, 'high_net_worth'),
    await countMembers(api, 'new'),
    await countMembers(api, 'ordinary'),
  ];
  const { accepted, duplicates, rejected } = loaded.activities;
  const kept = rejected === 0 ? '' : `, ${rejected} known otherwise and kept`;
  const of = (counts: Counts) =>
    `${counts.created} new, ${counts.updated} changed, ${counts.unchanged} unchanged`;
  return [
    '',
    `  customers      ${of(loaded.customers)}`,
    `  holdings       ${of(loaded.holdings)}`,
    `  relationships  ${loaded.relationships.created} new, ${loaded.relationships.unchanged} unchanged`,
    `  activities     ${accepted} new, ${duplicates} known already${kept}`,
    `  segments       ${wealthy.count} high net worth, ${recent.count} new, ${ordinary.count} ordinary`,
    '',
    'Worth a look (the key is in $KEY):',
    ...looks(url, loaded, wealthy.first),
  ].join('\n');
}

function looks(url: string, { bank, ids }: Loaded, wealthy: string | undefined): string[] {
  const curl = (path: string, body?: object) =>
    `    curl -s -H "Authorization: Bearer $KEY" ${body === undefined ? '' : `-H 'Content-Type: application/json' -d '${JSON.stringify(body)}' `}'${url}${path}'`;
  const rich = ids[4] ?? wealthy ?? ids[0] ?? '';
  const second = bank.customers.find((customer) => customer.isSecondRecord);
  const named = bank.customers.find(
    (customer) => customer.language === 'zh-CN' && customer.kind === 'person',
  );
  const phone = bank.customers[0]?.contactPoints.find((point) => point.kind === 'phone')?.value;
  return [
    '  every operation, to read and to try',
    `    ${url}/docs`,
    '  a wealthy customer in one read, and what happened lately',
    curl(`/v1/customers/${rich}/profile`),
    curl(`/v1/customers/${rich}/timeline?limit=10`),
    '  who is of high net worth',
    curl('/v1/segments/high_net_worth/members'),
    '  a search by name in pinyin, and by phone',
    ...(named === undefined ? [] : [curl('/v1/customers/search', { name: romanised(named) })]),
    ...(phone === undefined ? [] : [curl('/v1/customers/search', { phone })]),
    ...(second === undefined
      ? []
      : [
          '  a customer that another system knows as well',
          curl(`/v1/customers/${ids[second.index]}/duplicates`),
        ]),
  ];
}

const romanised = ({ name }: DemoCustomer): string =>
  pinyin(name.full_name ?? '', { toneType: 'none', surname: 'head', v: true });
