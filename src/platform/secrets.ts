/**
 * The keyring: everything that is encrypted, indexed blindly or signed goes through it.
 *
 * Personal data is stored as (ciphertext, key id, blind index). The blind index is HMAC-SHA-256 (RFC 2104)
 * of the normalised value under a key of its own: equal values are found and kept unique without being read,
 * and a domain (such as `identifier:passport`) keeps equal values of different meaning apart.
 */
import { createHmac, createSecretKey, type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto';
import { envelopeKeyId, seal, unseal } from './envelope.js';
import { type KeyMaterial, parseKeys, readKeyFile } from './key-file.js';

export { envelopeKeyId } from './envelope.js';

/** A key for a body of data that is thrown away as a whole, such as one import's rejected lines. */
export type DataKey = {
  readonly key: KeyObject;
  encrypt(plain: string, aad: string): Buffer;
  decrypt(envelope: Uint8Array, aad: string): string;
};

export type Keyring = {
  readonly currentKeyId: string;
  /** Tells two index keys apart without revealing them. A database remembers it: with another key nothing is found. */
  readonly indexKeyFingerprint: string;
  /** Seals a value for one place; `aad` names the place, for instance `customer_identifiers:<id>`. */
  encrypt(plain: string, aad: string): Buffer;
  /** Throws when the envelope was changed, its key is not in the ring, or `aad` names another place. */
  decrypt(envelope: Uint8Array, aad: string): string;
  /** 43 characters of base64url, the same for the same domain and value for as long as the index key lives. */
  blindIndex(domain: string, normalised: string): string;
  /** A token that holds the payload, readable, and its signature: URL-safe, for cursors. */
  sign(domain: string, payload: string): string;
  /** The payload of a token that `sign` made for this domain, else undefined. In constant time. */
  verify(domain: string, token: string): string | undefined;
  newDataKey(): DataKey;
  /** The data key under the current encryption key, to be stored; again after a rotation. */
  wrap(dataKey: DataKey, aad: string): Buffer;
  /** Cached, so it may be called once a row. */
  unwrap(wrapped: Uint8Array, aad: string): DataKey;
};

const UNWRAPPED_KEYS_MAX = 256;

// The domain's length comes first: no domain and value can be cut at another place and meet.
function authenticate(key: KeyObject, domain: string, value: string): Buffer {
  return createHmac('sha256', key).update(`${domain.length}:${domain}:${value}`, 'utf8').digest();
}

function dataKeyOf(key: KeyObject): DataKey {
  return {
    key,
    encrypt: (plain, aad) => seal('', key, plain, aad),
    decrypt: (envelope, aad) => unseal(key, envelope, aad).toString('utf8'),
  };
}

/** Builds a keyring of key material; each key becomes a KeyObject once. */
export function createKeyring(material: KeyMaterial): Keyring {
  const { currentKeyId } = material;
  const encryptionKeys = new Map<string, KeyObject>();
  for (const [id, bytes] of material.encryptionKeys) encryptionKeys.set(id, createSecretKey(bytes));
  const indexKey = createSecretKey(material.indexKey);
  const tokenKey = createSecretKey(material.tokenKey);
  const unwrapped = new Map<string, DataKey>();

  function encryptionKey(id: string): KeyObject {
    const key = encryptionKeys.get(id);
    if (key === undefined) throw new Error(`The keyring has no key ${JSON.stringify(id)}.`);
    return key;
  }
  const currentKey = encryptionKey(currentKeyId);
  const openWithRing = (envelope: Uint8Array, aad: string) =>
    unseal(encryptionKey(envelopeKeyId(envelope)), envelope, aad);

  return {
    currentKeyId,
    indexKeyFingerprint: authenticate(indexKey, 'fingerprint', '').toString('base64url').slice(0, 16),
    encrypt: (plain, aad) => seal(currentKeyId, currentKey, plain, aad),
    decrypt: (envelope, aad) => openWithRing(envelope, aad).toString('utf8'),
    blindIndex: (domain, normalised) => authenticate(indexKey, domain, normalised).toString('base64url'),
    sign(domain, payload) {
      const body = Buffer.from(payload, 'utf8').toString('base64url');
      return `${body}.${authenticate(tokenKey, domain, body).toString('base64url')}`;
    },
    verify(domain, token) {
      const [body = ''] = token.split('.', 1);
      const expected = Buffer.from(`${body}.${authenticate(tokenKey, domain, body).toString('base64url')}`);
      // The whole token is compared: base64 has several spellings of the same bytes, and one only is ours.
      const given = Buffer.from(token, 'utf8');
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
      return Buffer.from(body, 'base64url').toString('utf8');
    },
    newDataKey: () => dataKeyOf(createSecretKey(randomBytes(32))),
    wrap: (dataKey, aad) => seal(currentKeyId, currentKey, dataKey.key.export(), `data-key:${aad}`),
    unwrap(wrapped, aad) {
      const cacheKey = `${Buffer.from(wrapped).toString('base64')}:${aad}`;
      const known = unwrapped.get(cacheKey);
      if (known !== undefined) return known;
      const dataKey = dataKeyOf(createSecretKey(openWithRing(wrapped, `data-key:${aad}`)));
      const [oldest] = unwrapped.keys();
      if (unwrapped.size >= UNWRAPPED_KEYS_MAX && oldest !== undefined) unwrapped.delete(oldest);
      unwrapped.set(cacheKey, dataKey);
      return dataKey;
    },
  };
}

/**
 * The keyring from the environment's value where there is one, else from `keys.json` in the data directory,
 * which the first start makes. Throws an error of one line for a wrong value.
 */
export async function loadKeyring(from: {
  encryptionKeys?: string | undefined;
  dataDir: string;
}): Promise<Keyring> {
  const given = from.encryptionKeys?.trim();
  return createKeyring(given ? parseKeys(given) : await readKeyFile(from.dataDir));
}
