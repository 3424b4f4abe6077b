/**
 * JSON Canonicalization Scheme, RFC 8785: the one spelling of a JSON value, for what is hashed or compared. Keys
 * stand in the order of their UTF-16 code units, numbers and strings as ECMAScript writes them, nothing in between.
 */

/** @throws TypeError for what is no I-JSON: numbers without a value, lone surrogates, undefined in an array */
export function canonicalJson(value: unknown): string {
  if (typeof value === 'object' && value !== null) {
    if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
    const members = Object.entries(value).filter(([, item]) => item !== undefined);
    members.sort(([left], [right]) => (left < right ? -1 : 1));
    return `{${members.map(([key, item]) => `${canonicalJson(key)}:${canonicalJson(item)}`).join(',')}}`;
  }
  const odd =
    typeof value === 'number'
      ? !Number.isFinite(value)
      : typeof value === 'string'
        ? !value.isWellFormed()
        : typeof value !== 'boolean' && value !== null;
  if (odd) throw new TypeError(`not JSON: a ${typeof value}`);
  return JSON.stringify(value);
}
