import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decideHolding,
  type HoldingChange,
  type HoldingFields,
  type HoldingState,
  ownerOf,
} from '../../src/holdings/changes.js';
import { changeParties, type Party, type StatedParty } from '../../src/holdings/parties.js';
import { roles } from '../../src/holdings/vocabulary.js';

const day = fc.integer({ min: 1, max: 28 }).map((number) => `2026-02-${String(number).padStart(2, '0')}`);
let ids = 0;
const nextId = () => {
  ids += 1;
  return `party-${ids}`;
};

const party: fc.Arbitrary<StatedParty> = fc
  .record(
    {
      customerId: fc.constantFrom('a', 'b', 'c', 'd'),
      role: fc.constantFrom(...roles),
      share: fc.option(fc.constantFrom('10', '25', '25.0', '50')),
      startsOn: fc.option(day),
      endsOn: fc.option(day),
    },
    { requiredKeys: ['customerId', 'role'] },
  )
  .map((stated) => ({ ...stated, id: nextId() }));

/** As they come after the check that no statement names two primary owners. */
const statedParties = fc.record({
  mode: fc.constantFrom('replace', 'add'),
  parties: fc.uniqueArray(party, {
    maxLength: 5,
    selector: ({ customerId, role }) => (role === 'primary_owner' ? role : `${customerId} ${role}`),
  }),
});

const fields: fc.Arbitrary<Partial<HoldingFields>> = fc.record(
  {
    category: fc.constantFrom('deposit', 'loan'),
    product: fc.option(fc.constantFrom('x', 'y')),
    status: fc.constantFrom('active', 'frozen', 'closed'),
    opened_on: fc.option(day),
    closed_on: fc.option(day),
    balance: fc.option(fc.constantFrom('1', '1.00', '-5', '1000000000000.0001')),
    balance_date: fc.option(day),
  },
  { requiredKeys: [] },
);

const change: fc.Arbitrary<HoldingChange> = fc
  .record({
    fields,
    attributes: fc.option(fc.dictionary(fc.constantFrom('p', 'q'), fc.option(fc.constantFrom(1, 'two'))), {
      nil: undefined,
    }),
    parties: fc.option(statedParties, { nil: undefined }),
    sourceDay: day,
    byHand: fc.boolean(),
  })
  .map(({ parties, ...rest }) => ({
    ...rest,
    sourceTime: `${rest.sourceDay}T00:00:00Z`,
    recordedAt: `${rest.sourceDay}T00:00:01Z`,
    recordedDay: rest.sourceDay,
    parties: parties && ({ ...parties, mayEnd: () => true } as HoldingChange['parties']),
  }));

const primaries = (parties: readonly Party[]) =>
  parties.filter(({ role, endsOn }) => role === 'primary_owner' && endsOn === null);

describe('a history of statements', () => {
  test('keeps one primary owner, loses no party, and never goes back in time', () => {
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 12 }), (changes) => {
        let state: HoldingState | undefined;
        for (const each of changes) {
          const decision = decideHolding(state, each, 'CNY');
          if (!decision.ok) {
            expect(decision.problems.length).toBeGreaterThan(0);
            continue;
          }
          const after = decision.state;
          expect(primaries(after.parties)).toHaveLength(1);
          expect(ownerOf(after)).toBe(primaries(after.parties)[0]?.customerId);
          const kept = new Set(after.parties.map(({ id }) => id));
          expect((state?.parties ?? []).every(({ id }) => kept.has(id))).toBe(true);
          if (after.closed_on !== null) expect(after.status).toBe('closed');
          if (state?.source_time != null) {
            expect(Date.parse(after.source_time ?? '')).toBeGreaterThanOrEqual(Date.parse(state.source_time));
          }
          // that a day was stated is kept, also where it says nothing new
          if (decision.changed.length === 0) expect(after).toEqual({ ...state, balances: after.balances });
          state = after;
        }
      }),
    );
  });

  test('the same statement again changes nothing', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 4 }), change, (before, last) => {
        let state: HoldingState | undefined;
        for (const each of before) {
          const decision = decideHolding(state, each, 'CNY');
          if (decision.ok) state = decision.state;
        }
        const first = decideHolding(state, last, 'CNY');
        if (!first.ok) return;
        const second = decideHolding(first.state, last, 'CNY');
        expect(second).toMatchObject({ ok: true, changed: [] });
      }),
    );
  });
});

describe('parties', () => {
  const owner: Party = {
    id: '1',
    customerId: 'a',
    role: 'primary_owner',
    share: '100',
    startsOn: '2026-01-01',
    endsOn: null,
  };

  test('a role never ends before it started, also where the statement is older than the role', () => {
    const next: StatedParty = { id: '2', customerId: 'b', role: 'primary_owner', share: '50' };
    const { parties, problems } = changeParties([owner], { mode: 'add', parties: [next] }, '2025-12-01');
    expect(problems).toEqual([]);
    expect(parties).toMatchObject([
      { id: '1', endsOn: '2026-01-01' },
      { id: '2', customerId: 'b', startsOn: null, endsOn: null },
    ]);
  });

  test('who stands outside what the caller may see stays', () => {
    const others: Party[] = ['b', 'c'].map((customerId) => ({
      ...owner,
      id: customerId,
      customerId,
      role: 'authorised',
      share: null,
    }));
    const statement = { mode: 'replace', parties: [], mayEnd: (id: string) => id !== 'c' } as const;
    const { parties } = changeParties([owner, ...others], statement, '2026-02-01');
    expect(parties.map(({ endsOn }) => endsOn)).toEqual([null, '2026-02-01', null]);
  });
});
