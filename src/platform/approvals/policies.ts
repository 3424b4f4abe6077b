/** What the bank wants for each operation: whether a second person is asked, from how much on, and for how long. */
import { sql } from 'drizzle-orm';
import { Temporal } from 'temporal-polyfill';
import type { Reader, Tx } from '../../db/client.js';
import { DomainError, fieldError } from '../errors.js';
import { checkVersion } from '../http/versions.js';
import type { AnyGuarded, Guarded, Planned } from './guarded.js';

export type Policy = {
  required: boolean;
  threshold: number | null;
  expires_after: string;
};

export type PolicyRow = Policy & {
  operation: string;
  /** 0 where nobody has decided yet */
  version: number;
  updated_at: string | null;
  updated_by: string | null;
};

const columns = sql.raw('operation, required, threshold, expires_after, version, updated_at, updated_by');

/** Until the bank decides otherwise, nothing waits for anybody. */
const untouched = (operation: string): PolicyRow => ({
  operation,
  required: false,
  threshold: null,
  expires_after: 'P7D',
  version: 0,
  updated_at: null,
  updated_by: null,
});

export async function readPolicy(reader: Reader, operation: string): Promise<PolicyRow> {
  const [row] = await reader.rows<PolicyRow>(
    sql`select ${columns} from approval_policies where operation = ${operation}`,
  );
  return row ?? untouched(operation);
}

export async function readPolicies(reader: Reader, operations: readonly string[]): Promise<PolicyRow[]> {
  const rows = await reader.rows<PolicyRow>(sql`select ${columns} from approval_policies`);
  const known = new Map(rows.map((row) => [row.operation, row]));
  return operations.map((operation) => known.get(operation) ?? untouched(operation));
}

const lockName = (operation: string) => sql`hashtextextended(${`approval_policy|${operation}`}, 0)`;

/** The policy as it stays until the transaction ends: a change waits for those who went by it. */
export async function holdPolicy(tx: Tx, operation: string): Promise<PolicyRow> {
  await tx.rows(sql`select pg_advisory_xact_lock_shared(${lockName(operation)})`);
  return readPolicy(tx, operation);
}

/** Whether this plan waits for a second person. */
export function asksForApproval(
  policy: Policy,
  threshold: AnyGuarded['threshold'],
  planned: Planned,
): boolean {
  if (planned.required === true) return true;
  if (!policy.required || !planned.weighty) return false;
  if (policy.threshold === null || threshold === undefined) return true;
  const amount = threshold.of(planned);
  return amount === null || amount >= policy.threshold;
}

export type PolicyInput = Policy & { operation: string; versions: number[] | undefined };

/** Changing a policy is guarded as well: else whoever is alone could switch four eyes off. */
export const policyGuard = (guarded: ReadonlyMap<string, AnyGuarded>): Guarded<PolicyInput, Policy> => ({
  operation: 'putApprovalPolicy',
  scope: 'admin',

  async plan(tx, ctx, { operation, versions, ...policy }) {
    const guard = guarded.get(operation);
    if (guard === undefined)
      throw new DomainError('not_found', 'No operation of that name can ask for approval.');
    checkPolicy(policy, guard, ctx.now);
    await tx.rows(sql`select pg_advisory_xact_lock(${lockName(operation)})`);
    const present = await readPolicy(tx, operation);
    checkVersion(versions, present.version);
    const { required, threshold, expires_after } = present;
    return {
      subject: { type: 'approval_policy', id: operation },
      customers: [],
      summary: `Change when ${operation} asks for approval`,
      content: { base_version: present.version, former: { required, threshold, expires_after }, ...policy },
      weighty: true,
    };
  },

  async execute(tx, ctx, { operation, required, threshold, expires_after }) {
    const present = await readPolicy(tx, operation);
    const policy = { required, threshold, expires_after };
    await tx.run(sql`
      insert into approval_policies (${columns})
      values (${operation}, ${required}, ${threshold}, ${expires_after}, ${present.version + 1}, ${ctx.now}, ${ctx.actor})
      on conflict (operation) do update set required = excluded.required, threshold = excluded.threshold,
        expires_after = excluded.expires_after, version = excluded.version, updated_at = excluded.updated_at,
        updated_by = excluded.updated_by`);
    const action = 'approval_policy.updated';
    const details = { version: present.version + 1, ...policy };
    return {
      value: policy,
      audit: [{ action, subjectType: 'approval_policy', subjectId: operation, details }],
      events: [{ type: action, subject: operation, subjectVersion: 0, occurredAt: ctx.now, data: details }],
    };
  },
});

const longest = 'P1Y';

function checkPolicy(policy: Policy, guard: AnyGuarded, now: string): void {
  if (policy.threshold !== null && guard.threshold === undefined) {
    throw fieldError(
      '/threshold',
      'not_counted',
      'This operation counts nothing: its policy has no threshold.',
    );
  }
  const start = Temporal.Instant.from(now).toZonedDateTimeISO('UTC');
  let end: Temporal.ZonedDateTime | undefined;
  try {
    end = start.add(Temporal.Duration.from(policy.expires_after));
  } catch {
    // a number that no calendar holds
  }
  const { compare } = Temporal.ZonedDateTime;
  if (end === undefined || compare(end, start) <= 0 || compare(end, start.add(longest)) > 0) {
    throw fieldError(
      '/expires_after',
      'out_of_bounds',
      `must be longer than nothing, and at most ${longest}`,
    );
  }
}
