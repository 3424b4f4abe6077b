/** How a rule asks for a customer's place among all. */
import { Type } from 'typebox';
import { Duration, Strict } from '../platform/http/schemas.js';

/** So many percent, with at most two decimals, or so many customers. */
export type Share = { percent: number } | { count: number };
export type Ranking = { fact: string; refresh?: string } & (
  | { top: Share }
  | { bottom: Share }
  | { between: { percent: [number, number] } }
);
export type RankCondition = { rank: Ranking };

const percent = { maximum: 100, description: 'Of those who are ranked, with at most two decimals' };
const share = Type.Unsafe<Share>({
  anyOf: [
    Strict({ percent: Type.Number({ minimum: 0.01, ...percent }) }, { title: 'Percent' }),
    Strict({ count: Type.Integer({ minimum: 1, maximum: 1_000_000_000 }) }, { title: 'Count' }),
  ],
});
const ranked = {
  fact: Type.String({
    minLength: 1,
    maxLength: 100,
    description: 'A name from the list of facts: of money, numbers, dates or instants',
  }),
  refresh: Type.Optional(
    Duration('How often it is refreshed, from PT15M to P31D; PT1H where nothing is said', {
      examples: ['P1D'],
    }),
  ),
};
const bounds = Type.Array(Type.Number({ minimum: 0, ...percent }), { minItems: 2, maxItems: 2 });

export const RankConditionSchema = Strict(
  {
    rank: Type.Unsafe<Ranking>({
      anyOf: [
        Strict({ ...ranked, top: share }, { title: 'Top' }),
        Strict({ ...ranked, bottom: share }, { title: 'Bottom' }),
        Strict({ ...ranked, between: Strict({ percent: bounds }) }, { title: 'Between' }),
      ],
    }),
  },
  {
    $id: 'RankCondition',
    description:
      'Whether the customer is among the first or the last of all by a fact, or beyond the lowest so many percent and not beyond the lowest so many. Equal values have equal ranks. Where the order is cut is refreshed on a schedule, for everybody at once; stubs, and customers of whom the fact is missing, have no rank',
    examples: [{ rank: { fact: 'rfm.monetary', top: { percent: 5 } } }],
  },
);
