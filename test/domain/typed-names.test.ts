import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareNames } from '../../src/customers/name-similarity.js';
import { compareTyped } from '../../src/customers/typed-names.js';

const codeOf = (typed: string, ...names: string[]) => compareTyped([typed], names)?.code;
const weightOf = (typed: string, ...names: string[]) => compareTyped([typed], names)?.weight ?? -Infinity;

describe('something typed', () => {
  it.each([
    ['王小明', '王小明', 'name_same'],
    ['小明', '王小明', 'name_part'],
    ['王明', '王小明', 'name_part'],
    ['明', '王小明', 'name_part'],
    ['晓明', '王小明', 'name_part_sound'],
    ['ming', '王小明', 'name_part_sound'],
    ['xiaoming', '王小明', 'name_part_sound'],
    ['xiao ming', '王小明', 'name_part_sound'],
    ['wxm', '王小明', 'name_initials'],
    ['wangxiaoming', '王小明', 'name_romanised'],
    ['johnson', 'Mary Johnson', 'name_part'],
    ['johnson', 'John Johnson', 'name_part'],
    ['jonson', 'Mary Johnson', 'name_part_similar'],
    ['mary jonson', 'Mary Johnson', 'name_similar'],
    ['mary johnson', 'Mary Anne Johnson', 'name_contained'],
    ['科技', '上海华联科技有限公司', 'name_part'],
    ['小红', '王小明', 'name_differs'],
    ['xm', '王小明', undefined],
    ['', '王小明', undefined],
    ['...', 'Mary Johnson', undefined],
  ])('%j meets %s: %s', (typed, name, code) => {
    expect(codeOf(typed, name)).toBe(code);
  });

  it('meets the name that it fits best', () => {
    expect(codeOf('华联', '上海华联科技有限公司', '华联')).toBe('name_same');
    expect(codeOf('jonson', 'Mary Johnson', 'M. Jonson')).toBe('name_part');
  });

  it('says less as a part of a name than as the whole of it', () => {
    const order = ['张伟', '张伟明', '张玮', '王小明'];
    const weights = order.map((name) => weightOf('张伟', name));
    expect(weights).toEqual([...weights].sort((a, b) => b - a));
    expect(new Set(weights).size).toBe(order.length);
  });

  it('never says less than the comparison of whole names, but of words beside which there are others', () => {
    const han = fc.string({ unit: fc.constantFrom(...'王李张伟玮明小晓建国'), minLength: 1, maxLength: 5 });
    const latin = fc
      .array(fc.constantFrom('hans', 'hanns', 'müller', 'miller', 'wang', 'wei', 'xm'), {
        minLength: 1,
        maxLength: 3,
      })
      .map((words) => words.join(' '));
    fc.assert(
      fc.property(fc.oneof(han, latin), fc.oneof(han, latin), (typed, name) => {
        const whole = compareNames([typed], [name]);
        if (whole !== undefined && whole.code !== 'name_similar')
          expect(weightOf(typed, name)).toBeGreaterThanOrEqual(whole.weight);
      }),
    );
  });

  it('takes any text', () => {
    const text = fc.string({ unit: 'binary', maxLength: 60 });
    fc.assert(fc.property(text, text, (typed, name) => void compareTyped([typed], [name])));
  });
});
