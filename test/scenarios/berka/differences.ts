/** What differs between what should be and what is, the first few of it: whole banks make no readable message. */
const shown = 5;

export function differences(expected: readonly string[], answered: readonly string[]): string[] {
  const should = new Set(expected);
  const is = new Set(answered);
  return [
    ...expected.filter((one) => !is.has(one)).map((one) => `missing: ${one}`),
    ...answered.filter((one) => !should.has(one)).map((one) => `not expected: ${one}`),
    ...(answered.length === is.size ? [] : ['some came twice']),
  ].slice(0, shown);
}

/** Entries of maps, as texts that can be compared. */
export const texts = (map: ReadonlyMap<string, object>): string[] =>
  [...map].map(([key, value]) => `${key} ${textOf(value)}`);

const textOf = (value: object): string =>
  JSON.stringify(
    Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1)),
    (_key, one) => (typeof one === 'bigint' ? String(one) : one),
  );
