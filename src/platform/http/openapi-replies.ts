/**
 * What many replies have in common, said once in the OpenAPI document: the header fields that every reply of some kind
 * carries, and the problems that most operations answer, become components.
 */
type Reference = { $ref: string };
type Header = { description: string; schema: object };
type Reply = { description: string; headers?: Record<string, object>; content?: object };
type Operation = {
  parameters?: { name: string; in: string }[];
  deprecated?: boolean;
  responses: Record<string, Reply | Reference>;
};
type Document = {
  paths?: Record<string, Record<string, Operation>>;
  components?: { headers?: Record<string, Header>; responses?: Record<string, Reply> };
};

const text = (description: string, pattern?: string): Header => ({
  description,
  schema: { type: 'string', ...(pattern === undefined ? {} : { pattern }) },
});

/** Fields that no operation has to name: they come with the kind of the reply. */
const fields = {
  'X-Request-Id': {
    description: 'Names this request in logs and audit; yours where you sent a UUID',
    schema: { type: 'string', format: 'uuid' },
  },
  Traceparent: text(
    'W3C Trace Context, where you sent one or traces are recorded: what this service did for it',
    '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$',
  ),
  RateLimit: text(
    'What is left of the limit: `r` requests, all of them again in `t` seconds',
    '^"[a-z-]+";r=[0-9]+;t=[0-9]+$',
  ),
  'RateLimit-Policy': text('The limit: `q` requests in `w` seconds', '^"[a-z-]+";q=[0-9]+;w=[0-9]+$'),
  'Retry-After': {
    description: 'Seconds after which to repeat the request',
    schema: { type: 'integer', minimum: 1 },
  },
  'WWW-Authenticate': text(
    'The scheme to authenticate with, what was wrong, and the scope that is asked for (RFC 6750)',
  ),
  'Content-Language': { description: 'Of title and detail', schema: { type: 'string', enum: ['en', 'zh'] } },
  'Idempotent-Replayed': {
    description: 'True where this is the answer to a former request with the same key',
    schema: { type: 'string', enum: ['true'] },
  },
  Link: text('The next page, `rel="next"`, RFC 8288; none at the end'),
  'Preference-Applied': text('`respond-async` where you preferred it, RFC 7240'),
  Deprecation: text('Since when this operation is not to be used any more, RFC 9745', '^@\\d+$'),
  Sunset: text('From when on it may be gone, RFC 8594'),
} satisfies Record<string, Header>;

type Field = keyof typeof fields;

const isLimited = ({ responses }: Operation) => responses[429] !== undefined;

const pages = ({ parameters }: Operation) => parameters?.some(({ name }) => name === 'cursor') === true;

function fieldsOf(operation: Operation, status: number): Field[] {
  const isIdempotent = operation.parameters?.some(({ name }) => name === 'idempotency-key') === true;
  return [
    'X-Request-Id',
    'Traceparent',
    ...(isLimited(operation) ? (['RateLimit', 'RateLimit-Policy'] as const) : []),
    ...(status >= 400 ? (['Content-Language'] as const) : []),
    ...([409, 429, 503].includes(status) ? (['Retry-After'] as const) : []),
    ...(status === 401 || status === 403 ? (['WWW-Authenticate'] as const) : []),
    ...(isIdempotent && status < 300 ? (['Idempotent-Replayed'] as const) : []),
    ...(status === 200 && pages(operation) ? (['Link'] as const) : []),
    ...(status === 202 ? (['Preference-Applied'] as const) : []),
    ...(operation.deprecated === true ? (['Deprecation', 'Sunset'] as const) : []),
  ];
}

const componentName = (field: string) => field.replaceAll('-', '');
const headerReference = (field: string): Reference => ({
  $ref: `#/components/headers/${componentName(field)}`,
});
const isReply = (reply: Reply | Reference): reply is Reply => 'description' in reply;

/** Named after the codes that it lists: `MalformedRequestOrInvalidCursor`. */
function problemName({ description }: Reply): string {
  const codes = [...description.matchAll(/`([a-z_]+)`: /g)].map((match) => match[1] ?? '');
  const words = (code: string) =>
    code.replaceAll(/(?:^|_)([a-z])/g, (_all, letter: string) => letter.toUpperCase());
  return codes.map(words).join('Or');
}

export function withSharedReplies<T extends object>(made: T): T {
  const document = made as Document;
  // health, which is never limited, is the exception: what the others say is the component
  const operations = Object.values(document.paths ?? {})
    .flatMap((path) => Object.values(path))
    .sort((one, other) => Number(isLimited(other)) - Number(isLimited(one)));
  const headers = new Map<string, Header>();
  for (const operation of operations) {
    for (const [status, reply] of Object.entries(operation.responses)) {
      if (!isReply(reply)) continue;
      const common = fieldsOf(operation, Number(status));
      for (const field of common) headers.set(componentName(field), fields[field]);
      const own = Object.entries(reply.headers ?? {}).map(([field, header]) => [
        field,
        share(headers, componentName(field), header as Header) ? headerReference(field) : header,
      ]);
      const named = common.map((field) => [field, headerReference(field)]);
      operation.responses[status] = { ...reply, headers: Object.fromEntries([...named, ...own]) };
    }
  }
  const problems = shareProblems(operations);
  document.components = {
    ...document.components,
    headers: Object.fromEntries(headers),
    responses: Object.fromEntries(problems),
  };
  return made;
}

const isSame = (one: object | undefined, other: object) => JSON.stringify(one) === JSON.stringify(other);

/** The first of a name is the component; what differs from it stays where it is. */
function share<T extends object>(components: Map<string, T>, name: string, value: T): boolean {
  if (!components.has(name)) components.set(name, value);
  return isSame(components.get(name), value);
}

function shareProblems(operations: readonly Operation[]): Map<string, Reply> {
  const problems = new Map<string, Reply>();
  for (const { responses } of operations) {
    for (const [status, reply] of Object.entries(responses)) {
      // a status of both an answer and a problem is the operation's own
      if (!isReply(reply) || Number(status) < 400 || !reply.description.startsWith('`')) continue;
      const name = problemName(reply);
      if (share(problems, name, reply)) responses[status] = { $ref: `#/components/responses/${name}` };
    }
  }
  return problems;
}
