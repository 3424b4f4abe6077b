/** Token exchange as RFC 8693 has it. */
import { type Static, Type } from 'typebox';
import { Strict } from '../platform/http/schemas.js';

export const grantType = 'urn:ietf:params:oauth:grant-type:token-exchange';
export const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token';
/** what a subject token can be: the customer's id here, or `scheme:value` of an identifier */
export const customerType = 'urn:clientele:params:oauth:token-type:customer';
export const identifierType = 'urn:clientele:params:oauth:token-type:identifier';

const parameter = (description: string, maxLength = 200) => Type.String({ maxLength, description });
const optional = (description: string, maxLength = 200) => Type.Optional(parameter(description, maxLength));

/** Parameters that are not known here are passed over, as RFC 6749, 3.2 asks. */
export const TokenExchange = Type.Object(
  {
    grant_type: parameter(`\`${grantType}\``),
    subject_token: parameter('Whose token it is to be: the id of the customer, or `scheme:value`', 300),
    subject_token_type: parameter(`\`${customerType}\` or \`${identifierType}\``),
    scope: optional(
      'Scopes, separated by spaces; all that read and that the caller has where nothing is said',
      1000,
    ),
    requested_token_type: optional(`\`${accessTokenType}\`, or nothing`),
    audience: optional('`self`, or nothing: the token is good for this service'),
    resource: optional('Nothing: the token is good for this service', 1000),
    actor_token: optional('Nothing: whoever asks is the actor', 4000),
    actor_token_type: optional('Nothing'),
  },
  { $id: 'TokenExchange', description: 'What a token is asked for', additionalProperties: true },
);

export const IssuedToken = Strict(
  {
    access_token: Type.String({ description: 'Sent as `Authorization: Bearer`; opaque' }),
    issued_token_type: Type.String({ description: `\`${accessTokenType}\`` }),
    token_type: Type.String({ description: '`Bearer`' }),
    expires_in: Type.Integer({ minimum: 1, maximum: 86_400, description: 'Seconds' }),
    scope: Type.String({ description: 'What it is good for, separated by spaces' }),
  },
  { $id: 'IssuedToken', description: 'A token for one customer' },
);

export type Asked = Partial<Static<typeof TokenExchange>>;
export type Issued = Static<typeof IssuedToken>;
