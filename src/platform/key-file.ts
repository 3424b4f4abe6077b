/**
 * Where keys come from. Either the environment, as a comma-separated list of `id:key`,
 *
 *   k2:<key>,k1:<key>,index:<key>,token:<key>
 *
 * (`index` and `token` are the two keys of those names; of the others, which encrypt, the first is the current
 * one and the rest are only read), or the file `keys.json` in DATA_DIR, made at the first start, readable by
 * its owner alone:
 *
 *   { "version": 1, "current": "k1", "encrypt": { "k1": "<key>" }, "index": "<key>", "token": "<key>" }
 *
 * Every key is 32 random bytes in base64 or base64url. No error repeats a key.
 */
import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';

const KEY_BYTES = 32;
const KEY_ID = /^[A-Za-z0-9_-]{1,32}$/;
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/;

export type KeyMaterial = {
  currentKeyId: string;
  encryptionKeys: ReadonlyMap<string, Buffer>;
  indexKey: Buffer;
  tokenKey: Buffer;
};

function decodeKey(text: unknown, where: string): Buffer {
  const bytes = typeof text === 'string' && BASE64.test(text) ? Buffer.from(text, 'base64') : undefined;
  if (bytes?.length !== KEY_BYTES) throw new Error(`${where} must be ${KEY_BYTES} bytes in base64.`);
  return bytes;
}

/** Every key has one purpose: an index key that also encrypts would tie their rotations together. */
function checked(material: KeyMaterial, where: string): KeyMaterial {
  const keys = [...material.encryptionKeys.values(), material.indexKey, material.tokenKey];
  const distinct = new Set(keys.map((key) => key.toString('base64')));
  if (distinct.size !== keys.length) throw new Error(`${where} holds the same key twice.`);
  return material;
}

/** Reads the environment's form of the keys. Throws an error of one line that names the wrong entry. */
export function parseKeys(text: string, where = 'ENCRYPTION_KEYS'): KeyMaterial {
  const keys = new Map<string, Buffer>();
  for (const entry of text.split(/[\s,]+/).filter((part) => part !== '')) {
    const [id = '', key, ...rest] = entry.split(':');
    // An entry without a colon may be a key: it is not quoted.
    if (key === undefined || rest.length > 0 || !KEY_ID.test(id))
      throw new Error(`${where} is a list of id:key.`);
    if (keys.has(id)) throw new Error(`${where}: ${id} is given twice.`);
    keys.set(id, decodeKey(key, `${where}: ${id}`));
  }
  const indexKey = keys.get('index');
  const tokenKey = keys.get('token');
  const encryptionKeys = new Map([...keys].filter(([id]) => id !== 'index' && id !== 'token'));
  const [currentKeyId] = encryptionKeys.keys();
  if (currentKeyId === undefined || indexKey === undefined || tokenKey === undefined) {
    throw new Error(`${where} needs a key to encrypt with, and those called index and token.`);
  }
  return checked({ currentKeyId, encryptionKeys, indexKey, tokenKey }, where);
}

function parseKeyFile(text: string, path: string): KeyMaterial {
  let content: Record<string, unknown>;
  try {
    content = JSON.parse(text);
  } catch {
    // The parser's own message quotes the file, which is all keys.
    throw new Error(`${path} is not JSON.`);
  }
  if (content?.version !== 1) throw new Error(`${path} has an unknown version.`);
  const { current, encrypt } = content;
  if (typeof encrypt !== 'object' || encrypt === null) throw new Error(`${path} has no encryption keys.`);
  const encryptionKeys = new Map<string, Buffer>();
  for (const [id, key] of Object.entries(encrypt)) {
    if (!KEY_ID.test(id)) throw new Error(`${path} has a key id that is not of letters, digits, _ and -.`);
    encryptionKeys.set(id, decodeKey(key, `${path}: ${id}`));
  }
  if (typeof current !== 'string' || !encryptionKeys.has(current)) {
    throw new Error(`${path}: current must be the id of one of its encryption keys.`);
  }
  const indexKey = decodeKey(content.index, `${path}: index`);
  const tokenKey = decodeKey(content.token, `${path}: token`);
  return checked({ currentKeyId: current, encryptionKeys, indexKey, tokenKey }, path);
}

const exists = (error: unknown) => (error as NodeJS.ErrnoException).code === 'EEXIST';
const isMissing = (error: unknown) => (error as NodeJS.ErrnoException).code === 'ENOENT';

/**
 * Makes the file complete under another name and links it into place, so that of processes that start
 * together one wins and nobody ever reads half a file; synced, because lost keys are lost data.
 */
async function createKeyFile(dataDir: string, path: string): Promise<void> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const newKey = () => randomBytes(KEY_BYTES).toString('base64url');
  const content = { version: 1, current: 'k1', encrypt: { k1: newKey() }, index: newKey(), token: newKey() };
  const draft = `${path}.${randomBytes(8).toString('hex')}`;
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(`${JSON.stringify(content, null, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await link(draft, path).catch((error: unknown) => {
    if (!exists(error)) throw error;
  });
  await unlink(draft);
  const directory = await open(dataDir, 'r');
  await directory.sync().finally(() => directory.close());
}

/** Reads `keys.json` of the data directory, and makes it when it is not there. */
export async function readKeyFile(dataDir: string): Promise<KeyMaterial> {
  const path = join(dataDir, 'keys.json');
  let status = await stat(path).catch((error: unknown) => {
    if (!isMissing(error)) throw error;
    return undefined;
  });
  if (status === undefined) {
    await createKeyFile(dataDir, path);
    status = await stat(path);
  }
  if (process.platform !== 'win32' && (status.mode & 0o077) !== 0) {
    throw new Error(`${path} can be read by others: chmod 600 it.`);
  }
  return parseKeyFile(await readFile(path, 'utf8'), path);
}
