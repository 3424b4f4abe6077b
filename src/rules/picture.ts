/** What is known of one customer, as far as rules read it: rows as the database gives them. */

export type CustomerPart = {
  kind: string;
  status: string;
  stub: boolean;
  birth_date: string | null;
  customer_since: string | null;
  branch: string | null;
  city: string | null;
  language: string | null;
  gender: string | null;
  attributes: Record<string, unknown>;
};

export type HoldingPart = {
  category: string;
  product: string | null;
  status: string;
  currency: string;
  balance: string | null;
};

export type ActivityPart = {
  id: string;
  type: string;
  occurred_at: string;
  business_date: string;
  amount: string | null;
  /** in the bank's currency */
  reporting_amount: string | null;
  currency: string | null;
  direction: string;
  channel: string | null;
  initiated_by: string;
  own_transfer: boolean;
  holding_id: string | null;
  source: string;
  attributes: Record<string, unknown> | null;
  state: string;
};

export type ActivityTotalPart = {
  type: string;
  direction: string;
  initiated_by: string;
  count: number;
  amount: string;
  /** how many of them have an amount and no reporting amount */
  unvalued: number;
  first_at: string;
  last_at: string;
};

export type CustomerPicture = {
  customer: CustomerPart;
  identifiers: readonly { scheme: string; status: string }[];
  relationships: readonly { role: string; starts_on: string | null; ends_on: string | null }[];
  /** those whose primary owner the customer is */
  holdings: readonly HoldingPart[];
  /** every holding to which the customer is or was a party */
  parties: readonly { role: string; opened_on: string | null }[];
  activities: readonly ActivityPart[];
  activityTotals: readonly ActivityTotalPart[];
};
