import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigError, configurationTable, loadConfig } from '../../src/config.js';

const key = (id: string, byte: number) => `${id}:${Buffer.alloc(32, byte).toString('base64')}`;

describe('loadConfig', () => {
  it('needs nothing', () => {
    expect(loadConfig({})).toMatchObject({
      host: '127.0.0.1',
      port: 3000,
      dataDir: '.data',
      bankTimeZone: 'Asia/Shanghai',
      bankCurrency: 'CNY',
      logLevel: 'info',
      databasePoolSize: 10,
      sandbox: false,
      embeddedDatabasePort: 0,
    });
    expect(loadConfig({}).databaseUrl).toBeUndefined();
  });

  it('is frozen', () => {
    expect(Object.isFrozen(loadConfig({}))).toBe(true);
  });

  it('reads the environment and leaves strangers alone', () => {
    const config = loadConfig({
      PORT: '8080',
      DATABASE_URL: 'postgres://u:p@db:5432/bank',
      REDIS_URL: 'rediss://cache:6380/1',
      BANK_TIME_ZONE: 'Europe/Prague',
      BANK_CURRENCY: 'CZK',
      BOOTSTRAP_API_KEY: `ck_${'a'.repeat(24)}`,
      SANDBOX: 'true',
      SANDBOX_START_AT: '1998-12-31T23:59:59.999999Z',
      ENCRYPTION_KEYS: [key('k2', 2), key('k1', 1), key('index', 3), key('token', 4)].join(),
      PATH: '/bin',
    });
    expect(config).toMatchObject({ port: 8080, bankCurrency: 'CZK', sandbox: true });
    expect(config).not.toHaveProperty('path');
  });

  it('takes an empty variable as unset', () => {
    expect(loadConfig({ PORT: '', DATABASE_URL: '' })).toEqual(loadConfig({}));
  });

  it.each([
    ['PORT', '65536'],
    ['PORT', '0x10'],
    ['PORT', '3000.5'],
    ['PORT', '-1'],
    ['PORT', 'secret'],
    ['DATABASE_URL', 'mysql://u:secret@db/bank'],
    ['DATABASE_URL', 'secret'],
    ['REDIS_URL', 'http://secret'],
    ['BOOTSTRAP_API_KEY', 'ck_secret'],
    ['BANK_TIME_ZONE', 'Asia/Shanghai2'],
    ['BANK_TIME_ZONE', '+08:00'],
    ['BANK_CURRENCY', 'RMB'],
    ['BANK_CURRENCY', 'cny'],
    ['LOG_LEVEL', 'loud'],
    ['DATABASE_POOL_SIZE', '0'],
    ['ENCRYPTION_KEYS', 'secret'],
    ['ENCRYPTION_KEYS', `${key('index', 3)},${key('token', 4)}`],
    [
      'ENCRYPTION_KEYS',
      `a:${Buffer.alloc(32).toString('base64')},a:${Buffer.alloc(32, 1).toString('base64')}`,
    ],
    ['SANDBOX', 'yes'],
    ['OIDC_ISSUER', 'http://id.example'],
    ['OIDC_ISSUER', 'https://id.example/?secret=1'],
    ['OIDC_ISSUER', 'https://u:secret@id.example'],
    ['OIDC_ISSUER', 'secret'],
    ['OIDC_JWKS_URL', 'http://id.example/jwks'],
    ['OIDC_ALGORITHMS', 'none'],
    ['OIDC_ALGORITHMS', 'HS256'],
    ['OIDC_ALGORITHMS', 'PS256,HS256'],
    ['OIDC_ALGORITHMS', 'PS256,PS256'],
    ['OIDC_ALGORITHMS', 'PS256, ES256'],
    ['OIDC_UNBOUND_TOKENS', 'all'],
    ['QUERY_TIMEOUT_SECONDS', '15'],
  ])('refuses %s=%s in one line that names it and does not repeat the value', (variable, value) => {
    const refused = refusal({ [variable]: value });
    expect(refused).toMatch(new RegExp(`^${variable} must be [^\\n]+$`));
    expect(refused).not.toContain('secret');
  });

  it('takes a provider with its audience, and neither without the other', () => {
    const provider = { OIDC_ISSUER: 'https://id.example/realms/bank', OIDC_AUDIENCE: 'clientele' };
    expect(loadConfig(provider)).toMatchObject({
      oidcIssuer: 'https://id.example/realms/bank',
      oidcAlgorithms: 'RS256,PS256,ES256,EdDSA',
      oidcUnboundTokens: 'refuse',
    });
    expect(loadConfig({ ...provider, OIDC_ISSUER: 'http://127.0.0.1:8080' }).oidcJwksUrl).toBeUndefined();
    loadConfig({ ...provider, OIDC_JWKS_URL: 'https://id.example/keys?policy=1' });
    expect(refusal({ OIDC_ISSUER: provider.OIDC_ISSUER })).toMatch(/^OIDC_AUDIENCE must be /);
    expect(refusal({ OIDC_AUDIENCE: 'clientele' })).toMatch(/^OIDC_AUDIENCE must be .*OIDC_ISSUER/);
    expect(refusal({ OIDC_JWKS_URL: 'https://id.example/jwks' })).toMatch(
      /^OIDC_JWKS_URL must be .*OIDC_ISSUER/,
    );
  });

  it.each(['2026-02-30T00:00:00Z', '2026-01-01', '2026-01-01T00:00:00', 'tomorrow'])(
    'refuses %s as the start of the clock',
    (instant) => {
      expect(refusal({ SANDBOX: 'true', SANDBOX_START_AT: instant })).toMatch(/^SANDBOX_START_AT must be /);
    },
  );

  it('moves the clock only in a sandbox', () => {
    expect(refusal({ SANDBOX_START_AT: '2026-01-01T00:00:00Z' })).toMatch(/^SANDBOX_START_AT .*SANDBOX=true/);
  });

  it('either answers or throws a ConfigError of one line, whatever is set', () => {
    const variables = [...configurationTable().matchAll(/^\| `([A-Z_]+)`/gm)].map(([, name = '']) => name);
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...variables), fc.string({ unit: 'binary' })), (env) => {
        try {
          loadConfig(env);
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
          expect((error as Error).message).toMatch(/^[A-Z_]+ must be .+$/);
        }
      }),
    );
  });
});

describe('configurationTable', () => {
  it('has a row of three cells for every property', () => {
    const rows = configurationTable().split('\n').slice(2);
    expect(rows.length).toBeGreaterThanOrEqual(Object.keys(loadConfig({})).length);
    for (const row of rows) expect(row.split(' | ')).toHaveLength(3);
  });
});

function refusal(env: Record<string, string>): string {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error('accepted');
}
