/** The whole picture of every customer, one read each. */
import type { Client } from '../../support/client.js';
import { addTo, type Totals } from './expected.js';
import { hellers } from './files.js';
import { type CustomerHolding, holdingText } from './holdings.js';
import { type CustomerReply, forEachOf } from './read-back.js';

type Profile = {
  holdings: CustomerHolding[];
  activity_totals: {
    type: string;
    direction: string;
    initiated_by: string;
    count: number;
    amount: string;
    unvalued: number;
  }[];
};

export type Profiles = {
  /** of those who have any activity */
  totals: Map<string, Totals>;
  /** sorted lines of text */
  holdings: string[];
};

export async function readProfiles(
  client: Client,
  customers: ReadonlyMap<string, CustomerReply>,
): Promise<Profiles> {
  const profiles: Profiles = { totals: new Map(), holdings: [] };
  await forEachOf([...customers], async ([number, { id }]) => {
    const profile = (await client.get(`/v1/customers/${id}/profile`)) as Profile;
    profiles.holdings.push(...profile.holdings.map((one) => holdingText(number, one)));
    if (profile.activity_totals.length > 0) profiles.totals.set(number, totalsOf(number, profile));
  });
  profiles.holdings.sort();
  return profiles;
}

function totalsOf(number: string, { activity_totals }: Profile): Totals {
  const totals: Totals = {};
  for (const one of activity_totals) {
    if (one.unvalued > 0) throw new Error(`${one.unvalued} activities of ${number} have no value`);
    addTo(totals, `${one.type} ${one.direction} ${one.initiated_by}`, hellers(one.amount), one.count);
  }
  return totals;
}
