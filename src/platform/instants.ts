/** Instants as text, to the microsecond. */

/** Microseconds since the epoch of an RFC 3339 instant. */
export function microsOf(instant: string): number {
  const milliseconds = Date.parse(instant);
  const fraction = /\.(\d+)/.exec(instant)?.[1] ?? '';
  return milliseconds * 1000 + Number(fraction.slice(3, 6).padEnd(3, '0'));
}

/** The RFC 3339 instant, in UTC, of microseconds since the epoch. */
export function instantOf(micros: number): string {
  const milliseconds = Math.floor(micros / 1000);
  const rest = micros - milliseconds * 1000;
  const text = new Date(milliseconds).toISOString();
  return rest === 0 ? text : text.replace('Z', `${String(rest).padStart(3, '0')}Z`);
}

/** Whether it names a time zone of the IANA database. */
export function isTimeZone(name: string): boolean {
  try {
    // an offset such as +08:00 is taken by the Intl of some releases but is no zone: it has no rules
    return /^[A-Za-z]/.test(name) && new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}

/** The calendar date of an instant in a time zone. */
export function dateIn(timeZone: string, instant: string): string {
  return formatter(timeZone).format(new Date(instant));
}

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(timeZone: string): Intl.DateTimeFormat {
  const known = formatters.get(timeZone);
  if (known !== undefined) return known;
  // the Swedish form is the ISO 8601 one
  const made = new Intl.DateTimeFormat('sv-SE', {
    timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  });
  formatters.set(timeZone, made);
  return made;
}
