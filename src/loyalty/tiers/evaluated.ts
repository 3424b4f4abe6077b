/** What following some members has come to is written: their tiers, how far they were followed, and who is told. */
import { sql } from 'drizzle-orm';
import { array, json, type Tx } from '../../db/client.js';
import type { Ctx } from '../../platform/context.js';
import { instantOf } from '../../platform/instants.js';
import type { OutboxEvent } from '../../platform/outbox.js';
import { type Mark, markCustomers } from '../../reviews/service.js';
import type { HeldCause } from './held.js';
import type { StoredTiers } from './model.js';
import type { Move, Standing, Warning } from './standing.js';

/** A member as it was before. */
export type MemberRow = {
  customer_id: string;
  branch: string | null;
  manager: string | null;
  status: 'open' | 'closed';
  enrolled_at: string;
  closed_at: string | null;
  cause: 'booked' | 'merge' | null;
  stand: string | null;
  marked_at: string | null;
  model_version: number | null;
  evaluated_at: string | null;
  period_from: string;
  period_to: string;
  anchor: string;
  warned_for: string | null;
  tier: string | null;
  rank: number | null;
  from_at: string | null;
  since_at: string | null;
  last_at: string | null;
};

type DatedMove = Omit<Move, 'cause'> & { cause: HeldCause; tiers: StoredTiers };

export type Evaluated = {
  row: MemberRow;
  /** microseconds: followed so far, and how far it is to be */
  since: number;
  until: number;
  standing: Standing | null;
  /** the version that it was judged by before, and where it stood by it */
  former?: { tiers: StoredTiers; standing: Standing | null };
  moves: DatedMove[];
  warnings: Warning[];
  /** when it is to be looked at again */
  next: number | null;
};

type HeldRow = {
  customer_id: string;
  from_at: string;
  to_at: string | null;
  tier: string;
  rank: number;
  model_version: number;
  since_at: string;
  cause: HeldCause;
  evidence: unknown;
};
type Change = {
  member: Evaluated;
  from: string | null;
  to: string | null;
  direction: 'first' | 'up' | 'down' | 'same';
  cause: HeldCause | 'left';
  version: number;
  at: number;
};

export async function writeEvaluated(
  tx: Tx,
  ctx: Ctx,
  tiers: StoredTiers,
  members: readonly Evaluated[],
): Promise<OutboxEvent[]> {
  const histories = members.map(historyOf);
  await closeOpen(
    tx,
    tiers,
    histories.flatMap(({ closed }) => (closed === null ? [] : [closed])),
  );
  await insertHeld(
    tx,
    ctx,
    tiers,
    histories.flatMap(({ rows }) => rows),
  );
  await writeStates(tx, tiers, members);
  const changes = histories.flatMap((one) => one.changes);
  const moved = new Set(changes.map(({ member }) => member.row.customer_id));
  const warned = members.filter(({ warnings }) => warnings.length > 0);
  const told = [...moved, ...warned.map(({ row }) => row.customer_id)];
  const marks = await markCustomers(tx, ctx, told, (id) => (moved.has(id) ? ['loyalty'] : []));
  return [
    ...changes.map((change) => changeEvent(tiers, change, marks)),
    ...warned.flatMap((member) =>
      member.warnings.map((warning) => warningEvent(tiers, member, warning, marks)),
    ),
  ];
}

type History = {
  closed: { customerId: string; at: string } | null;
  rows: HeldRow[];
  changes: Change[];
};

/** Half-open intervals, one after the other. */
function historyOf(member: Evaluated): History {
  const { row, until } = member;
  // of two moves at one instant the later one is what came of it
  const moves = member.moves.filter(({ at }, place) => member.moves[place + 1]?.at !== at);
  const history: History = { closed: null, rows: [], changes: [] };
  let before = { tier: row.tier, since: row.since_at };
  const first = moves[0]?.at ?? (row.status === 'closed' ? until : null);
  if (row.tier !== null && first !== null)
    history.closed = { customerId: row.customer_id, at: instantOf(first) };
  for (const [place, move] of moves.entries()) {
    const { at, rank, former, cause, evidence, tiers } = move;
    const tier = tiers.content.tiers[rank]?.key ?? null;
    const since = tier === before.tier && before.since !== null ? before.since : instantOf(at);
    const next = moves[place + 1]?.at ?? (row.status === 'closed' ? Math.max(until, at + 1) : null);
    if (tier !== null)
      history.rows.push({
        ...{
          customer_id: row.customer_id,
          from_at: instantOf(at),
          to_at: next === null ? null : instantOf(next),
        },
        ...{ tier, rank, model_version: tiers.version, since_at: since, cause, evidence },
      });
    if (tier !== before.tier) {
      const isFirst = row.last_at === null && before.tier === null;
      const direction = isFirst ? 'first' : rank > former ? 'up' : rank < former ? 'down' : 'same';
      const change = {
        member,
        from: before.tier,
        to: tier,
        direction,
        cause,
        version: tiers.version,
        at,
      } as const;
      history.changes.push(change);
    }
    before = { tier, since };
  }
  if (row.status === 'closed' && before.tier !== null)
    history.changes.push({
      ...{ member, from: before.tier, to: null, direction: 'down', cause: 'left' },
      ...{ version: row.model_version ?? 0, at: until },
    });
  return history;
}

async function closeOpen(
  tx: Tx,
  { programme }: StoredTiers,
  closed: readonly { customerId: string; at: string }[],
): Promise<void> {
  if (closed.length === 0) return;
  const column = <T>(pick: (one: (typeof closed)[number]) => T) => closed.map(pick);
  await tx.run(sql`
    update loyalty_tiers_held h set to_at = greatest(n.at, h.from_at + interval '1 microsecond')
    from unnest(${array(
      column(({ customerId }) => customerId),
      'uuid',
    )}, ${array(
      column(({ at }) => at),
      'timestamptz',
    )}) as n(customer_id, at)
    where h.customer_id = n.customer_id and h.programme = ${programme} and h.to_at is null`);
}

async function insertHeld(
  tx: Tx,
  ctx: Ctx,
  { programme }: StoredTiers,
  rows: readonly HeldRow[],
): Promise<void> {
  if (rows.length === 0) return;
  await tx.run(sql`
    insert into loyalty_tiers_held (customer_id, programme, from_at, to_at, tier, rank, model_version, since_at, cause,
      decided_at, evidence)
    select customer_id, ${programme}, from_at, to_at, tier, rank, model_version, since_at, cause, ${ctx.now}, evidence
    from jsonb_to_recordset(${json(rows)}) as r(customer_id uuid, from_at timestamptz, to_at timestamptz, tier text,
      rank integer, model_version integer, since_at timestamptz, cause text, evidence jsonb)
    order by customer_id, from_at`);
}

async function writeStates(tx: Tx, tiers: StoredTiers, members: readonly Evaluated[]): Promise<void> {
  const left = members.filter(({ row }) => row.status === 'closed').map(({ row }) => row.customer_id);
  await tx.run(sql`
    delete from loyalty_tier_states
    where customer_id = any(${array(left, 'uuid')}) and programme = ${tiers.programme}`);
  const rows = members.flatMap(({ row, standing, until, next }) =>
    standing === null || row.status === 'closed'
      ? []
      : [
          {
            ...{ customer_id: row.customer_id, evaluated_at: instantOf(until), anchor: standing.anchor },
            ...{
              period_from: standing.period.from,
              period_to: standing.period.to,
              warned_for: standing.warnedFor,
            },
            next_at: next === null ? null : instantOf(next),
          },
        ],
  );
  if (rows.length === 0) return;
  await tx.run(sql`
    insert into loyalty_tier_states (customer_id, programme, model_version, evaluated_at, period_from, period_to, anchor,
      warned_for, next_at)
    select customer_id, ${tiers.programme}, ${tiers.version}::integer, evaluated_at, period_from, period_to, anchor,
      warned_for, next_at
    from jsonb_to_recordset(${json(rows)}) as r(customer_id uuid, evaluated_at timestamptz, period_from date,
      period_to date, anchor date, warned_for date, next_at timestamptz)
    order by customer_id
    on conflict (customer_id, programme) do update set model_version = excluded.model_version,
      evaluated_at = excluded.evaluated_at, period_from = excluded.period_from, period_to = excluded.period_to,
      anchor = excluded.anchor, warned_for = excluded.warned_for, next_at = excluded.next_at`);
}

const told = ({ row }: Evaluated, type: string, marks: ReadonlyMap<string, Mark>) => ({
  type,
  subject: row.customer_id,
  subjectVersion: marks.get(row.customer_id)?.version ?? 0,
  occurredAt: marks.get(row.customer_id)?.instant ?? '',
  scope: { customer: row.customer_id, branch: row.branch, manager: row.manager },
});

const changeEvent = (
  { programme }: StoredTiers,
  { member, at, version, ...data }: Change,
  marks: ReadonlyMap<string, Mark>,
): OutboxEvent => ({
  ...told(member, 'loyalty.tier_changed', marks),
  data: { programme, ...data, model_version: version, effective_at: instantOf(at) },
});

const warningEvent = (
  { programme, content }: StoredTiers,
  member: Evaluated,
  { at, rank, missing, reviewAt, goesTo }: Warning,
  marks: ReadonlyMap<string, Mark>,
): OutboxEvent => ({
  ...told(member, 'loyalty.tier_at_risk', marks),
  data: {
    programme,
    tier: content.tiers[rank]?.key ?? '',
    goes_to: content.tiers[goesTo]?.key ?? null,
    missing,
    review_at: instantOf(reviewAt),
    effective_at: instantOf(at),
  },
});
