/**
 * A back end that has found out who its user is exchanges its own key or token for one that reaches this customer alone
 * (RFC 8693, delegation: the customer is the subject, the back end the actor). What goes wrong later in that session
 * cannot show it anybody else.
 */
import { sql } from 'drizzle-orm';
import { validate } from 'uuid';
import { findByIdentifier } from '../customers/service.js';
import { realNow } from '../platform/clock.js';
import type { Ctx } from '../platform/context.js';
import { visibleCustomer } from '../platform/data-scope.js';
import { DomainError } from '../platform/errors.js';
import { allSelfScopes, selfScopes, writeSelfToken } from '../platform/self-tokens.js';
import { transact } from '../platform/transact.js';
import {
  type Asked,
  accessTokenType,
  customerType,
  grantType,
  type Issued,
  identifierType,
} from './schemas.js';

/** The key that asks, and when it or the token that asks ends. */
export type Giver = { keyId: string | null; until: string | null };

type OAuthError = 'invalid_request' | 'unsupported_grant_type' | 'invalid_scope' | 'invalid_target';

/** RFC 6749, 5.2: `error` is what libraries look at. The description is ASCII and repeats nothing that was sent. */
const refused = (error: OAuthError, description: string) =>
  new DomainError('exchange_refused', description, { extra: { error, error_description: description } });

/** Throws `exchange_refused`, the same for a customer that is out of reach and one that is not. */
export async function exchangeToken(ctx: Ctx, giver: Giver, seconds: number, asked: Asked): Promise<Issued> {
  checkRequest(asked);
  const scopes = scopesOf(ctx, asked.scope);
  const customer = await customerOf(ctx, asked);
  const ends = Date.parse(realNow()) + seconds * 1000;
  const end = giver.until === null ? ends : Math.min(ends, Date.parse(giver.until));
  const expiresAt = new Date(end).toISOString();
  const token = writeSelfToken(ctx.keyring, {
    customer,
    scopes,
    actor: ctx.actor,
    keyId: giver.keyId,
    expiresAt,
  });
  await transact(ctx, async () => ({
    value: null,
    audit: [
      {
        action: 'token.exchanged',
        subjectType: 'customer',
        subjectId: customer,
        details: { scopes, expires_at: expiresAt },
      },
    ],
  }));
  return {
    access_token: token,
    issued_token_type: accessTokenType,
    token_type: 'Bearer',
    expires_in: Math.max(1, Math.floor((end - Date.parse(realNow())) / 1000)),
    scope: scopes.join(' '),
  };
}

function checkRequest(asked: Asked): void {
  if (asked.grant_type === undefined) throw refused('invalid_request', 'grant_type is missing.');
  if (asked.grant_type !== grantType)
    throw refused('unsupported_grant_type', `The grant_type here is ${grantType}.`);
  for (const name of ['subject_token', 'subject_token_type'] as const)
    if (asked[name] === undefined) throw refused('invalid_request', `${name} is missing.`);
  if ((asked.requested_token_type ?? accessTokenType) !== accessTokenType)
    throw refused('invalid_request', `The requested_token_type here is ${accessTokenType}.`);
  if (asked.actor_token !== undefined || asked.actor_token_type !== undefined)
    throw refused('invalid_request', 'Whoever asks is the actor: there is no actor_token.');
  if ((asked.audience ?? 'self') !== 'self' || asked.resource !== undefined)
    throw refused('invalid_target', 'Tokens are good for this service alone.');
}

/** What is asked for, where the caller has it and a customer can; else all that reads. */
function scopesOf(ctx: Ctx, asked: string | undefined): string[] {
  const has = (scope: string) => ctx.scopes.has(scope) || ctx.scopes.has('admin');
  const wanted = asked === undefined ? selfScopes.reading.filter(has) : asked.split(' ').filter(Boolean);
  const scopes = [...new Set(wanted)];
  if (scopes.length === 0) throw refused('invalid_scope', 'The token would be good for nothing.');
  if (scopes.some((scope) => !allSelfScopes.some((one) => one === scope)))
    throw refused('invalid_scope', `A token for one customer has scopes of ${allSelfScopes.join(', ')}.`);
  if (!scopes.every(has)) throw refused('invalid_scope', 'Nobody gives away a scope that they do not have.');
  return scopes;
}

async function customerOf(ctx: Ctx, { subject_token = '', subject_token_type }: Asked): Promise<string> {
  const id =
    subject_token_type === customerType
      ? subject_token
      : subject_token_type === identifierType
        ? await identified(ctx, subject_token)
        : undefined;
  if (id === undefined && subject_token_type !== identifierType)
    throw refused('invalid_request', `The subject_token_type is ${customerType} or ${identifierType}.`);
  const [row] =
    id === undefined || !validate(id)
      ? []
      : await ctx.database.rows<{ id: string }>(sql`
          select c.id from customers c where c.id = ${id}::uuid and ${visibleCustomer(ctx, 'c')}
            and c.status not in ('merged', 'erased')`);
  if (row === undefined) throw refused('invalid_request', 'The subject_token names no customer.');
  return row.id;
}

async function identified(ctx: Ctx, text: string): Promise<string | undefined> {
  const [, scheme, value] = /^([a-z][a-z0-9_]*):(.+)$/s.exec(text) ?? [];
  if (scheme === undefined || value === undefined) return undefined;
  try {
    return await findByIdentifier(ctx, ctx.database, { scheme, value });
  } catch (error) {
    // an identifier that cannot be is nobody's
    if (error instanceof DomainError && error.code === 'rule_broken') return undefined;
    throw error;
  }
}
