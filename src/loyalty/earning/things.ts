/** What is judged: activities as they stand, and occasions. */
import { plainArray, textArray } from '../../db/array-literals.js';
import type { Tx } from '../../db/client.js';
import type { ActivityPart } from '../../rules/picture.js';
import type { Occasion } from './occasions.js';

export type Thing = {
  customerId: string;
  /** by what it is earned once: source and id there, or an occasion of a year */
  subject: string;
  occurredAt: string;
  /** a date alone is known of it, whose first instant it is said to be */
  isDay: boolean;
  /** when it was first heard of: the rules of then count */
  rulesAt: string;
} & (
  | { kind: 'activity'; activityId: string; activity: ActivityPart | null }
  | { kind: 'occasion'; occasion: Occasion; programme: string }
);

export type DueRow = { customer_id: string; activity_id: string; occurred_at: string };

type Row = ActivityPart & {
  customer_id: string;
  precision: string;
  recorded_at: string;
  source_id: string;
};

const columns = `a.customer_id, a.id, a.type, a.occurred_at, a.business_date, a.amount, a.reporting_amount, a.currency,
  a.direction, a.channel, a.initiated_by, a.own_transfer, a.holding_id, a.source, a.state, a.attributes, a.precision,
  a.recorded_at, a.source_id`;

/**
 * Each thing once, in the order of the rows. What is no longer kept is no thing: what it earned stays. An activity that
 * is superseded stands for the one in its place, which is the customer's or another's.
 */
export async function readThings(tx: Tx, due: readonly DueRow[]): Promise<Thing[]> {
  const rows = await readActivities(tx, due);
  const byId = new Map(rows.map((row) => [row.id, row]));
  const standing = await readStanding(tx, rows);
  const things = new Map<string, Thing>();
  for (const { activity_id: id } of due) {
    const row = byId.get(id);
    if (row === undefined) continue;
    const subject = subjectOf(row);
    const key = `${row.customer_id} ${subject}`;
    const stands = row.state === 'superseded' ? standing.get(key) : row;
    if (things.has(key)) continue;
    things.set(key, {
      kind: 'activity',
      customerId: row.customer_id,
      subject,
      occurredAt: (stands ?? row).occurred_at,
      isDay: (stands ?? row).precision === 'day',
      rulesAt: (stands ?? row).recorded_at,
      activityId: (stands ?? row).id,
      activity: stands?.state === 'current' ? stands : null,
    });
  }
  return [...things.values()];
}

const subjectOf = ({ source, source_id: id }: Pick<Row, 'source' | 'source_id'>): string => `${source} ${id}`;

const readActivities = (tx: Tx, places: readonly DueRow[]): Promise<Row[]> =>
  tx.named<Row>(
    'earning_activities',
    `select ${columns} from unnest($1::uuid[], $2::timestamptz[], $3::uuid[]) as place(customer_id, occurred_at, id)
     join activities a using (customer_id, occurred_at, id)`,
    [
      plainArray(places.map((one) => one.customer_id)),
      plainArray(places.map((one) => one.occurred_at)),
      plainArray(places.map((one) => one.activity_id)),
    ],
  );

/** What stands in the place of those that are superseded, by customer and subject, where it is the same customer's. */
async function readStanding(tx: Tx, rows: readonly Row[]): Promise<Map<string, Row>> {
  const superseded = rows.filter(({ state }) => state === 'superseded');
  if (superseded.length === 0) return new Map();
  const keys = await tx.named<DueRow>(
    'earning_standing_keys',
    `select customer_id, activity_id, occurred_at from activity_keys
     join (select distinct source, source_id from unnest($1::text[], $2::text[]) as k(source, source_id)) k
     using (source, source_id)`,
    [plainArray(superseded.map((one) => one.source)), textArray(superseded.map((one) => one.source_id))],
  );
  const standing = await readActivities(tx, keys);
  return new Map(standing.map((row) => [`${row.customer_id} ${subjectOf(row)}`, row]));
}
