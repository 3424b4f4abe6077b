import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readClaims } from '../../src/platform/token-claims.js';

const claims = (stated: Record<string, unknown>) => ({
  sub: 'staff-1',
  client_id: 'app',
  scope: '',
  ...stated,
});
const reach = (stated: Record<string, unknown>) => {
  const read = readClaims(claims(stated), 'refuse');
  return read.ok ? read.principal.dataScope : 'refused';
};

describe('readClaims', () => {
  it('tells a client that acts for itself from a person of the same name', () => {
    const actor = (stated: object) => {
      const read = readClaims(claims({ clientele_bank: true, ...stated }), 'refuse');
      return read.ok ? read.principal.actor : undefined;
    };
    expect(actor({})).toBe('oidc:staff-1');
    expect(actor({ client_id: 'other' })).toBe('oidc:staff-1');
    expect(actor({ client_id: 'staff-1' })).toBe('oidc-client:staff-1');
  });

  it('keeps our scopes and passes over those of others', () => {
    const read = readClaims(
      claims({
        clientele_bank: true,
        scope: 'openid customers:read  profile customers:readx admins activities:write',
      }),
      'refuse',
    );
    expect(read.ok && [...read.principal.scopes].sort()).toEqual(['activities:write', 'customers:read']);
    const none = readClaims({ sub: 'a', client_id: 'b', clientele_bank: true }, 'refuse');
    expect(none.ok && none.principal.scopes.size).toBe(0);
  });

  it.each([
    [{ clientele_branches: ['0102', '0101', '0102'] }, { branches: ['0101', '0102'] }],
    [{ clientele_manager: 'RM1' }, { manager: 'RM1' }],
    [
      { clientele_customer: '01A20F85-D334-7342-8AE8-7073E642D9B7' },
      { customer: '01a20f85-d334-7342-8ae8-7073e642d9b7' },
    ],
    [{ clientele_bank: true }, null],
  ])('reads the reach of %j', (stated, expected) => {
    expect(reach(stated)).toEqual(expected);
  });

  it.each([
    {},
    { clientele_branches: [] },
    { clientele_branches: '0101' },
    { clientele_branches: ['0101', ''] },
    { clientele_branches: ['0101', null] },
    { clientele_branches: [['0101']] },
    { clientele_branches: { 0: '0101' } },
    { clientele_branches: ['x'.repeat(41)] },
    { clientele_branches: ['a\u0000'] },
    { clientele_branches: ['\ud800'] },
    { clientele_branches: Array.from({ length: 1001 }, (_, each) => `${each}`) },
    { clientele_branches: null },
    { clientele_manager: '' },
    { clientele_manager: ['RM1'] },
    { clientele_manager: 'x'.repeat(61) },
    { clientele_customer: 'C000001' },
    { clientele_customer: ['01a20f85-d334-7342-8ae8-7073e642d9b7'] },
    { clientele_bank: 'true' },
    { clientele_bank: 1 },
    { clientele_bank: false },
    { clientele_bank: null },
    { clientele_bank: true, clientele_manager: 'RM1' },
    { clientele_branches: ['0101'], clientele_manager: 'RM1' },
    { clientele_branches: ['0101'], clientele_bank: null },
  ])('refuses the reach of %j', (stated) => {
    expect(reach(stated)).toBe('refused');
  });

  it('takes a token that says nothing for the whole bank only where told to', () => {
    expect(readClaims(claims({}), 'refuse').ok).toBe(false);
    expect(readClaims(claims({}), 'bank')).toMatchObject({ principal: { dataScope: null } });
    expect(readClaims(claims({ clientele_branches: [] }), 'bank').ok).toBe(false);
  });

  it.each([
    { sub: undefined },
    { sub: '' },
    { sub: ' ' },
    { sub: 7 },
    { sub: 'a\u0000' },
    { sub: '王' },
    { sub: 'x'.repeat(256) },
    { client_id: undefined },
    { client_id: {} },
    { scope: ['admin'] },
    { scope: null },
    { cnf: { jkt: 'x' } },
  ])('refuses %j', (stated) => {
    expect(readClaims(claims({ clientele_bank: true, ...stated }), 'bank').ok).toBe(false);
  });

  it('reaches the whole bank by nothing but the claim for it, and says no value of a claim', () => {
    const value = fc.oneof(
      fc.constantFrom<unknown>(null, true, false, 0, '', [], {}, ['0101'], 'true', 'bank'),
      fc.anything({ maxDepth: 2 }),
    );
    const names = ['clientele_branches', 'clientele_manager', 'clientele_customer', 'clientele_bank'];
    const stated = fc.dictionary(fc.constantFrom(...names), value, { minKeys: 1, noNullPrototype: true });
    fc.assert(
      fc.property(stated, (one) => {
        const read = readClaims(claims(one), 'bank');
        const isBank = Object.keys(one).every((name) => one[name] === undefined || name === 'clientele_bank');
        if (read.ok && read.principal.dataScope === null) {
          expect(isBank && (one.clientele_bank === true || one.clientele_bank === undefined)).toBe(true);
        }
        if (!read.ok) expect(read.reason).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
      }),
      { numRuns: 1000 },
    );
  });
});
