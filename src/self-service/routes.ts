import type { FastifyInstance } from 'fastify';
import { operation } from '../platform/http/operation.js';
import { Ref } from '../platform/http/schemas.js';
import {
  type Asked,
  accessTokenType,
  grantType,
  IssuedToken,
  identifierType,
  TokenExchange,
} from './schemas.js';
import { exchangeToken } from './service.js';

const formType = 'application/x-www-form-urlencoded';

export function tokenRoutes(app: FastifyInstance, seconds: number): void {
  for (const component of [TokenExchange, IssuedToken]) app.addSchema(component);
  operation(app, {
    method: 'POST',
    path: '/v1/token',
    id: 'exchangeToken',
    summary: 'Get a token for one customer',
    description:
      'Token exchange (RFC 8693) for the session of a customer whom a back end has authenticated: whoever holds the token reaches this customer alone, for some minutes. It ends before that with the key that it was got with. Scopes that change something are asked for by name. The audit has the back end as the actor, and the customer on whose behalf it acted. What is refused says `error` and `error_description` as RFC 6749 has them, within a problem.',
    tag: 'Administration',
    scope: 'tokens:exchange',
    bodyTypes: [formType],
    body: Ref(TokenExchange),
    // what is wrong with it is told as OAuth does
    checksBody: true,
    bodyExample: {
      grant_type: grantType,
      subject_token: 'core_banking:C000001',
      subject_token_type: identifierType,
    },
    problems: ['exchange_refused'],
    replies: {
      200: {
        description: 'The token',
        schema: Ref(IssuedToken),
        example: {
          access_token: 'ct_AWsxAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
          issued_token_type: accessTokenType,
          token_type: 'Bearer',
          expires_in: 300,
          scope: 'customers:read segments:read',
        },
      },
    },
    handler: async ({ ctx, body, request }) => {
      const { keyId = null, until = null } = request.principal ?? {};
      const issued = await exchangeToken(ctx, { keyId, until }, seconds, body as Asked);
      return { status: 200, body: issued, headers: { Pragma: 'no-cache' } };
    },
  });
}
