/** The subtree that a code stands for on a day, held against a recomputation that knows no tree: by walking up from each. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Branch, branchTree, circleOf } from '../../src/platform/branch-tree.js';

const day = (number: number) => `2026-01-${String(number).padStart(2, '0')}`;

/** Up to twelve branches, whose parents and successors come before them: without circles. */
const someBranches: fc.Arbitrary<Branch[]> = fc
  .array(
    fc.record({
      parent: fc.option(fc.nat(), { freq: 5 }),
      successor: fc.option(fc.nat(), { freq: 3 }),
      opens: fc.integer({ min: 1, max: 10 }),
      lasts: fc.option(fc.integer({ min: 1, max: 10 })),
    }),
    { maxLength: 12 },
  )
  .map((drawn) =>
    drawn.map(({ parent, successor, opens, lasts }, place) => {
      const before = (pick: number | null) => (pick === null || place === 0 ? null : `B${pick % place}`);
      return {
        code: `B${place}`,
        parent: before(parent),
        opens_on: day(opens),
        closes_on: lasts === null ? null : day(opens + lasts),
        successor: lasts === null ? null : before(successor),
      };
    }),
  );

/** Whose a code is on a day: its own where it is there, its successors' where it is closed. */
function naiveReach(branches: readonly Branch[], bound: string, on: string): string[] {
  const find = (code: string | null) => branches.find((branch) => branch.code === code);
  const state = (branch: Branch) =>
    branch.opens_on > on
      ? 'planned'
      : branch.closes_on !== null && branch.closes_on <= on
        ? 'closed'
        : 'open';
  const home = (branch: Branch | undefined): Branch | undefined =>
    branch === undefined || state(branch) === 'open'
      ? branch
      : state(branch) === 'closed'
        ? home(find(branch.successor))
        : undefined;
  const above = (branch: Branch): Branch | undefined => {
    const parent = find(branch.parent);
    if (parent === undefined || state(parent) === 'planned') return undefined;
    return home(parent) ?? above(parent);
  };
  const isWithin = (branch: Branch | undefined): boolean =>
    branch !== undefined && (branch.code === bound || isWithin(above(branch)));
  const own = find(bound);
  const itself = own === undefined || state(own) === 'planned' ? [bound] : [];
  const others = branches.filter((branch) => isWithin(home(branch)));
  return [...new Set([...itself, ...others.map(({ code }) => code)])].sort();
}

describe('the subtree of a code', () => {
  test('is what walking up from each branch finds, on each day', () => {
    fc.assert(
      fc.property(someBranches, fc.nat(12), fc.integer({ min: 1, max: 22 }), (branches, bound, on) => {
        const code = `B${bound}`;
        expect(branchTree(branches).subtree([code], day(on))).toEqual(naiveReach(branches, code, day(on)));
      }),
      { numRuns: Number(process.env.PROPERTY_RUNS ?? 500) },
    );
  });

  test('of several codes is all of theirs, on days in any order', () => {
    fc.assert(
      fc.property(
        someBranches,
        fc.array(fc.nat(12)),
        fc.array(fc.integer({ min: 1, max: 22 })),
        (branches, bound, days) => {
          const codes = bound.map((one) => `B${one}`);
          const tree = branchTree(branches);
          for (const on of days) {
            const each = codes.flatMap((code) => branchTree(branches).subtree([code], day(on)));
            expect(tree.subtree(codes, day(on))).toEqual([...new Set(each)].sort());
          }
        },
      ),
    );
  });

  const branch = (code: string, stated: Partial<Branch> = {}): Branch => ({
    code,
    parent: null,
    opens_on: day(1),
    closes_on: null,
    successor: null,
    ...stated,
  });

  test('moves to the successor on the day of closing, with the branches below', () => {
    const tree = branchTree([
      branch('north'),
      branch('south'),
      branch('old', { parent: 'north', closes_on: day(10), successor: 'new' }),
      branch('new', { parent: 'south' }),
      branch('desk', { parent: 'old' }),
    ]);
    expect(tree.subtree(['north'], day(9))).toEqual(['desk', 'north', 'old']);
    expect(tree.subtree(['north'], day(10))).toEqual(['north']);
    expect(tree.subtree(['south'], day(9))).toEqual(['new', 'south']);
    expect(tree.subtree(['south'], day(10))).toEqual(['desk', 'new', 'old', 'south']);
    expect(tree.subtree(['old'], day(9))).toEqual(['desk', 'old']);
    expect(tree.subtree(['old'], day(10))).toEqual([]);
  });

  test('of a code that is in no tree, or not open yet, is itself', () => {
    const tree = branchTree([branch('top'), branch('soon', { parent: 'top', opens_on: day(5) })]);
    expect(tree.subtree(['unknown'], day(1))).toEqual(['unknown']);
    expect(tree.subtree(['soon'], day(4))).toEqual(['soon']);
    expect(tree.subtree(['top'], day(4))).toEqual(['top']);
    expect(tree.subtree(['top'], day(5))).toEqual(['soon', 'top']);
  });

  test('ends, whatever leads in a circle', () => {
    const any = fc.array(fc.tuple(fc.nat(5), fc.nat(5), fc.boolean()), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(any, (drawn) => {
        const branches = drawn.map(([parent, successor, closed], place) =>
          branch(`B${place}`, {
            parent: `B${parent}`,
            successor: `B${successor}`,
            closes_on: closed ? day(2) : null,
          }),
        );
        const found = branchTree(branches).subtree(['B0'], day(3));
        expect(new Set(found).size).toBe(found.length);
      }),
    );
  });
});

describe('a circle', () => {
  const ways: Record<string, string[]> = { a: ['b', 'c'], b: [], c: ['d'], d: ['a'], e: ['c'] };
  const above = (code: string) => ways[code] ?? [];
  test('is told from its beginning to its end', () => {
    expect(circleOf('a', above)).toEqual(['a', 'c', 'd', 'a']);
    expect(circleOf('b', above)).toBeUndefined();
    // it leads into one, and is not in it
    expect(circleOf('e', above)).toBeUndefined();
  });
});
