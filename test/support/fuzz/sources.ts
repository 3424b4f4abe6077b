/** What requests of the fuzz tests are made of: the document's schemas, what its examples show, and the world. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import fc from 'fast-check';
import type { OpenApi } from '../contract.js';
import { writeJson } from './json-text.js';
import { mutate } from './mutations.js';
import { operationsOf, shownValues } from './operations.js';
import { parameterCheck, type RequestSources } from './requests.js';
import { type Schema, type Values, valuesOf } from './schema-values.js';
import type { FuzzWorld } from './world.js';

export function requestSources(
  document: OpenApi,
  { placesFor, facts, attributes }: FuzzWorld,
): RequestSources {
  const validate = schemaCheck(document);
  const shown = shownValues(document).set('fact', facts);
  const values = valuesOf({
    components: document.components.schemas as Record<string, Schema>,
    known: (name, schema) => (shown.get(name) ?? []).filter((value) => validate(schema, value)).slice(0, 100),
    special: { json_schema: valueSchemas, attributes: namedValues(attributes) },
  });
  return { values, placesFor, admitsParameter: parameterCheck(validate), streams: streams(document, values) };
}

function schemaCheck(document: OpenApi) {
  const ajv = new Ajv2020({ strict: false, validateFormats: true });
  formats.default(ajv);
  ajv.addSchema({ $id: 'openapi', components: document.components });
  const compiled = new Map<Schema, ValidateFunction>();
  return (schema: Schema, value: unknown): boolean => {
    const known = compiled.get(schema) ?? ajv.compile(inDocument(schema));
    compiled.set(schema, known);
    return known(value) === true;
  };
}

/** A schema that refers to components, taken out of the document. */
const inDocument = (schema: Schema): Schema =>
  JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', '"openapi#/components/'));

/** Values of attributes that are declared, some of them of the type that was declared. */
const namedValues = (names: readonly string[]): fc.Arbitrary<unknown> =>
  fc.dictionary(
    fc.constantFrom(...names),
    fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 20 }),
      fc.constant(null),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.boolean(),
    ),
    { maxKeys: 3, noNullPrototype: true },
  );

/** Schemas of attribute values: the document says only that they are objects. */
const valueSchemas: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  any: fc.oneof({ depthSize: 'small', withCrossShrink: true }, tie('flat'), tie('list'), tie('object')),
  flat: fc.record(
    {
      type: fc.constantFrom('string', 'number', 'integer', 'boolean'),
      enum: fc.array(fc.oneof(fc.string(), fc.integer(), fc.boolean()), { maxLength: 3 }),
      const: fc.oneof(fc.string(), fc.double({ noNaN: true, noDefaultInfinity: true })),
      minLength: fc.nat(12_000),
      maxLength: fc.nat(250),
      format: fc.constantFrom('date', 'date-time', 'email', 'uri', 'uuid', 'duration', 'regex'),
      pattern: fc.constantFrom(
        '^[a-z]{1,5}$',
        '^\\d+$',
        '^a*a*$',
        '^(a|b)$',
        '^\\p{L}+$',
        '^[',
        '^[^]]$',
        '^\\$',
      ),
      minimum: fc.double({ noNaN: true, noDefaultInfinity: true }),
      maximum: fc.integer(),
      multipleOf: fc.constantFrom(1, 0.01, 1e-300, 1e300, 0),
    },
    { requiredKeys: ['type'] },
  ),
  list: fc.record(
    {
      type: fc.constant('array'),
      items: tie('any'),
      minItems: fc.nat(3),
      maxItems: fc.nat(1001),
      uniqueItems: fc.boolean(),
    },
    { requiredKeys: ['type'] },
  ),
  object: fc.record(
    {
      type: fc.constant('object'),
      properties: fc.dictionary(fc.constantFrom('a', 'b', 'toString', 'a-b'), tie('any'), { maxKeys: 3 }),
      required: fc.subarray(['a', 'b']),
      additionalProperties: fc.boolean(),
    },
    { requiredKeys: ['type'] },
  ),
})).any;

/** Lines of JSON of all that comes in somewhere, some of them wrong; lines of cells; bytes. */
function streams(document: OpenApi, values: Values): fc.Arbitrary<Buffer> {
  const bodies = operationsOf(document).flatMap(({ body }) =>
    body?.isJson === true ? [values(body.schema)] : [],
  );
  const line = fc
    .tuple(fc.oneof(...bodies), fc.option(fc.record({ place: fc.nat(), change: fc.nat() })))
    .map(([body, pick]) => writeJson(pick === null ? body : mutate(body, pick).body));
  const names = fc.constantFrom(
    'source',
    'source_id',
    'customer.id',
    'type',
    'identifiers.0.value',
    'kind',
    'x',
    '',
    '__proto__',
    'a.b.c.d',
  );
  const cell = fc.oneof(fc.string({ maxLength: 8 }), fc.constantFrom('"', '""', '"a\nb"', '=1+1', '\u0000'));
  const lines = (items: fc.Arbitrary<string>, between: string) =>
    fc.array(items, { maxLength: 6 }).map((all) => all.join(between));
  const cells = fc
    .tuple(lines(names, ','), lines(lines(cell, ','), '\n'))
    .map(([header, rows]) => `${header}\n${rows}`);
  return fc.oneof(
    fc.oneof(lines(line, '\n'), cells).map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  );
}
