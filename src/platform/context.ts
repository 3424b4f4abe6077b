/** What an operation knows of its caller and of the world. It is made anew for each request and each job. */
import type { Database } from '../db/client.js';
import { dateIn } from './instants.js';
import type { Logger } from './log.js';
import type { Keyring } from './secrets.js';
import type { Span } from './tracing/tracer.js';

/** Whom a caller is bound to, as its key or token says it: subtrees, a book, or one customer. `null` is the whole bank. */
export type DataScope = null | { branches: string[] } | { manager: string } | { customer: string };

/** The same at an instant: the codes of all branches in reach, whose book it is and when, or the customer. */
export type Reach =
  | null
  | { codes: readonly string[] }
  | { staff: string; at: string }
  | { customer: string };

/** The bank whose customers these are: its calendar, its reporting currency, its country (ISO 3166-1 alpha-2). */
export type Bank = { timeZone: string; currency: string; country: string };

/** What every context shares: opened once by the program. */
export type Services = { database: Database; keyring: Keyring; bank: Bank };

export type IdempotentRequest = { key: string; operation: string; requestHash: Buffer };

/** Who calls, what they may do, and whose customers they reach. */
export type Principal = {
  /** `key:<id>`, `oidc:<subject>` of a person, `oidc-client:<id>` of a client of the provider, or `system:<part>` */
  readonly actor: string;
  /** `customer:<id>`, where a token was exchanged for this customer's */
  readonly onBehalfOf?: string | undefined;
  readonly scopes: ReadonlySet<string>;
  readonly dataScope: DataScope;
};

export type Ctx = Services &
  Principal & {
    /** which customers these are at the instant of the context */
    readonly reach: Reach;
    readonly requestId: string;
    /** W3C Trace Context, of the span where there is one */
    readonly traceparent: string | undefined;
    /** what this is part of, where traces are recorded */
    readonly span?: Span | undefined;
    /** why data is read, as a code: reserved for the audit of sensitive reads */
    readonly purpose?: string | undefined;
    /** RFC 3339, UTC */
    readonly now: string;
    readonly log: Logger;
    readonly idempotency: IdempotentRequest | undefined;
    /** set by `transact` when it answered from a former request */
    replayed: boolean;
  };

/** A context for work that nobody asked for just now. */
export function systemContext(
  services: Services,
  part: string,
  requestId: string,
  now: string,
  log: Logger,
): Ctx {
  return {
    ...services,
    actor: `system:${part}`,
    scopes: new Set(['admin']),
    dataScope: null,
    reach: null,
    requestId,
    traceparent: undefined,
    now,
    log,
    idempotency: undefined,
    replayed: false,
  };
}

export const mayReadSensitive = (ctx: Ctx, area: string): boolean =>
  ctx.scopes.has('admin') || ctx.scopes.has(`${area}:read_sensitive`);

/** The calendar day at the bank. */
export const today = ({ bank, now }: Pick<Ctx, 'bank' | 'now'>): string => dateIn(bank.timeZone, now);
