/** What is known of one customer, as far as rules read it: rows as the database gives them. */

export type CustomerPart = {
  id: string;
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

/** How the customer owns a holding. */
export type OwnerPart = {
  role: string;
  /** percent */
  share: string | null;
  starts_on: string | null;
  ends_on: string | null;
  /** the joint owners of it */
  others: readonly { share: string | null; starts_on: string | null; ends_on: string | null }[];
};

export type HoldingPart = {
  category: string;
  product: string | null;
  status: string;
  currency: string;
  balance: string | null;
  closed_on: string | null;
  /** by business date, [from, to) */
  balances: readonly BalancePart[];
  /** the customer is its primary owner now */
  kept: boolean;
  owner: OwnerPart;
};

export type BalancePart = {
  from_date: string;
  to_date: string | null;
  /** signed; null where the source took back what it had told */
  amount: string | null;
  currency: string;
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

/** What the customer has in a loyalty programme. */
export type LoyaltyPart = {
  programme: string;
  tier: string | null;
  rank: number | null;
  /** points */
  debt: number;
  /** of which something remains, each with what active holds keep of it */
  lots: readonly {
    available_at: string;
    expires_at: string | null;
    remaining: number;
    holds: readonly { expires_at: string; points: number }[];
  }[];
};

export type CustomerPicture = {
  customer: CustomerPart;
  identifiers: readonly { scheme: string; status: string }[];
  relationships: readonly { role: string; starts_on: string | null; ends_on: string | null }[];
  /** those whose primary owner the customer is, or a joint one */
  holdings: readonly HoldingPart[];
  /** every holding to which the customer is or was a party */
  parties: readonly { role: string; opened_on: string | null }[];
  activities: readonly ActivityPart[];
  activityTotals: readonly ActivityTotalPart[];
  /** the static segments that list the customer */
  staticSegments: readonly string[];
  /** the latest exchange rates, those of the currencies that the holdings are in */
  rates: readonly { currency: string; rate: string }[];
  /** those of the days on which the holdings had balances in other currencies */
  ratesOfDays: readonly { currency: string; business_date: string; rate: string }[];
  /** the bank's own grading; null before the first */
  level: { level: string; rank: number } | null;
  /** the programmes that the customer takes part in */
  loyalty: readonly LoyaltyPart[];
};
