/** The thresholds of the three segments, moved as an administrator of the bank moves them. */
import type { Client } from '../../support/client.js';

export async function moveThresholds(
  client: Client,
  { net, days }: { net: number; days: number },
): Promise<void> {
  const isRich = { fact: 'holdings.net', op: 'gt', value: String(net) };
  await putRule(client, 'high_net_worth', isRich);
  await putRule(client, 'new', { fact: 'tenure_days', op: 'lt', value: days });
  await putRule(client, 'ordinary', {
    all: [{ fact: 'tenure_days', op: 'gte', value: days }, { not: isRich }],
  });
}

async function putRule(client: Client, key: string, rule: object): Promise<void> {
  const { headers, body } = await client.request('GET', `/v1/segments/${key}`);
  await client.put(`/v1/segments/${key}`, { name: body.name, description: body.description, rule }, 200, {
    headers: { 'if-match': headers.get('etag') ?? '' },
  });
}
