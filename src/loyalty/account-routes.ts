import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { operation } from '../platform/http/operation.js';
import { Id, Instant, Key, pageQuery, Ref, Strict } from '../platform/http/schemas.js';
import { etagWithState, unlessKnown } from '../platform/http/versions.js';
import { page, pageRequest } from '../platform/pagination.js';
import * as accounts from './accounts.js';
import { accountExample, entryExample, lotExample } from './examples.js';
import { common } from './programme-routes.js';
import type { LoyaltyAccountOut } from './schemas.js';
import * as schemas from './schemas.js';
import { exportEntries, exportedEntry, exportHead, listEntries, listLots } from './statement.js';

const path = '/v1/customers/{id}/loyalty/{programme}';
const params = Strict({ id: Id('Of the customer'), programme: Key('Of the programme') });
const etag = { ETag: 'The version, for If-Match' };
const shown = (description: string) => ({
  description,
  schema: Ref(schemas.LoyaltyAccount),
  headers: etag,
  example: accountExample,
});

/** Points expire, and can be used, without a write. */
const tagOf = ({ version, balance }: LoyaltyAccountOut) => etagWithState(version, balance);

export function accountRoutes(app: FastifyInstance): void {
  membershipRoutes(app);
  statementRoutes(app);
}

function membershipRoutes(app: FastifyInstance): void {
  operation(app, {
    ...common,
    method: 'GET',
    path: '/v1/customers/{id}/loyalty',
    id: 'getCustomerLoyalty',
    summary: 'Read the points of a customer',
    description: 'In all programmes that it takes part in, or did, in the order of their keys.',
    scope: 'loyalty:read',
    params: Strict({ id: Id('Of the customer') }),
    replies: {
      200: {
        description: 'The accounts',
        schema: Ref(schemas.LoyaltyOverview),
        example: { data: [accountExample] },
      },
    },
    handler: async ({ ctx, params: { id } }) => ({
      status: 200,
      body: { data: await accounts.listAccounts(ctx, id) },
    }),
  });
  operation(app, {
    ...common,
    method: 'GET',
    path,
    id: 'getLoyaltyAccount',
    summary: 'Read the points of a customer in a programme',
    description: 'What there is now: what has expired by now is gone, whether or not it was posted yet.',
    scope: 'loyalty:read',
    params,
    replies: {
      200: shown('The account'),
      304: { description: 'The caller has it as it is', headers: etag },
    },
    handler: async ({ ctx, params: key, headers: { ifNoneMatch } }) => {
      const body = await accounts.getAccount(ctx, key);
      return unlessKnown(ifNoneMatch, tagOf(body), () => body);
    },
  });
  operation(app, {
    ...common,
    method: 'PUT',
    path,
    id: 'putLoyaltyAccount',
    summary: 'Enrol a customer, or have it leave',
    description:
      '`open` enrols, or opens again what was closed. `closed` leaves: what is left is cancelled, and no hold may keep anything. A known account needs If-Match.',
    scope: 'loyalty:write',
    ifMatch: true,
    params,
    body: Ref(schemas.LoyaltyAccountPut),
    bodyExample: { status: 'open' },
    problems: ['conflict'],
    replies: { 200: shown('Changed, or unchanged'), 201: shown('Enrolled') },
    handler: async ({ ctx, params: key, body: { status }, headers: { ifMatch } }) => {
      const { outcome, account } = await accounts.putAccount(ctx, key, status, ifMatch);
      return {
        status: outcome === 'created' ? 201 : 200,
        body: account,
        headers: { ETag: tagOf(account) },
      };
    },
  });
}

function statementRoutes(app: FastifyInstance): void {
  operation(app, {
    ...common,
    method: 'GET',
    path: `${path}/entries`,
    id: 'listLoyaltyEntries',
    summary: 'Read the statement of a customer in a programme',
    description:
      'The latest entry first, each with its postings, whose sum is zero, and with what was outstanding after it. Entries never change. With `Accept: text/csv` all of them as one stream, without pages and postings.',
    scope: 'loyalty:read',
    params,
    query: Strict({
      ...pageQuery,
      from: Type.Optional(Instant('Booked at this instant or later')),
      to: Type.Optional(Instant('Booked before this instant')),
      operation_id: Type.Optional(Id('Of this operation alone')),
    }),
    patient: true,
    problems: ['invalid_cursor'],
    replies: {
      200: {
        description: 'A page of entries',
        schema: Ref(schemas.LoyaltyEntryPage),
        alternatives: { 'text/csv': { example: exportHead + exportedEntry(entryExample) } },
        example: { data: [entryExample], next_cursor: null },
      },
    },
    handler: async ({ ctx, params: key, query: { limit, cursor, ...filters }, mediaType }) => {
      if (mediaType === 'text/csv') return { status: 200, body: await exportEntries(ctx, key, filters) };
      const wanted = pageRequest(ctx, 'listLoyaltyEntries', { limit, cursor }, { ...key, ...filters });
      const rows = await listEntries(ctx, key, filters, wanted);
      return {
        status: 200,
        body: page(ctx, wanted, rows, (row) => [row.booked_at, row.account_id, row.number]),
      };
    },
  });
  operation(app, {
    ...common,
    method: 'GET',
    path: `${path}/lots`,
    id: 'listLoyaltyLots',
    summary: 'List the lots of a customer in a programme',
    description:
      'Points that were issued together, the latest first: when each was earned, can be used, and expires.',
    scope: 'loyalty:read',
    params,
    query: Strict({
      ...pageQuery,
      open: Type.Boolean({ default: true, description: 'Those alone of which something is left' }),
    }),
    problems: ['invalid_cursor'],
    replies: {
      200: {
        description: 'A page of lots',
        schema: Ref(schemas.LoyaltyLotPage),
        example: { data: [lotExample], next_cursor: null },
      },
    },
    handler: async ({ ctx, params: key, query: { limit, cursor, open } }) => {
      const wanted = pageRequest(ctx, 'listLoyaltyLots', { limit, cursor }, { ...key, open });
      const rows = await listLots(ctx, key, { open }, wanted);
      return { status: 200, body: page(ctx, wanted, rows, (row) => [row.lot_id, row.account_id]) };
    },
  });
}
