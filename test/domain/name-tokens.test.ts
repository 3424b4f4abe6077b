import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { characterReadings, nameReadings, splitChineseName } from '../../src/customers/chinese-names.js';
import {
  foldName,
  nameTokens,
  nameTokensMax,
  queryTokens,
  tokenKinds,
} from '../../src/customers/name-tokens.js';

const readings = (name: string) => nameReadings([...name]).map((reading) => reading.join(' '));
const finds = (query: string, name: string, kinds: readonly string[] = tokenKinds) => {
  const tokens = new Set(nameTokens([name]));
  return queryTokens(query).some(({ token, kind }) => kinds.includes(kind) && tokens.has(token));
};
const han = fc.stringMatching(/^[张王李欧阳单曾仇伟玮明小国乐行重吕路赵]{1,8}$/);
const latin = fc.stringMatching(/^[A-Za-zÄÖÜäöüßéèñçøł]{1,12}( [A-Za-zÄÖÜäöüßéèñçøł]{1,12}){0,3}$/);
const anything = fc.oneof(
  han,
  latin,
  fc.string({ unit: 'grapheme', maxLength: 300 }),
  fc.string({ unit: 'binary' }),
);

describe('readings of Chinese names', () => {
  it.each([
    ['单雄信', 'shan xiong xin'],
    ['曾国藩', 'zeng guo fan'],
    ['仇英', 'qiu ying'],
    ['解缙', 'xie jin'],
    ['查良镛', 'zha liang yong'],
    ['任乐', 'ren le'],
    ['朴树', 'piao shu'],
    ['尉迟恭', 'yu chi gong'],
    ['万俟卨', 'mo qi xie'],
    ['欧阳修', 'ou yang xiu'],
    ['吕布', 'lv bu'],
    ['張偉', 'zhang wei'],
    ['重庆银行', 'chong qing yin hang'],
    ['中国工商银行股份有限公司', 'zhong guo gong shang yin hang gu fen you xian gong si'],
  ])('reads %s as %s first', (name, reading) => {
    expect(readings(name)[0]).toBe(reading);
  });

  it('gives other likely readings after it', () => {
    expect(readings('曾乐')).toContain('zeng yue');
    expect(readings('單雄信')).toContain('shan xiong xin');
    expect(readings('吕布')).toEqual(['lv bu', 'lyu bu', 'lu bu']);
    expect(characterReadings('单')).toEqual(['shan', 'dan', 'chan']);
  });

  it('has none for what has no reading', () => {
    expect(readings('')).toEqual([]);
    expect(readings('𠮷野家')).toEqual([]);
    expect(characterReadings('x')).toEqual([]);
  });

  it('is bounded, and has a syllable for each character', () => {
    fc.assert(
      fc.property(han, (name) => {
        const all = nameReadings([...name]);
        expect(all.length).toBeGreaterThan(0);
        expect(all.length).toBeLessThanOrEqual(8);
        expect(new Set(all.map(String)).size).toBe(all.length);
        for (const reading of all) {
          expect(reading).toHaveLength([...name].length);
          for (const syllable of reading) expect(syllable).toMatch(/^[a-z]{1,6}$/);
        }
      }),
    );
  });

  it('ends the family name after one character, or two of a compound one', () => {
    expect(splitChineseName([...'张伟'])).toEqual({ family: ['张'], given: ['伟'] });
    expect(splitChineseName([...'欧阳小明'])).toEqual({ family: ['欧', '阳'], given: ['小', '明'] });
    expect(splitChineseName([...'司徒'])).toEqual({ family: ['司', '徒'], given: [] });
  });
});

describe('tokens of names', () => {
  it('are of every kind for a Chinese name', () => {
    expect(nameTokens(['欧阳小明']).sort()).toEqual(
      [
        ...['f:欧阳小明', 'p:ouyangxiaoming', 'p:xiaoming', 'i:oyxm', 'b:欧阳', 'b:阳小', 'b:小明'],
        ...['c:欧', 'c:阳', 'c:小', 'c:明', 's:ou', 's:yang', 's:xiao', 's:ming'],
      ].sort(),
    );
  });

  it('are folded words for a Latin one, umlauts in both spellings', () => {
    expect(nameTokens(['Müller-Straß, Jörg']).sort()).toEqual(
      ['f:mullerstrassjorg', 'w:joerg', 'w:jorg', 'w:mueller', 'w:muller', 'w:strass'].sort(),
    );
  });

  it.each([
    ['张伟', '张伟'],
    ['张玮', '张伟'],
    ['張偉', '张伟'],
    ['zhangwei', '张伟'],
    ['Zhang Wei', '张伟'],
    ['Wei Zhang', '张伟'],
    ['ZW', '张伟'],
    ['小明', '张小明'],
    ['xiaoming', '张小明'],
    ['Zhang Xiaoming', '张小明'],
    ['Xiao Ming Zhang', '张小明'],
    ['zhang小明', '张小明'],
    ['欧阳xiu', '欧阳修'],
    ['單雄信', '单雄信'],
    ['shanxiongxin', '單雄信'],
    ['zengyue', '曾乐'],
    ['Lyu Bu', '吕布'],
    ['Lü Bu', '吕布'],
    ['lvbu', '吕布'],
    ['张伟', 'Zhang Wei'],
    ['张伟', 'Wei Zhang'],
    ['gongshang yinhang', '工商银行'],
    ['工商银行', '中国工商银行股份有限公司'],
    ['muller', 'Jörg Müller'],
    ['Mueller', 'Jörg Müller'],
    ['MÜLLER', 'Joerg Mueller'],
    ['o’brien', "David O'Brien"],
    ['STRASSE', 'straße'],
    ['360', '360公司'],
  ])('let %s find %s', (query, name) => {
    expect(finds(query, name, ['full', 'pinyin', 'bigram', 'word', 'initials'])).toBe(true);
  });

  it.each([
    ['an', '安'],
    ['安', 'An'],
  ])('of different kinds do not collide: %s and %s meet on the sound alone', (query, name) => {
    expect(finds(query, name, ['word', 'character', 'bigram', 'initials'])).toBe(false);
  });

  it('are distinct, bounded, storable, of known kinds, and many at no cost', () => {
    const prefixes = /^[fpbwisc]:./su;
    fc.assert(
      fc.property(fc.array(anything, { maxLength: 20 }), (names) => {
        const tokens = nameTokens(names);
        expect(tokens.length).toBeLessThanOrEqual(nameTokensMax);
        expect(new Set(tokens).size).toBe(tokens.length);
        for (const token of tokens) {
          expect(token).toMatch(prefixes);
          expect(token.isWellFormed() && !token.includes('\0')).toBe(true);
        }
      }),
    );
    expect(nameTokens(['乐'.repeat(100_000), 'é'.repeat(100_000)]).length).toBeLessThanOrEqual(nameTokensMax);
  });

  it('of a query come most selective first, once each', () => {
    fc.assert(
      fc.property(anything, (text) => {
        const tokens = queryTokens(text);
        const order = tokens.map(({ kind }) => tokenKinds.indexOf(kind));
        expect(order).toEqual([...order].sort((a, b) => a - b));
        expect(new Set(tokens.map(({ token }) => token)).size).toBe(tokens.length);
        for (const { token } of tokens) expect(token).toMatch(/^[fpbwisc]:./su);
      }),
    );
    expect(queryTokens(' ·— ')).toEqual([]);
  });

  it('let every name be found by itself, by its full form where it is of one script', () => {
    fc.assert(
      fc.property(fc.oneof(han, latin), (name) => {
        expect(finds(name, name, ['full'])).toBe(true);
      }),
    );
  });
});

describe('folded names', () => {
  it.each([
    ['  José   MARÍA ', 'jose maria'],
    ['Łukasz Đặng', 'lukasz dang'],
    ['Ｍｕｌｌｅｒ', 'muller'],
    ['İstanbul', 'istanbul'],
    ['Ærøskøbing', 'aeroskobing'],
    ['张伟 David', 'david'],
    ['张伟', ''],
    ['Ελένη', 'ελενη'],
    ['がぎ', 'がぎ'],
  ])('%j is %j', (name, folded) => {
    expect(foldName(name)).toBe(folded);
  });

  it('are left as they are when folded again', () => {
    fc.assert(
      fc.property(latin, (name) => {
        expect(foldName(foldName(name))).toBe(foldName(name));
        expect(foldName(name.normalize('NFD'))).toBe(foldName(name));
        expect(foldName(name.toUpperCase())).toBe(foldName(name));
      }),
    );
  });
});
