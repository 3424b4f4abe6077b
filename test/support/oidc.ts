/**
 * An OpenID provider on loopback that nobody here wrote: oidc-provider, whose client credentials grant with a resource
 * indicator gives access tokens by RFC 9068. Its keys are the test's own, so that tokens can be made that it would
 * never make.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { Provider } from 'oidc-provider';
import { expect } from 'vitest';
import { allScopes } from '../../src/platform/scopes.js';

export const audience = 'https://clientele.example';

export type Algorithm = 'RS256' | 'PS256' | 'ES256' | 'EdDSA';

/** A client of the provider: what its tokens say beside what all do. */
export type OidcClient = { scope: string; claims?: Record<string, unknown> };

type SigningKey = { kid: string; alg: Algorithm; privateKey: CryptoKey; publicKey: CryptoKey; jwk: JWK };

export type Forgery = {
  claims?: Record<string, unknown>;
  header?: Record<string, unknown>;
  /** claims that are left out */
  without?: readonly string[];
  key?: SigningKey;
};

export type TestProvider = {
  issuer: string;
  /** as the service is told of it */
  env: Record<string, string>;
  /** requests by their path */
  requests: Map<string, number>;
  /** an access token that the provider has made */
  token(client: string, algorithm?: Algorithm): Promise<string>;
  /** an access token of a client as the provider would make it, but for what is said, signed with a key of its own */
  forge(client: string, forgery?: Forgery): Promise<string>;
  /** the provider's key that signs now */
  key(algorithm?: Algorithm): SigningKey;
  /** a key that is not the provider's */
  strangeKey(kid: string, algorithm?: Algorithm): Promise<SigningKey>;
  /** from now on it signs with this key, and publishes it beside those that it has */
  addKey(key: SigningKey): Promise<void>;
  removeKey(kid: string): Promise<void>;
  stop(): Promise<void>;
  /** again, at the same address */
  start(): Promise<void>;
  /** what is done with a request instead of answering it; undefined: nothing */
  disturb(handle: ((request: IncomingMessage, response: ServerResponse) => void) | undefined): void;
};

async function makeKey(kid: string, alg: Algorithm): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await exportJWK(privateKey)), kid, alg, use: 'sig' };
  return { kid, alg, privateKey, publicKey, jwk };
}

function providerOf(issuer: string, keys: readonly SigningKey[], clients: Record<string, OidcClient>) {
  const resourceServer = (resource: string) => ({
    scope: allScopes.join(' '),
    audience,
    accessTokenFormat: 'jwt',
    accessTokenTTL: 600,
    jwt: { sign: { alg: new URL(resource).searchParams.get('alg') } },
  });
  return new Provider(issuer, {
    jwks: { keys: keys.map(({ jwk }) => jwk) },
    clients: Object.keys(clients).map((id) => ({
      client_id: id,
      client_secret: secretOf(id),
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      token_endpoint_auth_method: 'client_secret_post',
    })),
    ttl: { ClientCredentials: 600 },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: async (_context: unknown, resource: string) => resourceServer(resource),
      },
    },
    extraTokenClaims: async (_context: unknown, token: { clientId: string }) =>
      clients[token.clientId]?.claims ?? {},
  });
}

const secretOf = (client: string) => `secret-of-${client}`;

export async function startProvider(clients: Record<string, OidcClient>): Promise<TestProvider> {
  let keys = await Promise.all(
    (['RS256', 'PS256', 'ES256', 'EdDSA'] as const).map((alg) => makeKey(`${alg}-1`, alg)),
  );
  const requests = new Map<string, number>();
  let handler: (request: IncomingMessage, response: ServerResponse) => void = () => undefined;
  let disturbance: typeof handler | undefined;
  let server: Server;
  const listen = async (port: number) => {
    server = createServer((request, response) => {
      const path = request.url ?? '';
      requests.set(path, (requests.get(path) ?? 0) + 1);
      (disturbance ?? handler)(request, response);
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  const port = await listen(0);
  const issuer = `http://127.0.0.1:${port}`;
  const renew = () => {
    handler = providerOf(issuer, keys, clients).callback();
  };
  renew();
  const keyOf = (algorithm: Algorithm = 'PS256') => {
    const key = keys.find(({ alg }) => alg === algorithm);
    if (key === undefined) throw new Error(`the provider has no key for ${algorithm}`);
    return key;
  };
  return {
    issuer,
    env: { OIDC_ISSUER: issuer, OIDC_AUDIENCE: audience },
    requests,
    async token(client, algorithm = 'PS256') {
      const reply = await fetch(`${issuer}/token`, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'client_credentials',
          client_id: client,
          client_secret: secretOf(client),
          resource: `${audience}/?alg=${algorithm}`,
          scope: clients[client]?.scope ?? '',
        }),
      });
      const body = (await reply.json()) as { access_token: string };
      expect(reply.status, JSON.stringify(body)).toBe(200);
      return body.access_token;
    },
    async forge(client, { claims = {}, header = {}, without = [], key = keyOf() } = {}) {
      const now = Math.floor(Date.now() / 1000);
      const all: Record<string, unknown> = {
        iss: issuer,
        aud: audience,
        sub: client,
        client_id: client,
        iat: now,
        exp: now + 600,
        jti: crypto.randomUUID(),
        scope: clients[client]?.scope ?? '',
        ...clients[client]?.claims,
        ...claims,
      };
      for (const name of without) delete all[name];
      return new SignJWT(all)
        .setProtectedHeader({ alg: key.alg, typ: 'at+jwt', kid: key.kid, ...header })
        .sign(key.privateKey, header.crit === undefined ? {} : { crit: { strange: true } });
    },
    key: keyOf,
    strangeKey: (kid, algorithm = 'PS256') => makeKey(kid, algorithm),
    async addKey(key) {
      keys = [key, ...keys];
      renew();
    },
    async removeKey(kid) {
      keys = keys.filter((key) => key.kid !== kid);
      renew();
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
    async start() {
      await listen(port);
    },
    disturb(handle) {
      disturbance = handle;
    },
  };
}
