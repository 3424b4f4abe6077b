/** The fields of a customer that sources state, and what the database calls them. */
export const scalarFields = [
  'full_name',
  'given_name',
  'family_name',
  'legal_name',
  'short_name',
  'birth_date',
  'founding_date',
  'gender',
  'language',
  'city',
  'branch',
  'relationship_manager',
  'customer_since',
  'status',
] as const;

export type ScalarField = (typeof scalarFields)[number];

/** A row of `customers` as far as it is stated or shown. */
export type CustomerRow = {
  id: string;
  kind: 'person' | 'organization';
  status: string;
  stub: boolean;
  full_name: string | null;
  given_name: string | null;
  family_name: string | null;
  legal_name: string | null;
  short_name: string | null;
  birth_date: string | null;
  founding_date: string | null;
  gender: string | null;
  language: string | null;
  city: string | null;
  branch: string | null;
  manager: string | null;
  customer_since: string | null;
  attributes: Record<string, unknown>;
  merged_into: string | null;
  merged_from: string[] | null;
  version: number;
  created_at: string;
  updated_at: string;
};

export type RowField = Exclude<ScalarField, 'relationship_manager'> | 'manager';

export const columnOf = (field: ScalarField): RowField =>
  field === 'relationship_manager' ? 'manager' : field;

const attributeName = (field: string) =>
  field.startsWith('attributes.') ? field.slice('attributes.'.length) : undefined;

/** The value of a field of a row: a column, or a custom attribute. */
export function currentValue(row: CustomerRow, field: string): unknown {
  const name = attributeName(field);
  if (name === undefined) return row[columnOf(field as ScalarField)];
  // an attribute may have the name of what every object has, such as `constructor`
  return Object.hasOwn(row.attributes, name) ? row.attributes[name] : undefined;
}

/** The row with another value of the field. */
export function withField(row: CustomerRow, field: string, value: unknown): CustomerRow {
  const name = attributeName(field);
  if (name === undefined) return { ...row, [columnOf(field as ScalarField)]: value };
  const { [name]: _before, ...others } = row.attributes;
  return { ...row, attributes: value === null ? others : { ...others, [name]: value } };
}

type Names = Pick<CustomerRow, 'full_name' | 'given_name' | 'family_name' | 'legal_name' | 'short_name'>;

const han = /\p{Script=Han}/u;

/** Family name first where it is written in Chinese characters. */
export function composedName(row: Names): string | null {
  const { given_name: given, family_name: family } = row;
  if (given === null || family === null) return family ?? given;
  return han.test(family) ? `${family}${given}` : `${given} ${family}`;
}

/** The best name that is known. */
export const displayName = (row: Names): string | null =>
  row.full_name ?? row.legal_name ?? composedName(row) ?? row.short_name;

/** All names that a search can find the customer by. */
export function searchableNames(row: Names): string[] {
  const names = [row.full_name, composedName(row), row.legal_name, row.short_name];
  return [...new Set(names.filter((name): name is string => name !== null))];
}
