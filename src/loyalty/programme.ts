/** A programme as it is kept: every version stays, since reports of past days count by the one that was in force. */
import { sql } from 'drizzle-orm';
import { Temporal } from 'temporal-polyfill';
import type { Reader } from '../db/client.js';
import { bodyProblem, type FieldProblem, notFound } from '../platform/errors.js';
import { isTimeZone } from '../platform/instants.js';
import type { ProgrammeIn } from './schemas.js';

/** Everything is said, so that another release counts by the same. */
export type ProgrammeContent = ProgrammeIn;
export type StoredProgramme = {
  key: string;
  version: number;
  content: ProgrammeContent;
  created_at: string;
  updated_at: string;
};

const longestYears = 100;

/** What keeps a programme from being, with pointers into its body. */
export function programmeProblems(
  content: ProgrammeIn,
  own: string,
  known: readonly string[],
): FieldProblem[] {
  const durations: [string, string | undefined, boolean][] = [
    ['/pending_for', content.pending_for, true],
    ['/hold_for', content.hold_for, false],
    ['/notice_before', content.notice_before, false],
    ['/expiry/after', 'after' in content.expiry ? content.expiry.after : undefined, true],
    [
      '/refund_of_expired/for',
      'for' in content.refund_of_expired ? content.refund_of_expired.for : undefined,
      false,
    ],
  ];
  return [
    ...(isTimeZone(content.time_zone)
      ? []
      : [bodyProblem('/time_zone', 'unknown_time_zone', 'is no time zone of the IANA database')]),
    ...durations.flatMap(([pointer, duration, mayBeNone]) =>
      duration === undefined || isWithin(duration, mayBeNone)
        ? []
        : [
            bodyProblem(
              pointer,
              'out_of_range',
              `must be ${mayBeNone ? '' : 'longer than nothing and '}at most ${longestYears} years`,
            ),
          ],
    ),
    ...content.conversions.flatMap(({ to }, place) => [
      ...(to === own
        ? [bodyProblem(`/conversions/${place}/to`, 'same_programme', 'must be another programme')]
        : []),
      ...(to !== own && !known.includes(to)
        ? [bodyProblem(`/conversions/${place}/to`, 'unknown_programme', 'names no programme')]
        : []),
      ...(content.conversions.findIndex((one) => one.to === to) < place
        ? [bodyProblem(`/conversions/${place}/to`, 'duplicate', 'is named already')]
        : []),
    ]),
  ];
}

function isWithin(text: string, mayBeNone: boolean): boolean {
  const start = Temporal.ZonedDateTime.from('2000-01-01T00:00[UTC]');
  const end = start.add(Temporal.Duration.from(text));
  const compared = Temporal.ZonedDateTime.compare(end, start);
  return (
    (compared > 0 || mayBeNone) &&
    Temporal.ZonedDateTime.compare(end, start.add({ years: longestYears })) <= 0
  );
}

/** With the version that is in force. */
export const selectProgramme = sql`
  select p.key, p.version, v.content, p.created_at, v.created_at as updated_at
  from loyalty_programmes p join loyalty_programme_versions v on v.programme = p.key and v.version = p.version`;

/** Throws 404. */
export async function readProgramme(reader: Reader, key: string, lock = sql``): Promise<StoredProgramme> {
  const [row] = await reader.rows<StoredProgramme>(sql`${selectProgramme} where p.key = ${key} ${lock}`);
  if (row === undefined) throw notFound('loyalty programme');
  return row;
}

export const toProgramme = ({ key, version, content, created_at, updated_at }: StoredProgramme) => ({
  key,
  version,
  ...content,
  created_at,
  updated_at,
});
