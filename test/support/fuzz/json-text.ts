/** JSON that `JSON.stringify` would not write: text that stands in a value as it is. */

/** Text in the place of a value. */
export class Raw {
  constructor(
    readonly what: string,
    readonly text: string,
    /** no body that holds it may be taken */
    readonly isRefused = true,
  ) {}
}

export function writeJson(value: unknown): string {
  if (value instanceof Raw) return value.text;
  if (Array.isArray(value)) return `[${value.map(writeJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const fields = Object.entries(value).map(([name, item]) => `${JSON.stringify(name)}:${writeJson(item)}`);
  return `{${fields.join(',')}}`;
}

/** Whether no body may hold it, whatever its schema says: halves of surrogate pairs, NUL, keys that reach prototypes. */
export function isLexicallyRefused(value: unknown): boolean {
  if (value instanceof Raw) return value.isRefused;
  if (typeof value === 'string') return value.includes('\u0000') || !value.isWellFormed();
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(
    ([key, item]) => key === '__proto__' || isLexicallyRefused(key) || isLexicallyRefused(item),
  );
}

export function holdsRaw(value: unknown): boolean {
  if (value instanceof Raw) return true;
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsRaw);
}

/** Percent-encodes text, halves of surrogate pairs as well: as the three bytes that they would be. */
export function encodePart(text: string): string {
  return [...text]
    .map((sign) => {
      if (sign.isWellFormed()) return encodeURIComponent(sign);
      const code = sign.charCodeAt(0);
      const bytes = [0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)];
      return bytes.map((byte) => `%${byte.toString(16).toUpperCase()}`).join('');
    })
    .join('');
}
