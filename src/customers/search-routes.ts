import type { FastifyInstance } from 'fastify';
import type { Ctx } from '../platform/context.js';
import { operation } from '../platform/http/operation.js';
import { Id, Ref, Strict } from '../platform/http/schemas.js';
import { checkDuplicates, listDuplicates } from './duplicate-check.js';
import { customerExample, upsertExample } from './examples.js';
import { CustomerCreate } from './schemas.js';
import { type Matches, searchCustomers } from './search.js';
import * as schemas from './search-schemas.js';
import { toCustomer } from './view.js';

const tag = 'Customers';
const domain = 'Party Reference Data Directory';

const toMatches = (ctx: Ctx, { matches, truncated }: Matches) => ({
  data: matches.map(({ record, score, weight, reasons }) => ({
    customer: toCustomer(ctx, record),
    score,
    weight,
    reasons,
  })),
  truncated,
});

const matchExample = {
  customer: customerExample,
  score: 0.9922,
  weight: 7,
  reasons: [
    { code: 'birth_date_same', weight: 11 },
    { code: 'name_same', weight: 8 },
  ],
};

const matchesReply = {
  description: 'The likeliest first',
  schema: Ref(schemas.CustomerMatches),
  example: { data: [matchExample], truncated: false },
};

export function searchRoutes(app: FastifyInstance): void {
  const { CustomerSearch, MatchReason, CustomerMatch, CustomerMatches, DuplicateCheckResult } = schemas;
  for (const component of [CustomerSearch, MatchReason, CustomerMatch, CustomerMatches, DuplicateCheckResult])
    app.addSchema(component);

  operation(app, {
    method: 'POST',
    path: '/v1/customers/search',
    id: 'searchCustomers',
    summary: 'Search customers',
    description:
      'By name, phone, e-mail, identifier or date of birth, in any spelling: who fits any of them is found, and all that is stated orders the matches. `kind` and `attributes` narrow them. What is searched for travels in the body and reaches no log. A resident id of 15 digits also proposes the customer of its 18 characters, and the reverse.',
    tag,
    domain,
    scope: 'customers:read',
    body: Ref(CustomerSearch),
    bodyExample: { name: '王小明', birth_date: '1990-05-17' },
    problems: ['rule_broken'],
    replies: { 200: matchesReply },
    handler: async ({ ctx, body }) => ({
      status: 200,
      body: toMatches(ctx, await searchCustomers(ctx, body)),
    }),
  });

  operation(app, {
    method: 'POST',
    path: '/v1/customers/duplicate-check',
    id: 'checkDuplicates',
    summary: 'Check for duplicates before creating a customer',
    description:
      'Takes what creating the customer would take, writes nothing, and answers who may be the same: from a score of 0.95 on a person should look before the record is made; below 0.5 nothing is shown. This alone looks beyond the data scope of the key: `elsewhere` names the branches that have a likely duplicate, and nothing else of it.',
    tag,
    domain,
    scope: 'customers:write',
    body: Ref(CustomerCreate),
    bodyExample: { kind: 'person', ...upsertExample },
    problems: ['rule_broken'],
    replies: {
      200: {
        description: 'The likeliest first',
        schema: Ref(DuplicateCheckResult),
        example: { data: [matchExample], truncated: false, elsewhere: [{ branch: '0102' }] },
      },
    },
    handler: async ({ ctx, body }) => {
      const { elsewhere, ...matches } = await checkDuplicates(ctx, body);
      return { status: 200, body: { ...toMatches(ctx, matches), elsewhere } };
    },
  });

  operation(app, {
    method: 'GET',
    path: '/v1/customers/{id}/duplicates',
    id: 'listDuplicates',
    summary: 'List likely duplicates of a customer',
    description:
      'Customers within the data scope of the key that may be the same as this one, from a score of 0.5 on, with the reasons. Nothing is merged without a decision.',
    tag,
    domain,
    scope: 'customers:read',
    params: Strict({ id: Id('Of the customer') }),
    query: schemas.duplicatesQuery,
    replies: { 200: matchesReply },
    handler: async ({ ctx, params: { id }, query: { limit } }) => ({
      status: 200,
      body: toMatches(ctx, await listDuplicates(ctx, id, limit)),
    }),
  });
}
