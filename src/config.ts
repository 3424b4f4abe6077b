/**
 * The configuration: one schema, read once from the environment, frozen and passed in. Nothing else reads
 * `process.env`. A variable is named after its property (`bankTimeZone` is `BANK_TIME_ZONE`).
 */
import { type Static, type TSchema, Type } from 'typebox';
import { Value } from 'typebox/value';
import {
  isAddressList,
  isAlgorithmList,
  isInstant,
  isIssuer,
  isKeyList,
  isOriginList,
  isUrlOf,
  isWord,
  tokenAlgorithms,
} from './platform/config-values.js';
import { isTimeZone } from './platform/instants.js';
import { isSecureUrl } from './platform/secure-url.js';

/** One line for the operator: which variable is wrong and what it may be. It never repeats the value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const integer = (minimum: number, maximum: number, standard: number | undefined, description: string) =>
  Type.Integer({
    minimum,
    maximum,
    ...(standard === undefined ? {} : { default: standard }),
    description,
    allowed: `an integer from ${minimum} to ${maximum}`,
  });

const text = (allowed: string, description: string, check: (value: string) => boolean, standard?: string) =>
  Type.Refine(
    Type.String({ description, allowed, ...(standard === undefined ? {} : { default: standard }) }),
    check,
    () => allowed,
  );

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

const schema = Type.Object({
  host: text('an address to listen on', 'Address that the API listens on.', isWord, '127.0.0.1'),
  port: integer(0, 65_535, 3000, 'Port that the API listens on; 0 takes a free one.'),
  databaseUrl: Type.Optional(
    text(
      'a postgres:// or postgresql:// URL',
      'PostgreSQL 15 to 18. Unset: an embedded PostgreSQL 18 in `DATA_DIR`.',
      isUrlOf('postgres:', 'postgresql:'),
    ),
  ),
  redisUrl: Type.Optional(
    text(
      'a redis:// or rediss:// URL',
      'Redis for the jobs, with `maxmemory-policy noeviction`, and for rate limits that all API processes share. Unset: jobs run on PostgreSQL, each process counts for itself.',
      isUrlOf('redis:', 'rediss:'),
    ),
  ),
  dataDir: text(
    'a path',
    'Directory of the embedded database and of generated keys.',
    (value) => !value.includes('\0'),
    '.data',
  ),
  bootstrapApiKey: Type.Optional(
    text(
      '`ck_` and at least 24 letters, digits, `_` or `-`',
      'The first API key. Unset: a random one, printed once at the first start.',
      (value) => /^ck_[A-Za-z0-9_-]{24,}$/.test(value),
    ),
  ),
  oidcIssuer: Type.Optional(
    text(
      'an https:// URL without query (http:// on loopback alone)',
      'OpenID provider whose access tokens (RFC 9068) are taken beside API keys. Unset: API keys alone.',
      isIssuer,
    ),
  ),
  oidcAudience: Type.Optional(
    text(
      'a text without spaces, and only with OIDC_ISSUER',
      'What tokens must name in `aud`: this service, as the provider knows it. Needed with `OIDC_ISSUER`.',
      (value) => /^[\x21-\x7e]{1,255}$/.test(value),
    ),
  ),
  oidcJwksUrl: Type.Optional(
    text(
      'an https:// URL (http:// on loopback alone), and only with OIDC_ISSUER',
      "Where the provider's keys are. Unset: where its discovery document says.",
      isSecureUrl,
    ),
  ),
  oidcAlgorithms: text(
    `a comma-separated list of ${tokenAlgorithms.join(', ')}`,
    'Signatures that tokens may have.',
    isAlgorithmList,
    tokenAlgorithms.join(','),
  ),
  oidcTokenMaxAgeSeconds: integer(
    60,
    86_400,
    7200,
    'A token is refused this long after it was issued, whatever it says of its end.',
  ),
  oidcKeysMaxAgeSeconds: integer(
    1,
    86_400,
    300,
    "The provider's keys are read again after this: a key that it has taken back is refused by then.",
  ),
  oidcKeysCooldownSeconds: integer(
    1,
    3600,
    30,
    "Tokens of unknown keys make the provider's keys be read again, but no sooner than this after the last time.",
  ),
  selfTokenSeconds: integer(
    30,
    3600,
    300,
    'A token for one customer, which a back end gets by token exchange, is good for so long.',
  ),
  oidcUnboundTokens: Type.Union([Type.Literal('refuse'), Type.Literal('bank')], {
    default: 'refuse',
    description:
      'A token that says nothing of its data scope: `refuse` it, or let it reach the whole `bank`.',
    allowed: 'one of refuse, bank',
  }),
  bankTimeZone: text(
    'an IANA time zone such as Asia/Shanghai',
    "Time zone of the bank's calendar: days, months and deadlines end by it.",
    isTimeZone,
    'Asia/Shanghai',
  ),
  bankCurrency: text(
    'an ISO 4217 code such as CNY',
    'Currency that amounts are reported and compared in.',
    (value) => Intl.supportedValuesOf('currency').includes(value),
    'CNY',
  ),
  bankCountry: text(
    'an ISO 3166-1 code of two letters such as CN',
    'Country that phone numbers without a country code are dialled in.',
    (value) => /^[A-Z]{2}$/.test(value),
    'CN',
  ),
  logLevel: Type.Union(
    logLevels.map((level) => Type.Literal(level)),
    { default: 'info', description: 'What is logged.', allowed: `one of ${logLevels.join(', ')}` },
  ),
  metrics: Type.Union([Type.Literal('key'), Type.Literal('public')], {
    default: 'key',
    description: 'Who may read `GET /metrics` of the API: keys with the scope `metrics:read`, or everybody.',
    allowed: 'key or public',
  }),
  metricsPort: Type.Optional(
    integer(
      0,
      65_535,
      undefined,
      'Port of its own on which a process, a worker too, shows `/metrics` and `/livez` without a key. Unset: none.',
    ),
  ),
  otelExporterOtlpEndpoint: Type.Optional(
    text(
      'an http:// or https:// URL',
      'OpenTelemetry collector that traces are sent to, as OTLP over HTTP, below `/v1/traces`. Unset: no traces. The other variables of OpenTelemetry (`OTEL_TRACES_SAMPLER`, `OTEL_EXPORTER_OTLP_HEADERS`, …) count then.',
      isUrlOf('http:', 'https:'),
    ),
  ),
  databasePoolSize: integer(2, 500, 10, 'Database connections of an API process.'),
  workerPoolSize: integer(
    2,
    500,
    10,
    'Database connections of a worker process, beside those of its queues.',
  ),
  workerConcurrency: integer(1, 64, 4, 'Jobs that a worker process runs at once, per queue.'),
  headersTimeoutSeconds: integer(
    1,
    300,
    15,
    'The header fields of a request have to arrive within this time.',
  ),
  requestTimeoutSeconds: integer(1, 3600, 30, 'A request that has not arrived in full by then is closed.'),
  importTimeoutSeconds: integer(
    1,
    86_400,
    3600,
    'The same for the body of an import, and for its rejections.',
  ),
  replyTimeoutSeconds: integer(
    1,
    3600,
    60,
    'A connection whose client does not read its reply is cut by then.',
  ),
  keepAliveTimeoutSeconds: integer(
    1,
    3600,
    72,
    'A connection without a request is closed after this. Above that of a load balancer in front.',
  ),
  connectionsMax: integer(1, 1_000_000, 5000, 'Connections to an API process; more are closed at once.'),
  poolTimeoutSeconds: integer(1, 300, 5, 'Longest wait for a database connection; then 503.'),
  statementTimeoutSeconds: integer(1, 3600, 15, 'PostgreSQL ends a statement of a request after this.'),
  lockTimeoutSeconds: integer(1, 300, 5, 'PostgreSQL gives up waiting for a lock after this.'),
  queryTimeoutSeconds: integer(
    1,
    3600,
    20,
    'The client gives a connection up after this, when the database no longer answers at all. Above `STATEMENT_TIMEOUT_SECONDS`.',
  ),
  drainDelaySeconds: integer(
    0,
    60,
    1,
    'A process that stops says for so long that it is not ready, and answers all the same, so that traffic moves away first.',
  ),
  drainTimeoutSeconds: integer(1, 600, 20, 'Time that requests and jobs have to finish at shutdown.'),
  eventStreams: integer(1, 10_000, 200, 'Event streams that an API process serves at once; then 503.'),
  eventStreamsPerKey: integer(1, 10_000, 10, 'Event streams of one key in a process; then 429.'),
  eventStreamHeartbeatSeconds: integer(
    1,
    300,
    15,
    'An event stream says so often that it lives, and a reader that takes nothing for so long is cut off.',
  ),
  bodyLimitBytes: integer(1024, 268_435_456, 4_194_304, 'Largest request body.'),
  importBodyLimitBytes: integer(1024, 1_099_511_627_776, 8_589_934_592, 'Largest body of an import.'),
  rateLimitRequests: integer(
    0,
    1_000_000_000,
    300_000,
    'Requests of one caller (a key, or whom a token names) in a window; more get 429. A key can have a limit of its own. 0: no limit.',
  ),
  rateLimitWindowSeconds: integer(1, 86_400, 60, 'The window of rate limits.'),
  failedAuthenticationLimit: integer(
    0,
    1_000_000_000,
    300,
    'Requests without a valid key that one address may send in a window; more get 429. Valid keys of that address are not affected. 0: no limit.',
  ),
  trustedProxies: Type.Optional(
    text(
      'a comma-separated list of IP addresses and networks such as 10.0.0.0/8',
      'Proxies whose `X-Forwarded-For` is believed: addresses are limited by it. Unset: none.',
      isAddressList,
    ),
  ),
  overloadPoolWaiting: integer(
    0,
    100_000,
    200,
    'While so many wait for a database connection, further requests get 503 at once. 0: no limit.',
  ),
  overloadEventLoopDelayMilliseconds: integer(
    0,
    60_000,
    500,
    'The same while the event loop of the process is late by so much in the mean of a second. 0: no limit.',
  ),
  overloadEventLoopUtilizationPercent: integer(
    0,
    100,
    0,
    'The same while the event loop is busier than this in the last second. A busy process is not a late one, so there is no limit by default. 0: no limit.',
  ),
  overloadHeapPercent: integer(
    0,
    100,
    90,
    'The same while so much of the memory that Node.js may take for its heap is in use. 0: no limit.',
  ),
  corsOrigins: Type.Optional(
    text(
      'a comma-separated list of exact origins such as https://desk.example.com',
      'Origins whose pages may call the API from a browser. Unset: none.',
      isOriginList,
    ),
  ),
  hstsMaxAgeSeconds: integer(
    0,
    63_072_000,
    0,
    'Tells browsers to use TLS alone for so long (`Strict-Transport-Security`). Only where TLS ends in front of the service for good. 0: nothing is said.',
  ),
  securityContact: Type.Optional(
    text(
      'a mailto:, https: or tel: URI',
      'Where weaknesses are to be reported, in `/.well-known/security.txt`. Unset: there is no such file.',
      (value) => /^[\x21-\x7e]+$/.test(value) && isUrlOf('mailto:', 'https:', 'tel:')(value),
    ),
  ),
  encryptionKeys: Type.Optional(
    text(
      'a comma-separated list of id:key with 32 bytes in base64 each: those to encrypt with, the current one first, and those called index and token',
      'Keys of personal data at rest. Unset: a key file is made in `DATA_DIR`.',
      isKeyList,
    ),
  ),
  sandbox: Type.Boolean({
    default: false,
    description: 'A sandbox has a clock that its users can move. Never for real customers.',
    allowed: 'true or false',
  }),
  sandboxStartAt: Type.Optional(
    text(
      'an RFC 3339 instant such as 2026-01-01T00:00:00Z, and only with SANDBOX=true',
      "Where a new sandbox's clock starts. Unset: now.",
      isInstant,
    ),
  ),
  embeddedDatabasePort: integer(0, 65_535, 0, 'Port of the embedded database; 0 takes a free one.'),
});

export type Config = Readonly<Static<typeof schema>>;

/** Reads the configuration. Empty variables count as unset. Throws `ConfigError` on the first wrong value. */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const values: Record<string, unknown> = {};
  for (const [property, entry] of entries()) {
    const raw = env[variableName(property)] || undefined;
    const value = raw === undefined ? entry.default : isTextual(entry) ? raw : read(raw);
    if (value === undefined) continue;
    if (!Value.Check(entry, value)) throw wrong(property);
    values[property] = value;
  }
  const config = Value.Parse(schema, values);
  if (config.sandboxStartAt && !config.sandbox) throw wrong('sandboxStartAt');
  if ((config.oidcIssuer === undefined) !== (config.oidcAudience === undefined)) {
    throw config.oidcIssuer === undefined
      ? wrong('oidcAudience')
      : new ConfigError('OIDC_AUDIENCE must be set where OIDC_ISSUER is');
  }
  if (config.oidcJwksUrl !== undefined && config.oidcIssuer === undefined) throw wrong('oidcJwksUrl');
  if (config.queryTimeoutSeconds <= config.statementTimeoutSeconds)
    throw new ConfigError('QUERY_TIMEOUT_SECONDS must be above STATEMENT_TIMEOUT_SECONDS');
  return Object.freeze(config);
}

/** The configuration as the README shows it: a markdown table, one variable a row. */
export function configurationTable(): string {
  const rows = entries().map(([property, entry]) => {
    const standard = entry.default === undefined ? '' : `\`${entry.default}\``;
    return `| \`${variableName(property)}\` | ${standard} | ${entry.description} ${sentence(entry.allowed)} |`;
  });
  return ['| variable | default | meaning |', '|---|---|---|', ...rows].join('\n');
}

type Entry = TSchema & { description: string; allowed: string; default?: unknown };

const entries = () => Object.entries(schema.properties) as unknown as [string, Entry][];

const variableName = (property: string) => property.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();

const sentence = (allowed: string) => `${allowed.charAt(0).toUpperCase()}${allowed.slice(1)}.`;

const wrong = (property: string) => {
  const entry = entries().find(([name]) => name === property)?.[1];
  return new ConfigError(`${variableName(property)} must be ${entry?.allowed}`);
};

const isTextual = (entry: TSchema) => Type.IsString(entry) || Type.IsUnion(entry);

/** Numbers and booleans have one spelling each: `1e3`, `0x10` and `yes` stay text, and are refused. */
function read(raw: string): unknown {
  if (/^(0|[1-9]\d{0,15})$/.test(raw)) return Number(raw);
  return raw === 'true' ? true : raw === 'false' ? false : raw;
}
