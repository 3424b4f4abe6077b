/** The bank's own definitions that customers are checked against. */
import { sql } from 'drizzle-orm';
import type { Reader } from '../db/client.js';
import type { FieldProblem } from '../platform/errors.js';
import { bodyValidator } from '../platform/http/validation.js';
import type { IdentifierNormaliser } from './identifier-schemes.js';
import type { SourcePriorities, Sources } from './sources.js';

export type Scheme = {
  key: string;
  normaliser: IdentifierNormaliser;
  sensitive: boolean;
  path_safe: boolean;
};

export type Attribute = {
  name: string;
  version: number;
  sensitivity: 'internal' | 'sensitive';
  searchable: boolean;
  validate: (value: unknown) => FieldProblem[];
};

export type Definitions = { schemes: Map<string, Scheme>; attributes: Map<string, Attribute> };

type AttributeRow = Omit<Attribute, 'validate'> & { json_schema: object };

/** Compiled once a version. */
const compiled = new Map<string, Attribute['validate']>();

function validatorOf(row: AttributeRow): Attribute['validate'] {
  const key = `${row.name}@${row.version}@${JSON.stringify(row.json_schema)}`;
  const known = compiled.get(key);
  if (known !== undefined) return known;
  const made = bodyValidator([], row.json_schema);
  if (compiled.size > 1000) compiled.clear();
  compiled.set(key, made);
  return made;
}

export async function loadDefinitions(reader: Reader): Promise<Definitions> {
  const schemes = await reader.rows<Scheme>(
    sql`select key, normaliser, sensitive, path_safe from identifier_schemes`,
  );
  const attributes = await reader.rows<AttributeRow>(
    sql`select name, version, sensitivity, searchable, json_schema from attribute_definitions`,
  );
  return {
    schemes: new Map(schemes.map((scheme) => [scheme.key, scheme])),
    attributes: new Map(attributes.map((row) => [row.name, { ...row, validate: validatorOf(row) }])),
  };
}

/** How much the word of each declared source weighs. */
export async function loadSources(reader: Reader): Promise<Sources> {
  const rows = await reader.rows<{ key: string } & SourcePriorities>(
    sql`select key, priority, priorities from sources`,
  );
  return new Map(rows.map(({ key, ...priorities }) => [key, priorities]));
}
