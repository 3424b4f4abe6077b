import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normaliseAddress, normaliseEmail, normalisePhone } from '../../src/customers/contact-points.js';

describe('phones', () => {
  it.each([
    ['13812345678', '+8613812345678'],
    ['138 1234 5678', '+8613812345678'],
    ['+86-138-1234-5678', '+8613812345678'],
    ['008613812345678', '+8613812345678'],
    ['１３８１２３４５６７８', '+8613812345678'],
    ['\u202a13812345678\u202c', '+8613812345678'],
    ['(010) 8888 8888', '+861088888888'],
    ['4008895588', '+864008895588'],
    ['+1 (202) 555-0123', '+12025550123'],
    ['+44 (0)20 7946 0958', '+442079460958'],
  ])('reads %s as %s', (text, value) => {
    expect(normalisePhone(text, 'CN')).toEqual({ ok: true, value, index: value });
  });

  it.each(['转801', ' 分机801', ' ext. 801', 'x801'])(
    'keeps the extension of 010-88888888%s out of the index',
    (extension) => {
      expect(normalisePhone(`010-88888888${extension}`, 'CN')).toEqual({
        ok: true,
        value: '+861088888888',
        index: '+861088888888',
        extension: '801',
      });
    },
  );

  it('reads a number without a country code as dialled in the bank’s country', () => {
    expect(normalisePhone('602 123 456', 'CZ')).toMatchObject({ value: '+420602123456' });
    expect(normalisePhone('+8613812345678', 'CZ')).toMatchObject({ value: '+8613812345678' });
  });

  it.each([
    '',
    '12345',
    '1380000000',
    '138123456789',
    'call 13812345678',
    '+999 1234567',
    '13812345678 13912345678',
  ])('refuses %j', (text) => {
    expect(normalisePhone(text, 'CN')).toMatchObject({ ok: false, code: 'phone_invalid' });
  });

  it('has one index for every spelling of a mobile number', () => {
    const separator = fc.constantFrom('', ' ', '-', '.');
    fc.assert(
      fc.property(
        fc.stringMatching(/^13[0-9]{9}$/),
        fc.constantFrom('', '+86', '0086', '+86 '),
        separator,
        separator,
        (number, prefix, first, second) => {
          const typed = prefix + number.slice(0, 3) + first + number.slice(3, 7) + second + number.slice(7);
          expect(normalisePhone(typed, 'CN')).toMatchObject({ ok: true, index: `+86${number}` });
        },
      ),
    );
  });
});

describe('e-mails', () => {
  it.each([
    [' Zhang.San@EXAMPLE.com ', 'Zhang.San@example.com', 'zhang.san@example.com'],
    ['a+b@mail.example.co.uk', 'a+b@mail.example.co.uk', 'a+b@mail.example.co.uk'],
    ['ｚｈａｎｇ＠example.com', 'zhang@example.com', 'zhang@example.com'],
    ['张三@例子.中国', '张三@xn--fsqu00a.xn--fiqs8s', '张三@xn--fsqu00a.xn--fiqs8s'],
    [`o'brien@example.com`, `o'brien@example.com`, `o'brien@example.com`],
  ])('reads %s as %s', (text, value, index) => {
    expect(normaliseEmail(text)).toEqual({ ok: true, value, index });
  });

  it.each([
    '',
    '@',
    'a@',
    '@example.com',
    'a@b',
    'a@1.2.3.4',
    'a@[1.2.3.4]',
    'a..b@example.com',
    '.a@example.com',
    'a@example.com.',
    'a@-example.com',
    'a@exa_mple.com',
    'a@b@example.com',
    '"a b"@example.com',
    'a b@example.com',
    'a@example.com\nBcc: b@example.com',
    'Zhang San <a@example.com>',
    `${'x'.repeat(65)}@example.com`,
    `a@${'x'.repeat(64)}.com`,
    `a@${'x.'.repeat(126)}com`,
    `a@${'x'.repeat(1_000_000)}`,
  ])('refuses %#', (text) => {
    expect(normaliseEmail(text)).toMatchObject({ ok: false, code: 'email_invalid' });
  });

  it('accepts what mail systems give out, and leaves normal forms as they are', () => {
    fc.assert(
      fc.property(fc.emailAddress(), (email) => {
        const result = normaliseEmail(email);
        expect(result.ok).toBe(true);
        if (!result.ok) return;
        expect(normaliseEmail(result.value)).toEqual(result);
        expect(normaliseEmail(email.toUpperCase())).toMatchObject({ index: result.index });
      }),
    );
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), (local, domain) => {
        normaliseEmail(`${local}@${domain}`);
        normalisePhone(local, 'CN');
        normaliseAddress({ lines: [local], city: domain, country: local }, 'CN');
      }),
    );
  });
});

describe('addresses', () => {
  it('trims, folds widths, leaves out what is empty, and takes the bank’s country', () => {
    const address = {
      lines: [' 建国路  １号', ' '],
      district: '朝阳区',
      city: '北京市',
      province: '',
      postal_code: null,
    };
    expect(normaliseAddress(address, 'CN')).toEqual({
      ok: true,
      value: { lines: ['建国路 1号'], district: '朝阳区', city: '北京市', country: 'CN' },
      index: 'cn\n\n\n北京市\n朝阳区\n建国路1号',
    });
  });

  it('has one index for spellings that differ in spaces, case and punctuation', () => {
    const one = normaliseAddress({ lines: ['10 Downing Street,'], city: 'London', country: 'gb' }, 'CN');
    const other = normaliseAddress({ lines: ['10  downing street'], city: 'LONDON', country: 'GB' }, 'CN');
    expect(one.ok && other.ok && one.index === other.index).toBe(true);
  });

  it.each([
    [{}, 'address_empty'],
    [{ lines: ['  '], province: '广东省', country: 'CN' }, 'address_empty'],
    [{ city: '北京市', postal_code: '10000' }, 'address_invalid'],
    [{ city: 'London', postal_code: 'SW1A 2AA; drop', country: 'GB' }, 'address_invalid'],
    [{ city: 'x', country: 'ZZ' }, 'address_invalid'],
    [{ city: 'x', country: 'EU' }, 'address_invalid'],
    [{ city: 'x', country: 'CHN' }, 'address_invalid'],
    [{ city: 'x'.repeat(201) }, 'address_invalid'],
    [{ lines: ['1', '2', '3', '4', '5', '6'] }, 'address_invalid'],
    [{ city: 'a\u0000b' }, 'address_invalid'],
  ])('refuses %j: %s', (address, code) => {
    expect(normaliseAddress(address, 'CN')).toMatchObject({ ok: false, code });
  });

  it('leaves normal forms as they are', () => {
    const field = fc.string({ unit: 'grapheme', maxLength: 20 });
    fc.assert(
      fc.property(
        fc.array(field, { maxLength: 5 }),
        field,
        field,
        field,
        (lines, district, city, province) => {
          const result = normaliseAddress({ lines, district, city, province }, 'CN');
          if (result.ok) expect(normaliseAddress(result.value, 'DE')).toEqual(result);
        },
      ),
    );
  });
});
