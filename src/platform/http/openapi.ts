/** The OpenAPI document's frame, and Swagger UI. */
import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import type { FastifySwaggerUiOptions } from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { scopes } from '../scopes.js';
import { withIntegerFormats } from './openapi-integers.js';
import { withSharedReplies } from './openapi-replies.js';
import type { OperationRow } from './operation.js';

export const apiVersion = '0.1.0';

const tags = [
  ['Customers', 'Persons and organizations, from many sources, as one picture'],
  ['Identifiers', 'How other systems name a customer'],
  ['Relationships', 'Household, employer, guarantor, legal representative'],
  ['Holdings', 'Products that customers hold, and who stands in which role to them'],
  ['Money', 'What other currencies are worth in the bank’s own'],
  ['Activities', 'What customers did, reported by other systems'],
  ['Merges', 'Two customers that are one, and how that is taken back'],
  ['Imports', 'Files of any size, row by row'],
  ['Segments', 'Who belongs where, now and at any past instant'],
  ['Levels', 'The bank’s own grading by what customers hold, and why each has its own'],
  ['Churn and value', 'How recently, how often and with how much customers are active'],
  ['Loyalty', 'Points as a ledger: programmes, accounts, and what was earned and used'],
  ['Organization', 'Branches, staff, and who looks after whom'],
  ['Definitions', 'Custom attributes, identifier schemes, sources and facts'],
  ['Events', 'What changed here, told to others'],
  ['Approvals', 'What asks for a second person, and what they said'],
  ['Administration', 'API keys, and the clock of a sandbox'],
  ['Health', 'Liveness and readiness'],
] as const;

type Document = {
  paths?: Record<
    string,
    Record<
      string,
      {
        security?: Record<string, string[]>[];
        'x-scopes'?: string[];
        requestBody?: { content: Record<string, object>; required?: boolean };
        parameters?: { required?: boolean; schema?: { default?: unknown } }[];
      }
    >
  >;
};

/** What has a default is always there for the handler, and need not be sent. */
function withOptionalDefaults<T extends object>(document: T): T {
  const operations = Object.values((document as Document).paths ?? {}).flatMap((path) => Object.values(path));
  for (const parameter of operations.flatMap((operation) => operation.parameters ?? []))
    if (parameter.schema?.default !== undefined) parameter.required = false;
  return document;
}

/** @fastify/swagger passes no examples of bodies on, and says of all that they are required: it is set afterwards. */
function withBodies<T extends object>(document: T, operations: readonly OperationRow[]): T {
  for (const { path, method, bodyExample, bodyExamples, bodyOptional } of operations) {
    const body = (document as Document).paths?.[path]?.[method.toLowerCase()]?.requestBody;
    if (body === undefined) continue;
    if (bodyOptional === true) body.required = false;
    if (bodyExample === undefined) continue;
    const { content } = body;
    for (const type of Object.keys(content)) {
      content[type] = {
        ...content[type],
        examples: { example: { value: bodyExamples?.[type] ?? bodyExample } },
      };
    }
  }
  return document;
}

/** Where a provider is known, its tokens are the other way in to each operation that has one. */
function withTokens<T extends object>(document: T, issuer: string | undefined): T {
  if (issuer === undefined) return document;
  for (const operation of Object.values((document as Document).paths ?? {}).flatMap(Object.values))
    if ((operation.security ?? []).length > 0)
      operation.security?.push({ openIdConnect: operation['x-scopes'] ?? [] });
  return document;
}

const bearer = `An API key, \`ck_…\`, a token for one customer, \`ct_…\`, or an access token of the bank's OpenID provider: a JWT by RFC 9068 for this service.

Scopes, of the key or in the token's \`scope\`; those of an operation stand in its \`x-scopes\`:
${Object.entries(scopes)
  .map(([scope, meaning]) => `- \`${scope}\`: ${meaning}`)
  .join('\n')}

A token says in one claim which customers it reaches: \`clientele_branches\` (a list of codes, each with all branches below), \`clientele_manager\` (a staff code: whom they look after), \`clientele_customer\` (an id), or \`clientele_bank\` (\`true\`). A claim that does not have its form refuses the token.`;

/** @param webhooks what goes out, which no route describes */
export function openApiOptions(
  operations: readonly OperationRow[],
  webhooks: Record<string, object>,
  oidcIssuer: string | undefined,
): FastifyDynamicSwaggerOptions {
  const openIdConnect = oidcIssuer && {
    type: 'openIdConnect' as const,
    openIdConnectUrl: `${oidcIssuer.replace(/\/$/, '')}/.well-known/openid-configuration`,
    description: 'An access token of the OpenID provider, sent as `Authorization: Bearer`',
  };
  return {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Clientele',
        version: apiVersion,
        description:
          'Customer management for banks: one true picture of every customer. Amounts are decimal strings, instants RFC 3339 in UTC, ids UUIDs. Errors are problem+json with a stable `code`. Replies may get new members, and enumerations in them new words: take what you do not know for something else. `RateLimit` and `RateLimit-Policy` say what a key may still send; 429 and 503 say after how many seconds to come back. `X-Purpose` may say why data is read, as a code such as `fraud_investigation`.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
        contact: { name: 'Clientele' },
      },
      servers: [{ url: '/', description: 'This service, in production or as a sandbox' }],
      tags: tags.map(([name, description]) => ({ name, description })),
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'ck_… or JWT', description: bearer },
          ...(openIdConnect ? { openIdConnect } : {}),
        },
      },
    },
    transformObject: (made) => {
      const document = 'openapiObject' in made ? made.openapiObject : made.swaggerObject;
      const frame = withTokens(withOptionalDefaults(withIntegerFormats(document)), oidcIssuer);
      return { ...withSharedReplies(withBodies(frame, operations)), webhooks };
    },
    exposeHeadRoutes: false,
    refResolver: {
      buildLocalReference: (json, _base, _fragment, index) => String(json.$id ?? `schema-${index}`),
    },
  };
}

export function swaggerUiOptions(): FastifySwaggerUiOptions {
  return {
    routePrefix: '/docs',
    theme: { title: 'Clientele API' },
    uiConfig: {
      // beyond 150 rows it draws those in sight alone, and the search of the browser finds no others
      docExpansion: 'none',
      filter: true,
      deepLinking: true,
      persistAuthorization: true,
      displayRequestDuration: true,
    },
    staticCSP: true,
    // the plugin's own would ask browsers for https, and for a validator on the Internet
    transformStaticCSP: () =>
      "default-src 'self'; base-uri 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; script-src 'self'; object-src 'none'; frame-ancestors 'none'",
  };
}

/** The document at the place where tools look for it. */
export function openApiPage(app: FastifyInstance): void {
  let text: string | undefined;
  app.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) => {
    text ??= JSON.stringify(app.swagger());
    return reply.header('Content-Type', 'application/json; charset=utf-8').send(text);
  });
}
