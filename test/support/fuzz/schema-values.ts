/**
 * Values that a JSON Schema admits, as fast-check arbitraries: types, enums, patterns, formats, bounds, references,
 * alternatives. What depends on several fields at once is left to the validator that the caller filters with.
 */
import fc from 'fast-check';
import { isLexicallyRefused } from './json-text.js';
import { textsThatAreText } from './texts.js';

export type Schema = {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  default?: unknown;
  pattern?: string;
  format?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  items?: Schema;
  minItems?: number;
  maxItems?: number;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema | boolean;
  patternProperties?: Record<string, Schema>;
  propertyNames?: Schema;
  minProperties?: number;
  maxProperties?: number;
  dependentRequired?: Record<string, string[]>;
};

type Arbitrary = fc.Arbitrary<unknown>;
export type Values = (schema: Schema, name?: string) => Arbitrary;

type Sources = {
  components: Record<string, Schema>;
  /** values with a meaning, by the name of the field that they stand in */
  known: (name: string, schema: Schema) => readonly unknown[];
  /** what the document says nothing of, by the name of the field */
  special?: Record<string, Arbitrary>;
};

/** How many references deep. */
const deepest = 5;

export function valuesOf({ components, known, special = {} }: Sources): Values {
  const byReference = new Map<string, Arbitrary | undefined>();

  /** Undefined where no value is that small. */
  function make(schema: Schema, left: number, name = ''): Arbitrary | undefined {
    const own = Object.hasOwn(special, name) ? special[name] : undefined;
    const generated = own ?? generate(schema, left);
    const values = name === '' ? [] : known(name, schema);
    if (values.length === 0 || generated === undefined) return generated;
    return fc.oneof(
      { weight: 2, arbitrary: fc.constantFrom(...values) },
      { weight: 1, arbitrary: generated },
    );
  }

  function generate(schema: Schema, left: number): Arbitrary | undefined {
    if (schema.$ref !== undefined) return referred(schema.$ref, left);
    if (schema.const !== undefined) return fc.constant(schema.const);
    if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
    const branches = schema.anyOf ?? schema.oneOf;
    if (branches !== undefined) return oneOf(branches.map((branch) => make(joined(schema, branch), left)));
    if (schema.allOf !== undefined) {
      const { allOf, ...beside } = schema;
      return make(allOf.reduce(joined, beside), left);
    }
    const types = [schema.type ?? []].flat();
    if (types.length === 0) return schema.properties === undefined ? anything : objects(schema, left);
    return oneOf(types.map((type) => ofType(type, schema, left)));
  }

  function referred(reference: string, left: number): Arbitrary | undefined {
    if (left === 0) return undefined;
    const key = `${reference} ${left}`;
    if (!byReference.has(key)) {
      const target = components[reference.replace('#/components/schemas/', '')];
      if (target === undefined) throw new Error(`there is no ${reference}`);
      byReference.set(key, make(target, left - 1));
    }
    return byReference.get(key);
  }

  function ofType(type: string, schema: Schema, left: number): Arbitrary | undefined {
    if (type === 'null') return fc.constant(null);
    if (type === 'boolean') return fc.boolean();
    if (type === 'integer') return integers(schema);
    if (type === 'number') return numbers(schema);
    if (type === 'array') return arrays(schema, left);
    return type === 'object' ? objects(schema, left) : texts(schema);
  }

  function arrays({ items = {}, minItems = 0, maxItems = 100 }: Schema, left: number): Arbitrary | undefined {
    const item = make(items, left);
    if (item === undefined) return minItems === 0 ? fc.constant([]) : undefined;
    return fc.array(item, { minLength: minItems, maxLength: Math.min(maxItems, minItems + 3) });
  }

  function objects(schema: Schema, left: number): Arbitrary | undefined {
    const { properties = {}, required = [], dependentRequired = {} } = schema;
    const fields: Record<string, Arbitrary> = {};
    for (const [name, property] of Object.entries(properties)) {
      const value = make(property, left, name);
      if (value === undefined && required.includes(name)) return undefined;
      if (value === undefined) continue;
      fields[name] = required.includes(name) ? value : sometimes(value);
    }
    for (const name of required.filter((one) => fields[one] === undefined))
      fields[name] = make({}, left, name) ?? anything;
    return fc
      .tuple(fc.record(fields), others(schema, left))
      .map(([named, more]) => complete({ ...more, ...present(named) }, dependentRequired));
  }

  function others(schema: Schema, left: number): fc.Arbitrary<Record<string, unknown>> {
    const { properties, additionalProperties, patternProperties, propertyNames, maxProperties = 3 } = schema;
    const [pattern] = Object.entries(patternProperties ?? {});
    // objects with named fields are open to be read, not to be written into
    if (pattern === undefined && (additionalProperties === false || properties !== undefined))
      return fc.constant({});
    const inner = typeof additionalProperties === 'object' ? additionalProperties : {};
    const value = make(pattern?.[1] ?? inner, left) ?? anything;
    const names = pattern === undefined ? (propertyNames ?? {}) : { pattern: pattern[0] };
    const key = texts({ minLength: 1, maxLength: 63, ...names }) as fc.Arbitrary<string>;
    return fc.dictionary(
      key.filter((one) => one !== '__proto__'),
      value,
      { maxKeys: Math.min(3, maxProperties), noNullPrototype: true },
    );
  }

  return (schema, name) => {
    const made = make(schema, deepest, name);
    if (made === undefined) throw new Error('a schema refers to itself without an end');
    return made;
  };
}

const absent = Symbol('absent');
const sometimes = (value: Arbitrary): Arbitrary =>
  fc.oneof({ weight: 2, arbitrary: fc.constant(absent) }, { weight: 1, arbitrary: value });
const present = (fields: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== absent));

/** A field that asks for another one goes where the other one is not there. */
function complete(value: Record<string, unknown>, asks: Record<string, string[]>): Record<string, unknown> {
  const alone = Object.keys(asks).filter((name) => asks[name]?.some((other) => value[other] === undefined));
  return Object.fromEntries(Object.entries(value).filter(([name]) => !alone.includes(name)));
}

/** What stands beside alternatives holds for each of them. */
function joined(schema: Schema, branch: Schema): Schema {
  const { anyOf: _any, oneOf: _one, ...beside } = schema;
  if (branch.$ref !== undefined) return branch;
  return {
    ...beside,
    ...branch,
    ...(beside.properties && { properties: { ...beside.properties, ...branch.properties } }),
    required: [...(beside.required ?? []), ...(branch.required ?? [])],
  };
}

function oneOf(arbitraries: readonly (Arbitrary | undefined)[]): Arbitrary | undefined {
  const made = arbitraries.filter((one) => one !== undefined);
  return made.length === 0 ? undefined : fc.oneof(...made);
}

const anything: Arbitrary = fc
  .jsonValue({ maxDepth: 2, stringUnit: 'grapheme' })
  .filter((value) => !isLexicallyRefused(value));

function integers({
  minimum = Number.MIN_SAFE_INTEGER,
  maximum = Number.MAX_SAFE_INTEGER,
}: Schema): Arbitrary {
  const edges = [minimum, minimum + 1, maximum - 1, maximum].filter(
    (one) => one >= minimum && one <= maximum,
  );
  return fc.oneof(
    fc.maxSafeInteger().map((one) => minimum + (Math.abs(one) % Math.min(maximum - minimum + 1, 1e9))),
    fc.constantFrom(...edges),
  );
}

const numbers = ({ minimum = -1e15, maximum = 1e15 }: Schema): Arbitrary =>
  fc.oneof(
    fc.double({ min: minimum, max: maximum, noNaN: true, noDefaultInfinity: true }),
    integers({ minimum: Math.ceil(minimum), maximum: Math.floor(maximum) }),
  );

const lookAhead = /\(\?[=!][^)]*\)/g;

function texts({ pattern, format, minLength = 0, maxLength = 1000 }: Schema): Arbitrary {
  const ofFormat = format === undefined ? undefined : formats[format];
  if (ofFormat !== undefined) return ofFormat;
  const fits = (text: string) => {
    const length = [...text].length;
    return (
      length >= minLength &&
      length <= maxLength &&
      (pattern === undefined || new RegExp(pattern, 'u').test(text))
    );
  };
  if (pattern !== undefined) {
    const wanted = fc.stringMatching(new RegExp(pattern.replaceAll(lookAhead, ''), 'u'));
    return wanted.filter((text) => fits(text) && !isLexicallyRefused(text));
  }
  const strange = textsThatAreText.filter(fits);
  const most = Math.min(maxLength, minLength + 12);
  return fc.oneof(
    fc.string({ unit: 'grapheme-ascii', minLength, maxLength: most }),
    fc.string({ unit: 'grapheme', minLength, maxLength: most }).filter(fits),
    fc.constantFrom('x'.repeat(maxLength), '中'.repeat(maxLength)),
    ...(strange.length === 0 ? [] : [fc.constantFrom(...strange)]),
  );
}

const instants = fc
  .date({ min: new Date('1970-01-02T00:00:00Z'), max: new Date('2100-01-01T00:00:00Z'), noInvalidDate: true })
  .map((date) => date.toISOString());

const formats: Record<string, Arbitrary> = {
  uuid: fc.uuid(),
  'date-time': fc.oneof(
    instants,
    instants.map((one) => one.replace(/\.\d+Z$/, '+08:00')),
  ),
  date: instants.map((one) => one.slice(0, 10)),
  duration: fc.constantFrom('P1D', 'PT0S', 'P1Y2M', 'P3W'),
  email: fc.emailAddress(),
  uri: fc.webUrl(),
};
