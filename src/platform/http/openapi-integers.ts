/** Clients of typed languages want to know how wide an integer is: its bounds say it, `format` repeats it for them. */
const int32Max = 2 ** 31 - 1;

const isInteger = ({ type }: { type?: unknown }) =>
  type === 'integer' || (Array.isArray(type) && type.includes('integer'));

function formatOf({ minimum, maximum }: { minimum?: number; maximum?: number }): 'int32' | 'int64' {
  const isNarrow = Math.abs(minimum ?? Infinity) <= int32Max && Math.abs(maximum ?? Infinity) <= int32Max;
  return isNarrow ? 'int32' : 'int64';
}

/** The document with a format at each schema of an integer; values of examples and defaults stay as they are. */
export function withIntegerFormats<T>(part: T): T {
  if (Array.isArray(part)) return part.map(withIntegerFormats) as T;
  if (typeof part !== 'object' || part === null) return part;
  const mapped = Object.entries(part).map(([name, inner]) =>
    ['example', 'examples', 'default', 'enum', 'const'].includes(name)
      ? [name, inner]
      : [name, withIntegerFormats(inner)],
  );
  const schema = Object.fromEntries(mapped);
  return isInteger(schema) && schema.format === undefined ? { ...schema, format: formatOf(schema) } : schema;
}
