/** Times that move with the clock, as rules and models tell them. */
import { Type } from 'typebox';
import { Duration, Ref, Strict, StringEnum } from '../platform/http/schemas.js';

export const calendarUnits = ['day', 'week', 'month', 'quarter', 'year'] as const;
export type CalendarUnit = (typeof calendarUnits)[number];
export type RollingWindow = { last: string };
/** So many periods, one unless it is said, the last of them `offset` from the present one. */
export type CalendarWindow = { calendar: CalendarUnit; offset?: number; periods?: number };
export type Window = RollingWindow | CalendarWindow;

export const RollingWindowSchema = Strict(
  {
    last: Duration(
      "An activity is in while occurred_at <= now < occurred_at + last, in the bank's time zone. A day of a balance is in while day < today <= day + last",
      {
        examples: ['P30D'],
      },
    ),
  },
  { $id: 'RollingWindow', description: 'ISO 8601 duration, at most 20 years' },
);

export const CalendarWindowSchema = Strict(
  {
    calendar: StringEnum(calendarUnits, {
      description: "A period of the calendar in the bank's time zone; weeks begin on Monday",
    }),
    offset: Type.Optional(
      Type.Integer({
        minimum: -10_000,
        maximum: 0,
        description:
          'How many periods before the present one: 0, the default, is the present one, -1 the one before it; at most 20 years',
      }),
    ),
    periods: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 10_000,
        description:
          'How many periods, one where it is not said: the one that `offset` tells, and those before it. { "calendar": "month", "offset": -1, "periods": 6 } are the last six months that are over',
      }),
    ),
  },
  {
    $id: 'CalendarWindow',
    description: 'A day, week, month, quarter or year, or several that follow one another',
  },
);

export const RuleWindowSchema = Type.Unsafe<Window>({
  $id: 'RuleWindow',
  description: 'A time that moves with the clock: the last so long, or a period of the calendar',
  anyOf: [Ref(RollingWindowSchema), Ref(CalendarWindowSchema)],
  examples: [{ last: 'P30D' }, { calendar: 'month', offset: -1 }],
});
