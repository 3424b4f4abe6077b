/**
 * Four eyes. An operation declares how it is planned and how the plan is carried out; a policy of the bank says
 * whether it is done at once, or waits for the yes of a second person. Then nothing is done until the yes, and by it
 * exactly what was planned: the plan is made anew in the transaction that carries it out, and must be the same.
 */
import { createHash } from 'node:crypto';
import type { Tx } from '../../db/client.js';
import { canonicalJson } from '../canonical-json.js';
import type { Ctx } from '../context.js';
import { DomainError } from '../errors.js';
import type { Scope } from '../scopes.js';
import type { Effect } from '../transact.js';

export type Content = Record<string, unknown>;

/** What would be done, on the grounds of what is. JSON, and best without personal data: ids, versions, names of fields. */
export type Plan = {
  subject: { type: string; id: string };
  /** the customers that it concerns; none where it concerns the bank */
  customers: readonly string[];
  /** one line for whoever decides */
  summary: string;
  /** what is there now, and what will be in its place: everything that the execution depends on */
  content: Content;
  /** false where this request is too harmless for the policy to speak of it */
  weighty: boolean;
  /** what is asked for lies beyond a limit of its own: it waits, whatever the policy says */
  required?: boolean;
};

/** A plan and how much it would move at that moment, which is told but goes on changing. */
export type Planned = Plan & { forecast: Content | null };

export type Guarded<Input, Value> = {
  /** its operationId: approvals and policies name it so */
  operation: string;
  /** what it asks of its callers, and of whoever decides */
  scope: Scope;
  /** What a policy's threshold counts, and how much of it there is; null, more than could be counted, is above all. */
  threshold?: { counts: string; of: (planned: Planned) => number | null };
  /** How much it would move, counted outside of any lock, in seconds at most. Throws what `plan` would throw. */
  forecast?: (ctx: Ctx, input: Input) => Promise<Content>;
  /** Locks what it reads. Throws a `DomainError` where it cannot be done. */
  plan: (tx: Tx, ctx: Ctx, input: Input) => Promise<Plan>;
  /** In the transaction of the plan. Its value is JSON. */
  execute: (tx: Tx, ctx: Ctx, input: Input) => Promise<Effect<Value>>;
};

/** Of any input: what a request brings, or an approval has kept. */
export type AnyGuarded = Guarded<unknown, unknown>;

/** SHA-256, in hexadecimal, of the plan as it was shown, in its canonical spelling. */
export function planHash(operation: string, { subject, customers, content, forecast }: Planned): string {
  const shown = canonicalJson({ operation, subject, customers, plan: content, forecast });
  return createHash('sha256').update(shown).digest('hex');
}

export const planChanged = (detail: string) =>
  new DomainError('plan_changed', `${detail} Nothing was done: look at the plan anew.`);
