import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  decideFields,
  type Incoming,
  inOrder,
  type Speaker,
  type Stated,
  type Statements,
} from '../../src/customers/provenance.js';
import { rankBy, type Sources } from '../../src/customers/sources.js';

const speakers: Speaker[] = [
  { source: 'core', origin: null },
  { source: 'crm', origin: null },
  { source: 'app', origin: null },
  { source: 'core', origin: 'b' },
];
const sources: Sources = new Map([
  ['core', { priority: 700, priorities: { residence: 100 } }],
  ['crm', { priority: 500, priorities: {} }],
  ['app', { priority: 500, priorities: {} }],
]);
const at = (second: number) => new Date(second * 1000).toISOString();

type Told = { speaker: number; second: number; value: string | null };

/** Each speaker tells of each instant once. */
const tellings = fc.uniqueArray(
  fc.record({
    speaker: fc.nat(speakers.length - 1),
    second: fc.nat(8),
    value: fc.constantFrom('a', 'b', 'c', null),
  }),
  { selector: ({ speaker, second }) => `${speaker} ${second}`, minLength: 1, maxLength: 12 },
);

function tell(told: readonly Told[], field: string, preferred: Record<string, string> | null) {
  let value: unknown = null;
  let statements: Statements = [];
  told.forEach((one, place) => {
    const speaker = speakers[one.speaker] as Speaker;
    const incoming: Incoming = {
      ...speaker,
      sourceTime: at(one.second),
      isTimed: true,
      recordedAt: at(1000 + place),
      fields: new Map([[field, one.value]]),
    };
    const decision = decideFields(statements, incoming, () => value, rankBy(sources, preferred));
    if (decision.changes.has(field)) value = decision.changes.get(field);
    if (decision.statements !== undefined) {
      const others = statements.filter(
        (other) => other.source !== speaker.source || other.origin !== speaker.origin,
      );
      statements = [...others, { ...speaker, fields: decision.statements }];
    }
  });
  return { value, statements };
}

test.each(['full_name', 'city'])(
  'the value of %s is that of the best statement, whatever came first',
  (field) => {
    fc.assert(
      fc.property(tellings, fc.constantFrom(null, { [field]: 'b' }), (told, preferred) => {
        const { value, statements } = tell(told, field, preferred);
        const rank = rankBy(sources, preferred);
        const ranks = told.map((one) => rank(speakers[one.speaker] as Speaker, field));
        const highest = Math.max(...ranks);
        const best = told.filter((_, place) => ranks[place] === highest);
        const latest = Math.max(...best.map(({ second }) => second));
        const possible = best.filter(({ second }) => second === latest).map((one) => one.value);
        expect(possible).toContain(value);
        const list = statements.flatMap((one) => {
          const stated = one.fields[field];
          return stated === undefined ? [] : [{ ...one, ...(stated as Stated) }];
        });
        expect(rank(inOrder(list, (one) => rank(one, field))[0] as Speaker, field)).toBe(highest);
      }),
    );
  },
);

test('a lower priority never displaces, and is kept as an alternate', () => {
  const told = [
    { speaker: 0, second: 1, value: 'core' },
    { speaker: 1, second: 5, value: 'crm' },
  ];
  const { value, statements } = tell(told, 'full_name', null);
  expect(value).toBe('core');
  expect(statements).toHaveLength(2);
  // for where somebody lives the same core weighs less
  expect(tell(told, 'city', null).value).toBe('crm');
});
