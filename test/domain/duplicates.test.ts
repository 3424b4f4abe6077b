import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DuplicateSubject, scoreDuplicate, thresholds } from '../../src/customers/duplicates.js';
import { compareNames } from '../../src/customers/name-similarity.js';
import { jaroWinkler, withinOneEdit } from '../../src/customers/string-similarity.js';

const person = (names: string | string[], more: Partial<DuplicateSubject> = {}): DuplicateSubject => ({
  kind: 'person',
  names: [names].flat(),
  identifiers: [],
  phones: [],
  emails: [],
  ...more,
});
const organization = (...names: string[]) => person(names, { kind: 'organization' });
const residentId = (index: string, more = {}) => [{ scheme: 'cn_resident_id', index, single: true, ...more }];
const verdict = (a: DuplicateSubject, b: DuplicateSubject) => {
  const { score } = scoreDuplicate(a, b);
  return score >= thresholds.likely ? 'likely' : score >= thresholds.possible ? 'possible' : 'unlikely';
};
const code = (a: string, b: string) => compareNames([a], [b])?.code;

describe('verdicts', () => {
  const born = { birthDate: '1990-05-17' };
  const phone = { phones: ['index of a phone'] };
  const email = { emails: ['index of an e-mail'] };

  it.each<[string, DuplicateSubject, DuplicateSubject, string]>([
    ['a common name alone', person('张伟'), person('张伟'), 'unlikely'],
    ['name and birth date', person('张伟', born), person('张伟', born), 'likely'],
    ['a homophone and birth date', person('张伟', born), person('张玮', born), 'possible'],
    [
      'name and a near birth date',
      person('张小伟', born),
      person('张小伟', { birthDate: '1990-05-11' }),
      'possible',
    ],
    [
      'name and another birth date',
      person('张小伟', born),
      person('张小伟', { birthDate: '1971-11-02' }),
      'unlikely',
    ],
    ['a phone alone', person([], phone), person([], phone), 'possible'],
    ['phone and name', person('张伟', phone), person('張偉', phone), 'likely'],
    ['phone and the name in Latin letters', person('张伟', phone), person('Wei Zhang', phone), 'likely'],
    ['a spouse with the same phone', person('张伟', phone), person('李芳', phone), 'unlikely'],
    [
      'twins with a parent’s phone',
      person('王小红', { ...born, ...phone }),
      person('王小兰', { ...born, ...phone }),
      'possible',
    ],
    [
      'a couple with phone and e-mail',
      person('张伟', { ...phone, ...email }),
      person('李芳', { ...phone, ...email }),
      'unlikely',
    ],
    ['e-mail and a shortened name', person('J Smith', email), person('John Smith', email), 'likely'],
    [
      'an organization by a long name',
      organization('上海某某信息技术有限公司'),
      organization('上海某某信息技术有限公司'),
      'possible',
    ],
    [
      'name, birth date, another resident id',
      person('张小伟', { ...born, identifiers: residentId('a') }),
      person('张小伟', { ...born, identifiers: residentId('b') }),
      'unlikely',
    ],
    [
      'name and an upgraded resident id',
      person('张伟', { identifiers: residentId('a', { upgraded: true }) }),
      person('张伟', { identifiers: residentId('a') }),
      'likely',
    ],
    [
      'an upgraded resident id of another name',
      person('张伟', { identifiers: residentId('a', { upgraded: true }) }),
      person('李芳', { identifiers: residentId('a') }),
      'unlikely',
    ],
    ['nothing at all', person([]), person([]), 'unlikely'],
  ])('%s', (_, a, b, expected) => {
    expect(verdict(a, b)).toBe(expected);
  });

  it('the same identifier decides, whatever else differs, and only for the same kind of customer', () => {
    const a = person('张伟', { birthDate: '1990-05-17', identifiers: residentId('a') });
    const b = person('李芳', { birthDate: '1971-11-02', identifiers: residentId('a') });
    expect(scoreDuplicate(a, b)).toMatchObject({ score: 1, reasons: [{ code: 'identifier_same' }, {}, {}] });
    expect(scoreDuplicate(a, { ...b, kind: 'organization' })).toMatchObject({
      score: 0,
      reasons: [{ code: 'kind_differs' }],
    });
  });

  it('core-banking numbers may differ, and dates that stand for unknown ones say less or nothing', () => {
    const core = (index: string) => person('张伟', { identifiers: [{ scheme: 'core', index }] });
    expect(scoreDuplicate(core('1'), core('2')).reasons.map((reason) => reason.code)).toEqual(['name_same']);
    const bornOn = (birthDate: string) =>
      scoreDuplicate(person('张伟', { birthDate }), person('张伟', { birthDate }));
    expect(bornOn('1985-01-01').weight).toBeLessThan(bornOn('1985-03-01').weight);
    expect(bornOn('1900-01-01').weight).toBe(scoreDuplicate(person('张伟'), person('张伟')).weight);
  });
});

describe('scores', () => {
  const index = fc.constantFrom('a', 'b', 'c');
  const name = fc.constantFrom(
    '张伟',
    '张玮',
    '張偉',
    '张小伟',
    '欧阳修',
    'Wei Zhang',
    'John Smith',
    'Jon Smyth',
    'J Smith',
    '张伟 John',
  );
  const subject: fc.Arbitrary<DuplicateSubject> = fc.record({
    kind: fc.constantFrom('person' as const, 'organization' as const),
    names: fc.array(name, { maxLength: 3 }),
    birthDate: fc.constantFrom(undefined, '1990-05-06', '1990-06-05', '1990-05-07', '1971-01-01'),
    identifiers: fc.array(
      fc.record({ scheme: fc.constantFrom('x', 'y'), index, upgraded: fc.boolean(), single: fc.boolean() }),
      { maxLength: 2 },
    ),
    phones: fc.array(index, { maxLength: 2 }),
    emails: fc.array(index, { maxLength: 2 }),
  });

  it('are symmetric, from 0 to 1, and the sum of their reasons', () => {
    fc.assert(
      fc.property(subject, subject, (a, b) => {
        const result = scoreDuplicate(a, b);
        const mirrored = scoreDuplicate(b, a);
        expect(mirrored.score).toBe(result.score);
        expect(mirrored.weight).toBeCloseTo(result.weight, 9);
        expect(new Set(mirrored.reasons.map(String))).toEqual(new Set(result.reasons.map(String)));
        expect(result.score >= 0 && result.score <= 1).toBe(true);
        const sum = result.reasons.reduce((total, reason) => total + reason.weight, -12);
        if (a.kind === b.kind) expect(result.weight).toBeCloseTo(sum, 9);
      }),
      { numRuns: 500 },
    );
  });

  it('never fall when the records come to share something, and never rise when they come to differ', () => {
    const shared = 'shared';
    fc.assert(
      fc.property(subject, subject, (one, other) => {
        const a = { ...one, kind: 'person' as const };
        const b = { ...other, kind: 'person' as const };
        const score = (x: Partial<DuplicateSubject>, y: Partial<DuplicateSubject>) =>
          scoreDuplicate({ ...a, ...x }, { ...b, ...y }).weight;
        const before = score({}, {});
        expect(
          score({ phones: [...a.phones, shared] }, { phones: [...b.phones, shared] }),
        ).toBeGreaterThanOrEqual(before);
        expect(
          score({ emails: [...a.emails, shared] }, { emails: [...b.emails, shared] }),
        ).toBeGreaterThanOrEqual(before);
        const identifier = { scheme: 'z', index: shared };
        const identified = score(
          { identifiers: [...a.identifiers, identifier] },
          { identifiers: [...b.identifiers, identifier] },
        );
        expect(identified).toBeGreaterThanOrEqual(before);
        const unknown = score({ birthDate: undefined }, {});
        expect(score({ birthDate: '1980-02-03' }, { birthDate: '1980-02-03' })).toBeGreaterThan(unknown);
        expect(score({ birthDate: '1980-02-03' }, { birthDate: '1955-11-28' })).toBeLessThan(unknown);
      }),
      { numRuns: 300 },
    );
  });
});

describe('names', () => {
  it.each([
    ['张伟', '张伟', 'name_same'],
    ['张·伟', '张 伟', 'name_same'],
    ['张伟', '张玮', 'name_homophone'],
    ['单雄信', '單雄信', 'name_homophone'],
    ['张小明', '张明小', 'name_reordered'],
    ['王小红', '王小兰', 'family_name_same'],
    ['张伟', '李芳', 'name_differs'],
    ['上海某某信息技术有限公司', '某某信息技术有限公司', 'name_contained'],
    ['上海某某信息技术有限公司', '上海某莫信息技术有限公司', 'name_similar'],
    ['张伟', 'ZHANG Wei', 'name_romanised'],
    ['张小明', 'Xiaoming Zhang', 'name_romanised'],
    ['John Smith', 'SMITH, John', 'name_reordered'],
    ['Zhang Xiao Ming', 'Zhang Xiaoming', 'name_same'],
    ['John Michael Smith', 'Smith John', 'name_contained'],
    ['Jörg Müller', 'Jorg Muller', 'name_same'],
    ['Jörg Müller', 'Joerg Mueller', 'name_similar'],
    ['J. Smith', 'John Smith', 'name_similar'],
    ['Catherine Smith', 'Robert Smith', 'family_name_same'],
    ['John Smith', 'Maria Gonzales', 'name_differs'],
    ['张伟', 'David Brown', undefined],
    ['', '张伟', undefined],
  ])('%s and %s: %s', (a, b, expected) => {
    expect(code(a, b)).toBe(expected);
    expect(code(b, a)).toBe(expected);
  });

  it('are compared word by word in any order', () => {
    const words = fc.uniqueArray(fc.stringMatching(/^[a-z]{2,8}$/), { minLength: 2, maxLength: 4 });
    fc.assert(
      fc.property(words, words, (a, b) => {
        const shuffled = [...a].reverse().join(' ');
        const weight = compareNames([a.join(' ')], [b.join(' ')])?.weight ?? 0;
        expect(compareNames([shuffled], [a.join(' ')])?.weight).toBeGreaterThanOrEqual(9);
        if (weight > 0) expect(compareNames([shuffled], [b.join(' ')])?.weight ?? 0).toBeGreaterThan(0);
      }),
    );
  });
});

describe('words', () => {
  it('have the published Jaro-Winkler similarities', () => {
    expect(jaroWinkler('martha', 'marhta')).toBeCloseTo(0.9611, 4);
    expect(jaroWinkler('dwayne', 'duane')).toBeCloseTo(0.84, 4);
    expect(jaroWinkler('dixon', 'dicksonx')).toBeCloseTo(0.8133, 4);
    expect(jaroWinkler('', '')).toBe(0);
    expect(jaroWinkler('a', '')).toBe(0);
  });

  it('are alike from 0 to 1, symmetrically, and fully only when equal', () => {
    const word = fc.stringMatching(/^[abc]{0,8}$/);
    fc.assert(
      fc.property(word, word, (a, b) => {
        const similarity = jaroWinkler(a, b);
        expect(similarity).toBe(jaroWinkler(b, a));
        expect(similarity >= 0 && similarity <= 1).toBe(true);
        if (a !== b) expect(similarity).toBeLessThan(1);
      }),
      { numRuns: 1000 },
    );
  });

  it('are within one edit of each other as a plain search says', () => {
    const word = fc.array(fc.constantFrom('a', 'b'), { maxLength: 5 });
    const edits = (from: string[]) => {
      const all = [from];
      for (let at = 0; at <= from.length; at++) {
        if (at < from.length) all.push(from.toSpliced(at, 1));
        for (const character of ['a', 'b']) {
          all.push(from.toSpliced(at, 0, character));
          if (at < from.length) all.push(from.toSpliced(at, 1, character));
        }
      }
      return new Set(all.map((sequence) => sequence.join('')));
    };
    fc.assert(
      fc.property(word, word, (a, b) => {
        expect(withinOneEdit(a, b)).toBe(edits(a).has(b.join('')));
      }),
      { numRuns: 1000 },
    );
  });
});
