/**
 * The envelope of a sealed value: AES-256-GCM with a random 96-bit nonce and the full 128-bit tag
 * (NIST SP 800-38D; RFC 5116, AEAD_AES_256_GCM).
 *
 *   suite (1) | length of key id (1) | key id | nonce (12) | ciphertext | tag (16)
 *
 * The header is authenticated together with the caller's associated data, so neither the key id nor the
 * place that a value belongs to can be exchanged. Random nonces bound a key to 2^32 values: rotate before.
 */
import { createCipheriv, createDecipheriv, type KeyObject, randomFillSync } from 'node:crypto';

const SUITE_AES_256_GCM = 1;
const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_ID_BYTES_MAX = 32;

// One call of the random generator serves many nonces: it costs as much as the encryption itself.
const noncePool = Buffer.alloc(NONCE_BYTES * 512);
let noncePoolUsed = noncePool.length;

function nextNonce(): Buffer {
  if (noncePoolUsed === noncePool.length) {
    randomFillSync(noncePool);
    noncePoolUsed = 0;
  }
  const nonce = noncePool.subarray(noncePoolUsed, noncePoolUsed + NONCE_BYTES);
  noncePoolUsed += NONCE_BYTES;
  return nonce;
}

function associatedData(header: Uint8Array, aad: string): Buffer {
  return Buffer.concat([header, Buffer.from(aad, 'utf8')]);
}

/** Seals bytes or text under a key. `aad` names the place of the value (table, column, row). */
export function seal(keyId: string, key: KeyObject, plain: string | Uint8Array, aad: string): Buffer {
  const id = Buffer.from(keyId, 'ascii');
  if (id.length > KEY_ID_BYTES_MAX) throw new Error('The key id is too long.');
  const header = Buffer.concat([Buffer.from([SUITE_AES_256_GCM, id.length]), id]);
  const nonce = nextNonce();
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(associatedData(header, aad));
  const body = typeof plain === 'string' ? cipher.update(plain, 'utf8') : cipher.update(plain);
  cipher.final();
  return Buffer.concat([header, nonce, body, cipher.getAuthTag()]);
}

function headerLength(envelope: Uint8Array): number {
  const [suite, idLength] = envelope;
  if (suite !== SUITE_AES_256_GCM) throw new Error('The envelope has an unknown suite.');
  if (idLength === undefined || idLength > KEY_ID_BYTES_MAX) throw new Error('The envelope is malformed.');
  if (envelope.length < 2 + idLength + NONCE_BYTES + TAG_BYTES) throw new Error('The envelope is too short.');
  return 2 + idLength;
}

/** The id of the key that an envelope was sealed with. Throws for what is not an envelope. */
export function envelopeKeyId(envelope: Uint8Array): string {
  return Buffer.from(envelope.subarray(2, headerLength(envelope))).toString('ascii');
}

/** Opens an envelope. Throws when anything of it, the key or the associated data is not what it was. */
export function unseal(key: KeyObject, envelope: Uint8Array, aad: string): Buffer {
  const nonceAt = headerLength(envelope);
  const bodyAt = nonceAt + NONCE_BYTES;
  const tagAt = envelope.length - TAG_BYTES;
  // The tag's length is fixed: without authTagLength Node accepts tags cut to 4 bytes, which can be guessed.
  const decipher = createDecipheriv(CIPHER, key, envelope.subarray(nonceAt, bodyAt), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(associatedData(envelope.subarray(0, nonceAt), aad));
  decipher.setAuthTag(envelope.subarray(tagAt));
  const plain = decipher.update(envelope.subarray(bodyAt, tagAt));
  try {
    decipher.final();
  } catch {
    throw new Error('The envelope does not open: it was changed, or belongs to another key or place.');
  }
  return plain;
}
