/**
 * Arrays as PostgreSQL writes them, for statements over hundreds of rows: one join, where the driver looks at
 * every element on its own.
 */

/** Of values that need no quotes: ids, numbers, instants, keys. Null is NULL. */
export const plainArray = (values: readonly (string | number | boolean | null)[]): string =>
  `{${values.map((value) => value ?? 'NULL').join(',')}}`;

const special = /["\\]/;
const quoted = (text: string) =>
  `"${special.test(text) ? text.replaceAll(/["\\]/g, (character) => `\\${character}`) : text}"`;

/** Of any text. Null is NULL. */
export const textArray = (values: readonly (string | null)[]): string =>
  `{${values.map((value) => (value === null ? 'NULL' : quoted(value))).join(',')}}`;

/** Of bytes, given as hexadecimal. */
export const hexArray = (values: readonly string[]): string =>
  values.length === 0 ? '{}' : `{"\\\\x${values.join('","\\\\x')}"}`;
