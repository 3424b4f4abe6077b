export type Language = 'en' | 'zh';

const range = /^\s*([A-Za-z]{1,8})(?:-[A-Za-z0-9-]{1,60})?\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?))?\s*$/;

/** The language that the caller reads best of those that problems are told in (RFC 9110, 12.5.4). */
export function preferredLanguage(acceptLanguage: string | undefined): Language {
  let best: Language = 'en';
  let bestWeight = 0;
  for (const part of (acceptLanguage ?? '').split(',').slice(0, 32)) {
    const [, name, weight] = range.exec(part) ?? [];
    const language = name?.toLowerCase();
    if (language !== 'en' && language !== 'zh') continue;
    if (Number(weight ?? 1) > bestWeight) {
      best = language;
      bestWeight = Number(weight ?? 1);
    }
  }
  return best;
}
