import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  maskAddress,
  maskDate,
  maskEmail,
  maskGivenName,
  maskIdentifier,
  maskName,
  maskPhone,
} from '../../src/customers/masking.js';

describe('masks', () => {
  it.each([
    ['+8613812345678', '+86 138****5678'],
    ['+85291234567', '+852 91****67'],
    ['+12025550123', '+1 20****23'],
    ['+29022222', '+290 ****'],
    ['13812345678', '****'],
    ['', '****'],
  ])('the phone %s as %s', (phone, masked) => {
    expect(maskPhone(phone)).toBe(masked);
  });

  it.each([
    ['zhang@example.com', 'z***@example.com'],
    ['张三@xn--fsqu00a.xn--fiqs8s', '张***@xn--fsqu00a.xn--fiqs8s'],
    ['z@example.com', '***@example.com'],
    ['not an address', '****'],
  ])('the e-mail %s as %s', (email, masked) => {
    expect(maskEmail(email)).toBe(masked);
  });

  it.each([
    ['张伟', '张*'],
    ['张小明', '张**'],
    ['欧阳修', '欧阳*'],
    ['欧阳小明', '欧阳**'],
    ['歐陽修', '歐陽*'],
    ['张', '*'],
    ['欧阳', '欧*'],
    ['阿卜杜勒·买买提', '阿***·买**'],
    ['John Smith', 'J*** S***'],
    ["Mary-Jane O'Brien", 'M*** O***'],
    ['J Smith', '*** S***'],
    ['Étienne', 'É***'],
    ['张伟 David', '张* D***'],
    ['', '***'],
    ['—', '***'],
  ])('the name %s as %s', (name, masked) => {
    expect(maskName(name)).toBe(masked);
  });

  it.each([
    ['11010519491231002X', '1101****002X'],
    ['6222020200112345678', '6222****5678'],
    ['123456789012', '123****9012'],
    ['E12345678', 'E1****78'],
    ['1234567', '****'],
    ['', '****'],
  ])('the identifier %s as %s', (value, masked) => {
    expect(maskIdentifier(value)).toBe(masked);
  });

  it('given names to what the full name shows of them', () => {
    expect(maskGivenName('小明')).toBe('**');
    expect(maskGivenName('John')).toBe('J***');
    expect(maskGivenName('')).toBe('***');
  });

  it('dates to the year and addresses to the city', () => {
    expect(maskDate('1990-05-17')).toBe('1990-**-**');
    expect(maskDate('17 May 1990')).toBe('****-**-**');
    const address = {
      lines: ['建国路1号'],
      district: '朝阳区',
      city: '北京市',
      postal_code: '100000',
      country: 'CN',
    };
    expect(maskAddress(address)).toEqual({ lines: [], city: '北京市', country: 'CN' });
    expect(maskAddress({ lines: ['x'], country: 'CN' })).toEqual({ lines: [], country: 'CN' });
  });

  it('never show a whole value', () => {
    const value = fc.oneof(
      fc.string({ minLength: 1, unit: 'grapheme' }),
      fc.stringMatching(/^\+86[0-9]{1,12}$/),
      fc.stringMatching(/^[A-Za-z0-9]{1,20}$/),
      fc.stringMatching(/^[张欧阳伟小明]{1,5}$/),
    );
    fc.assert(
      fc.property(value, (text) => {
        // the masks are made of these themselves
        fc.pre(!/^[*\s-]*$/.test(text));
        for (const mask of [maskPhone, maskEmail, maskName, maskGivenName, maskIdentifier, maskDate]) {
          expect(mask(text)).toContain('*');
          expect(mask(text)).not.toContain(text);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('hide at least four characters of identifiers and digits of phones', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Z0-9]{1,40}$/), (value) => {
        const shown = maskIdentifier(value).replaceAll('*', '');
        expect(shown.length).toBeLessThanOrEqual(Math.max(0, value.length - 4));
      }),
    );
    fc.assert(
      fc.property(fc.stringMatching(/^[1-9][0-9]{5,11}$/), (national) => {
        const shown = maskPhone(`+86${national}`).replace('+86 ', '').replaceAll('*', '');
        expect(shown.length).toBeLessThanOrEqual(national.length - 4);
      }),
    );
  });
});
