import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseKeys } from '../../src/platform/key-file.js';
import { createKeyring, envelopeKeyId, loadKeyring } from '../../src/platform/secrets.js';

const key = (fill: number, encoding: 'base64' | 'base64url' = 'base64') =>
  Buffer.alloc(32, fill).toString(encoding);
const keys = `k2:${key(2)}, k1:${key(1, 'base64url')}, index:${key(8)}, token:${key(9)}`;
const ring = createKeyring(parseKeys(keys));
const text = () => fc.string({ unit: 'grapheme', maxLength: 60 });

describe('sealed values', () => {
  it('open to what they were, under the current key, and never look the same twice', () => {
    fc.assert(
      fc.property(text(), text(), (plain, aad) => {
        const envelope = ring.encrypt(plain, aad);
        expect(ring.decrypt(envelope, aad)).toBe(plain);
        expect(ring.decrypt(new Uint8Array(envelope), aad)).toBe(plain);
        expect(envelopeKeyId(envelope)).toBe(ring.currentKeyId);
        expect(ring.encrypt(plain, aad).equals(envelope)).toBe(false);
      }),
    );
  });

  it('are refused with any bit changed, cut or lengthened anywhere', () => {
    const bit = fc.record({ at: fc.nat(), mask: fc.integer({ min: 1, max: 255 }) });
    fc.assert(
      fc.property(text(), bit, fc.integer({ min: 1, max: 40 }), (plain, { at, mask }, cut) => {
        const envelope = ring.encrypt(plain, 'place');
        const changed = Buffer.from(envelope);
        changed[at % changed.length] = (changed[at % changed.length] ?? 0) ^ mask;
        expect(() => ring.decrypt(changed, 'place')).toThrow();
        expect(() => ring.decrypt(envelope.subarray(0, envelope.length - cut), 'place')).toThrow();
        expect(() => ring.decrypt(envelope.subarray(cut), 'place')).toThrow();
        expect(() => ring.decrypt(Buffer.concat([envelope, Buffer.alloc(cut)]), 'place')).toThrow();
      }),
    );
  });

  it('are refused with a tag of four bytes, although those are right', () => {
    const envelope = ring.encrypt('x'.repeat(40), 'place');
    expect(() => ring.decrypt(envelope.subarray(0, envelope.length - 12), 'place')).toThrow(/does not open/);
    const empty = ring.encrypt('', 'place');
    expect(() => ring.decrypt(empty.subarray(0, empty.length - 12), 'place')).toThrow(/too short/);
    expect(() => ring.decrypt(Buffer.alloc(0), 'place')).toThrow();
  });

  it('are refused at another place and by another key of the same id', () => {
    const other = createKeyring(parseKeys(keys.replace(key(2), key(3))));
    fc.assert(
      fc.property(text(), text(), (here, there) => {
        fc.pre(here !== there);
        expect(() => ring.decrypt(ring.encrypt('+8613812345678', here), there)).toThrow(/does not open/);
      }),
    );
    expect(() => other.decrypt(ring.encrypt('x', 'place'), 'place')).toThrow(/does not open/);
  });

  it('stay readable after a rotation, until the old key goes', () => {
    const old = createKeyring(parseKeys(`k1:${key(1)},index:${key(8)},token:${key(9)}`));
    const gone = createKeyring(parseKeys(`k2:${key(2)},index:${key(8)},token:${key(9)}`));
    const envelope = old.encrypt('张伟', 'place');
    expect(envelopeKeyId(envelope)).toBe('k1');
    expect(ring.currentKeyId).toBe('k2');
    expect(ring.decrypt(envelope, 'place')).toBe('张伟');
    expect(() => gone.decrypt(envelope, 'place')).toThrow('The keyring has no key "k1".');
  });
});

describe('blind indexes', () => {
  it('are equal exactly for the same domain and value', () => {
    fc.assert(
      fc.property(text(), text(), text(), text(), (domain, value, otherDomain, otherValue) => {
        const index = ring.blindIndex(domain, value);
        expect(index).toMatch(/^[A-Za-z0-9_-]{43}$/);
        expect(ring.blindIndex(domain, value)).toBe(index);
        const same = domain === otherDomain && value === otherValue;
        expect(ring.blindIndex(otherDomain, otherValue) === index).toBe(same);
      }),
    );
    expect(ring.blindIndex('ab', 'c')).not.toBe(ring.blindIndex('a', 'bc'));
    expect(ring.blindIndex('1:a', 'b')).not.toBe(ring.blindIndex('1', 'a:b'));
  });

  it('do not change with the encryption keys, and their key has a fingerprint', () => {
    const rotated = createKeyring(parseKeys(`k3:${key(3)},index:${key(8)},token:${key(9)}`));
    const replaced = createKeyring(parseKeys(keys.replace(key(8), key(7))));
    expect(rotated.blindIndex('phone', '1')).toBe(ring.blindIndex('phone', '1'));
    expect(rotated.indexKeyFingerprint).toBe(ring.indexKeyFingerprint);
    expect(replaced.blindIndex('phone', '1')).not.toBe(ring.blindIndex('phone', '1'));
    expect(replaced.indexKeyFingerprint).not.toBe(ring.indexKeyFingerprint);
  });
});

describe('signed tokens', () => {
  it('give their payload back in their domain alone', () => {
    fc.assert(
      fc.property(text(), text(), text(), (domain, payload, otherDomain) => {
        const token = ring.sign(domain, payload);
        expect(token).toMatch(/^[A-Za-z0-9_-]*\.[A-Za-z0-9_-]{43}$/);
        expect(ring.verify(domain, token)).toBe(payload);
        if (otherDomain !== domain) expect(ring.verify(otherDomain, token)).toBeUndefined();
      }),
    );
  });

  it('are refused in any other spelling', () => {
    fc.assert(
      fc.property(text(), fc.nat(), fc.string({ minLength: 1, maxLength: 1 }), (payload, at, character) => {
        const token = ring.sign('cursor', payload);
        const place = at % token.length;
        const changed = token.slice(0, place) + character + token.slice(place + 1);
        expect(ring.verify('cursor', changed)).toBe(changed === token ? payload : undefined);
        expect(ring.verify('cursor', token + character)).toBeUndefined();
        expect(ring.verify('cursor', token.slice(0, place))).toBeUndefined();
      }),
    );
    for (const token of ['', '.', '..', 'a.b']) expect(ring.verify('cursor', token)).toBeUndefined();
  });
});

describe('data keys', () => {
  it('come back from their wrapped form, through a cache, at their place only', () => {
    const dataKey = ring.newDataKey();
    const wrapped = ring.wrap(dataKey, 'import 1');
    const envelope = dataKey.encrypt('line,1', 'line 1');
    const unwrapped = ring.unwrap(wrapped, 'import 1');
    expect(unwrapped.decrypt(envelope, 'line 1')).toBe('line,1');
    expect(ring.unwrap(Buffer.from(wrapped), 'import 1')).toBe(unwrapped);
    expect(() => ring.unwrap(wrapped, 'import 2')).toThrow(/does not open/);
    expect(() => unwrapped.decrypt(envelope, 'line 2')).toThrow(/does not open/);
    expect(() => ring.newDataKey().decrypt(envelope, 'line 1')).toThrow(/does not open/);
    expect(() => ring.decrypt(wrapped, 'import 1')).toThrow(/does not open/);
    expect(() => ring.decrypt(envelope, 'line 1')).toThrow(/no key/);
  });

  it('are unwrapped rightly however many there are', () => {
    const wrapped = Array.from({ length: 600 }, (_, number) => {
      const dataKey = ring.newDataKey();
      return { bytes: ring.wrap(dataKey, `${number}`), sealed: dataKey.encrypt(`${number}`, '') };
    });
    for (const [number, { bytes, sealed }] of [...wrapped, ...wrapped].entries()) {
      expect(ring.unwrap(bytes, `${number % 600}`).decrypt(sealed, '')).toBe(`${number % 600}`);
    }
  });
});

describe('keys of the environment', () => {
  it.each([
    ['', /needs a key to encrypt with/],
    [`k1:${key(1)}`, /needs a key to encrypt with, and those called index and token/],
    [`index:${key(1)},token:${key(2)}`, /needs a key to encrypt with/],
    [key(1), /a list of id:key/],
    [`k 1:${key(1)}`, /a list of id:key/],
    [`k1:${key(1)}:x,index:${key(2)},token:${key(3)}`, /a list of id:key/],
    [`k1:${key(1)},k1:${key(2)},index:${key(3)},token:${key(4)}`, /k1 is given twice/],
    [`k1:${key(1)},index:${key(1)},token:${key(4)}`, /the same key twice/],
    [
      `k1:${Buffer.alloc(16).toString('base64')},index:${key(3)},token:${key(4)}`,
      /k1 must be 32 bytes in base64/,
    ],
    [`k1:${'?'.repeat(43)},index:${key(3)},token:${key(4)}`, /k1 must be 32 bytes in base64/],
  ])('are refused in one line that repeats no key: %#', (value, message) => {
    const refused = (() => {
      try {
        parseKeys(value);
      } catch (error) {
        return (error as Error).message;
      }
      return 'accepted';
    })();
    expect(refused).toMatch(message);
    expect(refused).toMatch(/^ENCRYPTION_KEYS[^\n]*$/);
    for (const fill of [1, 2, 3, 4]) expect(refused).not.toContain(key(fill).slice(0, 8));
  });
});

describe('the key file', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keys-'));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it('is made once by starts at the same time, for its owner alone, and read by the next', async () => {
    const dataDir = join(directory, 'new', 'data');
    const rings = await Promise.all(Array.from({ length: 8 }, () => loadKeyring({ dataDir })));
    expect(new Set(rings.map((one) => one.indexKeyFingerprint)).size).toBe(1);
    expect(await readdir(dataDir)).toEqual(['keys.json']);
    expect((await stat(join(dataDir, 'keys.json'))).mode & 0o777).toBe(0o600);
    const envelope = rings[0]?.encrypt('x', 'place') ?? Buffer.alloc(0);
    expect((await loadKeyring({ dataDir })).decrypt(envelope, 'place')).toBe('x');
  });

  it('gives way to the environment', async () => {
    const dataDir = join(directory, 'unused');
    expect((await loadKeyring({ encryptionKeys: keys, dataDir })).currentKeyId).toBe('k2');
    await expect(stat(dataDir)).rejects.toThrow();
  });

  it('is refused when it is not as it should be, without a word of its content', async () => {
    await loadKeyring({ dataDir: directory });
    const path = join(directory, 'keys.json');
    const content = await readFile(path, 'utf8');
    const secret = JSON.parse(content).index.slice(0, 12);
    for (const wrong of [
      content.slice(0, -3),
      'null',
      '[]',
      content.replace('"version": 1', '"version": 2'),
      content.replace('"current": "k1"', '"current": "k9"'),
      content.replace('"index"', '"indices"'),
      content.replace('"encrypt"', '"encrypted"'),
    ]) {
      await writeFile(path, wrong);
      const refused = await loadKeyring({ dataDir: directory }).catch((error: Error) => error.message);
      expect(refused).toMatch(/keys\.json/);
      expect(refused).not.toContain(secret);
    }
    await writeFile(path, content);
    await chmod(path, 0o644);
    await expect(loadKeyring({ dataDir: directory })).rejects.toThrow(/chmod 600/);
  });
});
