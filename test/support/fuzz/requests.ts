/** Requests of an operation: as the document admits them, and with one thing wrong. */
import fc from 'fast-check';
import { encodePart, writeJson } from './json-text.js';
import { mutate, refusalOf, strangeParts } from './mutations.js';
import type { FuzzOperation, Parameter } from './operations.js';
import type { Schema, Values } from './schema-values.js';
import { textsThatAreText } from './texts.js';

export type FuzzRequest = {
  /** what is wrong with it, for people */
  what: string;
  /** `valid`: its form is right; `refused`: its form is not; `open`: nobody knows */
  expected: 'valid' | 'refused' | 'open';
  /** which of the callers */
  caller: number;
  method: string;
  target: string;
  headers: Record<string, string>;
  body: Buffer | undefined;
};

type Draft = {
  caller: number;
  /** percent-encoded */
  path: Record<string, string>;
  query: [name: string, value: string][];
  headers: Record<string, string>;
  type: string | undefined;
  body: unknown;
};

export type RequestSources = {
  values: Values;
  placesFor: (path: string) => Record<string, string>[];
  admitsParameter: (parameter: Parameter, text: string) => boolean;
  /** bodies for those content types that the document says nothing of */
  streams: fc.Arbitrary<Buffer>;
};

/** Header fields whose form the document describes in words only. */
const headerValues: Record<string, fc.Arbitrary<string>> = {
  'if-match': fc.constantFrom('*', '*', '"v1"', '"v1", "v2"'),
  'if-none-match': fc.constantFrom('*', '"v1"', 'W/"v1"'),
  'idempotency-key': fc.oneof(fc.uuid(), fc.constantFrom('"again"', 'again')),
  'last-event-id': fc.constantFrom('0', '3'),
  'upload-complete': fc.constantFrom('?1', '?0'),
  'upload-offset': fc.constantFrom('0'),
};

/** Parameters of which only some values are asked for: no request of a test waits for long. */
const bounded: Record<string, readonly unknown[]> = { wait: [0, 1] };

/** Made by the service: `cursors.test.ts` has them. */
const unguessable = ['cursor'];

const caller = fc.constantFrom(0, 0, 0, 1, 2);

export function validRequests(operation: FuzzOperation, sources: RequestSources): fc.Arbitrary<FuzzRequest> {
  return drafts(operation, sources).map((draft) =>
    written(operation, draft, {
      what: 'as the document admits it',
      expected: operation.body?.isJson === false ? 'open' : 'valid',
    }),
  );
}

export function mutatedRequests(
  operation: FuzzOperation,
  sources: RequestSources,
): fc.Arbitrary<FuzzRequest> {
  const changes = [
    ...(operation.body?.isJson === true ? [wrongBody, wrongBody, wrongBody, wrongBody] : []),
    ...(operation.path.includes('{') ? [wrongPath] : []),
    wrongQuery,
    wrongHeader,
  ];
  return fc
    .tuple(drafts(operation, sources), fc.constantFrom(...changes), fc.nat(), fc.nat())
    .map(([draft, change, place, pick]) => change(operation, draft, sources, place, pick));
}

function drafts(operation: FuzzOperation, sources: RequestSources): fc.Arbitrary<Draft> {
  return fc.record({
    caller,
    path: paths(operation, sources),
    query: queries(operation, sources),
    headers: headerFields(operation),
    type: fc.constantFrom(...(operation.body?.types ?? [undefined])),
    body: bodies(operation, sources),
  });
}

const ofKind = ({ parameters }: FuzzOperation, kind: string) => parameters.filter((one) => one.in === kind);

function paths(
  operation: FuzzOperation,
  { values, placesFor }: RequestSources,
): fc.Arbitrary<Record<string, string>> {
  const made = fc
    .record(
      Object.fromEntries(ofKind(operation, 'path').map(({ name, schema }) => [name, values(schema, name)])),
    )
    .map((place) =>
      Object.fromEntries(Object.entries(place).map(([name, value]) => [name, encodePart(String(value))])),
    );
  const known = placesFor(operation.path);
  return known.length === 0
    ? made
    : fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...known) }, { weight: 1, arbitrary: made });
}

function queries(operation: FuzzOperation, { values }: RequestSources): fc.Arbitrary<[string, string][]> {
  const each = ofKind(operation, 'query')
    .filter(({ name }) => !unguessable.includes(name))
    .map(({ name, required, schema }) => {
      const some = bounded[name];
      const value = (some === undefined ? values(schema, name) : fc.constantFrom(...some)).map(
        (one): [string, string] => [name, encodePart(String(one))],
      );
      return required === true ? value : fc.option(value, { freq: 1 });
    });
  return fc.tuple(...each).map((pairs) => pairs.filter((pair) => pair !== null));
}

function headerFields(operation: FuzzOperation): fc.Arbitrary<Record<string, string>> {
  const each = ofKind(operation, 'header').map(({ name, required }) => {
    const known = headerValues[name];
    if (known === undefined) return fc.constant(null);
    const pair = known.map((value): [string, string] => [name, value]);
    if (required === true) return pair;
    // without it nothing that is there is changed, but things are made
    return fc.option(pair, { freq: name === 'if-match' ? 3 : 1 });
  });
  return fc.tuple(...each).map((pairs) => Object.fromEntries(pairs.filter((pair) => pair !== null)));
}

function bodies({ body, admits }: FuzzOperation, { values, streams }: RequestSources): fc.Arbitrary<unknown> {
  if (body === undefined) return fc.constant(undefined);
  if (!body.isJson)
    return fc.oneof(streams, fc.constantFrom(...body.examples.map((text) => Buffer.from(String(text)))));
  const made = values(body.schema);
  if (body.examples.length === 0) return made.filter(admits);
  // handlers that refuse nearly all of what fits the schema are reached from what works
  const changed = fc
    .tuple(fc.constantFrom(...body.examples), made, fc.array(fc.nat(), { maxLength: 3 }))
    .map(([example, other, picks]) => {
      const fields = Object.entries(other as object);
      const some =
        fields.length === 0 ? [] : picks.map((pick) => fields[pick % fields.length] as [string, unknown]);
      return { ...(example as object), ...Object.fromEntries(some) };
    });
  return fc.oneof(changed, made).filter(admits);
}

type Verdict = Pick<FuzzRequest, 'what' | 'expected'>;

function written(operation: FuzzOperation, draft: Draft, verdict: Verdict): FuzzRequest {
  const path = operation.path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => draft.path[name] ?? '');
  const query = draft.query.map(([name, value]) => `${name}=${value}`).join('&');
  const { body } = draft;
  const bytes = body === undefined || Buffer.isBuffer(body) ? body : Buffer.from(writeJson(body));
  return {
    ...verdict,
    caller: draft.caller,
    method: operation.method,
    target: query === '' ? path : `${path}?${query}`,
    headers: { ...(draft.type === undefined ? {} : { 'content-type': draft.type }), ...draft.headers },
    body: bytes as Buffer | undefined,
  };
}

type Mistake = (
  operation: FuzzOperation,
  draft: Draft,
  sources: RequestSources,
  place: number,
  pick: number,
) => FuzzRequest;

const wrongBody: Mistake = (operation, draft, _sources, place, pick) => {
  const { what, body } = mutate(draft.body, { place, change: pick });
  const isEmpty = Object.keys(body ?? {}).length === 0 && writeJson(body) === '';
  return written(
    operation,
    { ...draft, body },
    {
      what: `body ${what}`,
      expected: isEmpty ? 'refused' : refusalOf(body, operation.admits),
    },
  );
};

const wrongPath: Mistake = (operation, draft, { admitsParameter }, place, pick) => {
  const parameters = ofKind(operation, 'path');
  const parameter = parameters[place % parameters.length] as Parameter;
  const part = strangeParts[pick % strangeParts.length] as string;
  const text = decoded(part);
  const isOpen = part === '' || (text !== undefined && admitsParameter(parameter, text));
  return written(
    operation,
    { ...draft, path: { ...draft.path, [parameter.name]: part } },
    {
      what: `path, ${parameter.name}: ${part.slice(0, 60)}`,
      expected: isOpen ? 'open' : 'refused',
    },
  );
};

/** What is not a value of a parameter: names that there are not, and names that come twice. */
const strangeQueries = (name: string): [string, string][][] => [
  [['surprise', '1']],
  [['__proto__', '1']],
  [['constructor', 'x']],
  [[`${name}[]`, '1']],
  [[`${name}[a]`, '1']],
  [[`${name.toUpperCase()}`, '1']],
  [
    [name, '1'],
    [name, '2'],
  ],
];

const wrongQuery: Mistake = (operation, draft, { admitsParameter }, place, pick) => {
  const parameters = ofKind(operation, 'query');
  const parameter = parameters[place % Math.max(parameters.length, 1)];
  const name = parameter?.name ?? 'limit';
  const others = draft.query.filter(([one]) => one !== name);
  const strange = strangeQueries(name);
  const index = pick % (parameter === undefined ? strange.length : strange.length + strangeParts.length);
  const part = strangeParts[index - strange.length];
  if (parameter === undefined || part === undefined) {
    const pairs = strange[index] ?? [];
    return written(
      operation,
      { ...draft, query: [...others, ...pairs] },
      {
        what: `query: ${pairs.map((pair) => pair.join('=')).join('&')}`,
        expected: 'refused',
      },
    );
  }
  const text = decoded(part.replaceAll('+', ' '));
  const fits = text !== undefined && admitsParameter(parameter, text);
  return written(
    operation,
    { ...draft, query: [...others, [name, part]] },
    {
      what: `query, ${name}: ${part.slice(0, 60)}`,
      expected: fits ? 'open' : 'refused',
    },
  );
};

/** Undefined where it is not the percent-encoding of text without NUL. */
function decoded(part: string): string | undefined {
  try {
    const text = decodeURIComponent(part);
    return text.includes('\u0000') ? undefined : text;
  } catch {
    return undefined;
  }
}

/** Fields that every operation reads. */
const everywhere = [
  'accept',
  'accept-language',
  'prefer',
  'x-purpose',
  'x-request-id',
  'traceparent',
  'tracestate',
  'origin',
  'range',
  'if-modified-since',
  'x-forwarded-for',
  'x-http-method-override',
  'cookie',
  'content-language',
];

const strangeFields = [
  ...textsThatAreText.filter((text) => /^[\x20-\x7e]*$/.test(text)),
  '',
  ',',
  '"',
  '""',
  '"unclosed',
  'W/',
  '"a", "b", *',
  ';q=',
  '*;q=0',
  '-1',
  '99999999999999999999',
  '\u00e9\u00ff',
  'sha-256=:AAAA:',
  'sha-256=:!:',
  '00-00000000000000000000000000000000-0000000000000000-00',
  'x'.repeat(301),
  'x'.repeat(1001),
  `"${'a,'.repeat(2000)}"`,
];

const wrongHeader: Mistake = (operation, draft, _sources, place, pick) => {
  const own = ofKind(operation, 'header');
  const names = [...own.map(({ name }) => name), ...own.map(({ name }) => name), ...everywhere];
  const name = names[place % names.length] as string;
  const value = strangeFields[pick % strangeFields.length] as string;
  const most = own.find((one) => one.name === name)?.schema.maxLength ?? Number.POSITIVE_INFINITY;
  return written(
    operation,
    { ...draft, headers: { ...draft.headers, [name]: value } },
    {
      what: `${name}: ${value.slice(0, 60)}`,
      expected: value.length > most ? 'refused' : 'open',
    },
  );
};

/** Whether a parameter's text fits its schema, as it is coerced: numbers in plain digits, booleans in words. */
export function parameterCheck(validate: (schema: Schema, value: unknown) => boolean) {
  return ({ schema }: Parameter, text: string): boolean => {
    const types = [schema.type ?? []].flat();
    if (types.includes('integer') || types.includes('number')) {
      const value = Number(text);
      return String(value) === text && validate(schema, value);
    }
    if (types.includes('boolean')) return text === 'true' || text === 'false';
    return validate(schema, text);
  };
}
