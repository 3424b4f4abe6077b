/**
 * What a schema of attribute values may say: a subset of JSON Schema 2020-12 (core, draft-bhutton-json-schema-01) that
 * is checked in time and memory bounded by the value. No references and no combinations; depth and size are bounded;
 * patterns match in polynomial time of a small degree: anchored at both ends, without groups and alternatives, with at
 * most two quantifiers of variable length, and beside a maxLength.
 */
import type { FieldProblem } from '../platform/errors.js';

const depthMax = 5;
const sizeMax = 8192;
const patternLengthMax = 100;
const patternedLengthMax = 200;
const variableQuantifiersMax = 2;

type Json = unknown;
type Schema = Record<string, Json>;

const isObject = (value: Json): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: Json): value is string => typeof value === 'string' && value.length <= 500;
const isScalar = (value: Json) => isText(value) || typeof value === 'number' || typeof value === 'boolean';
const isNumber = (value: Json) => typeof value === 'number';
const isCount = (most: number) => (value: Json) =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most;
const isOneOf = (values: readonly string[]) => (value: Json) => values.includes(value as string);

export const valueTypes = ['string', 'number', 'integer', 'boolean', 'array', 'object'] as const;
const formats = ['date', 'date-time', 'email', 'uri', 'uuid', 'duration'];
const propertyName = /^[a-zA-Z][a-zA-Z0-9_]{0,62}$/;

type Keyword = { of?: readonly string[]; accepts: (value: Json) => boolean; says: string };

const numeric = ['number', 'integer'];
const number = { of: numeric, accepts: isNumber, says: 'is a number' };

/** Each keyword, the types it belongs to, and what it may hold. */
const keywords: Record<string, Keyword> = {
  type: { accepts: isOneOf(valueTypes), says: `is one of ${valueTypes.join(', ')}` },
  title: { accepts: isText, says: 'is a text of at most 500 characters' },
  description: { accepts: isText, says: 'is a text of at most 500 characters' },
  enum: {
    accepts: (value) =>
      Array.isArray(value) && value.length > 0 && value.length <= 200 && value.every(isScalar),
    says: 'is a list of 1 to 200 texts, numbers or booleans',
  },
  const: { accepts: isScalar, says: 'is a text, a number or a boolean' },
  minLength: { of: ['string'], accepts: isCount(10_000), says: 'is a number from 0 to 10000' },
  maxLength: { of: ['string'], accepts: isCount(10_000), says: 'is a number from 0 to 10000' },
  format: { of: ['string'], accepts: isOneOf(formats), says: `is one of ${formats.join(', ')}` },
  pattern: {
    of: ['string'],
    accepts: (value) => typeof value === 'string' && isBoundedPattern(value),
    says: `is anchored (^…$), of at most ${patternLengthMax} characters, without groups and alternatives, with at most ${variableQuantifiersMax} quantifiers of variable length`,
  },
  minimum: number,
  maximum: number,
  exclusiveMinimum: number,
  exclusiveMaximum: number,
  multipleOf: { ...number, accepts: (value) => isNumber(value) && (value as number) > 0, says: 'is above 0' },
  items: { of: ['array'], accepts: isObject, says: 'is a schema' },
  minItems: { of: ['array'], accepts: isCount(1000), says: 'is a number from 0 to 1000' },
  maxItems: { of: ['array'], accepts: isCount(1000), says: 'is a number from 0 to 1000' },
  uniqueItems: { of: ['array'], accepts: (value) => typeof value === 'boolean', says: 'is a boolean' },
  properties: {
    of: ['object'],
    accepts: (value) =>
      isObject(value) &&
      Object.keys(value).length <= 64 &&
      Object.entries(value).every(([name, schema]) => propertyName.test(name) && isObject(schema)),
    says: 'is at most 64 schemas by names of letters, digits and _',
  },
  required: {
    of: ['object'],
    accepts: (value) => Array.isArray(value) && value.length <= 64 && value.every(isText),
    says: 'is a list of names',
  },
  additionalProperties: {
    of: ['object'],
    accepts: (value) => typeof value === 'boolean',
    says: 'is a boolean',
  },
};

/** Every place at which the schema says what it may not. */
export function valueSchemaProblems(schema: Schema, pointer: string): FieldProblem[] {
  if (JSON.stringify(schema).length > sizeMax) {
    return [at(pointer, 'too_large', `has at most ${sizeMax} characters`)];
  }
  return problemsAt(schema, pointer, 1).slice(0, 20);
}

const at = (pointer: string, code: string, message: string): FieldProblem => ({
  in: 'body',
  pointer,
  code,
  message,
});

function problemsAt(schema: Schema, pointer: string, depth: number): FieldProblem[] {
  if (depth > depthMax) return [at(pointer, 'too_deep', `is nested at most ${depthMax} deep`)];
  if (schema.type === undefined) return [at(`${pointer}/type`, 'required', 'is required')];
  return [
    ...Object.entries(schema).flatMap(([name, value]) => keywordProblems(schema, name, value, pointer)),
    ...crossProblems(schema, pointer),
    ...children(schema).flatMap(([path, child]) => problemsAt(child, `${pointer}/${path}`, depth + 1)),
  ];
}

function keywordProblems(schema: Schema, name: string, value: Json, pointer: string): FieldProblem[] {
  const keyword = Object.hasOwn(keywords, name) ? keywords[name] : undefined;
  const place = `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
  if (keyword === undefined) return [at(place, 'unknown_keyword', 'is not a keyword that is known here')];
  if (keyword.of?.includes(schema.type as string) === false) {
    return [at(place, 'wrong_type', `belongs to the type ${keyword.of.join(' or ')}`)];
  }
  return keyword.accepts(value) ? [] : [at(place, 'keyword_value', keyword.says)];
}

function crossProblems(schema: Schema, pointer: string): FieldProblem[] {
  const { pattern, maxLength, required, properties } = schema;
  const bounded = typeof maxLength === 'number' && maxLength <= patternedLengthMax;
  const names = isObject(properties) ? Object.keys(properties) : [];
  const astray = Array.isArray(required) && required.some((name) => !names.includes(name as string));
  return [
    ...(pattern === undefined || bounded
      ? []
      : [
          at(
            `${pointer}/maxLength`,
            'required',
            `is required beside a pattern, and at most ${patternedLengthMax}`,
          ),
        ]),
    ...(astray ? [at(`${pointer}/required`, 'unknown_property', 'names properties that are declared')] : []),
  ];
}

function children({ items, properties }: Schema): [string, Schema][] {
  const named = isObject(properties) ? Object.entries(properties) : [];
  return [
    ...(isObject(items) ? [['items', items] as [string, Schema]] : []),
    ...named.flatMap(([name, child]): [string, Schema][] =>
      isObject(child) ? [[`properties/${name}`, child]] : [],
    ),
  ];
}

const atom = String.raw`\\[dDwWsS]|\\[pP]\{[A-Za-z_=]{1,40}\}|\\[.*+?^$()[\]{}|\\/]|\[(?:[^\]\\]|\\.)+\]|\.|[^\\^$.|?*+()[\]{}]`;
const quantifier = String.raw`[?*+]|\{\d{1,3}(?:,\d{0,3})?\}`;
const wholePattern = new RegExp(`^\\^(?:(?:${atom})(?:${quantifier})?)*\\$$`, 'u');
const pieces = new RegExp(`(?:${atom})(${quantifier})?`, 'gu');

function isBoundedPattern(pattern: string): boolean {
  if (pattern.length > patternLengthMax || !wholePattern.test(pattern)) return false;
  const quantifiers = [...pattern.slice(1, -1).matchAll(pieces)].map((match) => match[1]);
  const variable = quantifiers.filter((one) => one !== undefined && !/^\{\d+\}$/.test(one));
  if (variable.length > variableQuantifiersMax) return false;
  try {
    new RegExp(pattern, 'u');
    return true;
  } catch {
    return false;
  }
}
