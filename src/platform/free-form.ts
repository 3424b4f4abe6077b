/**
 * What the service takes in a field without a shape of its own: JSON that stays readable and bounded. Eight levels
 * deep, 64 keys an object, 200 items an array, 16 KiB in all.
 */
import { canonicalJson } from './canonical-json.js';

const levels = 8;
const keysOfObject = 64;
const itemsOfArray = 200;
const bytesInAll = 16_384;

/** The canonical spelling, or what is wrong with the value. */
export function readFreeForm(value: unknown): { ok: true; json: string } | { ok: false; message: string } {
  const message = fault(value, 1);
  if (message !== undefined) return { ok: false, message };
  const json = canonicalJson(value);
  return Buffer.byteLength(json) > bytesInAll
    ? { ok: false, message: `must not be longer than ${bytesInAll} bytes` }
    : { ok: true, json };
}

function fault(value: unknown, level: number): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (level > levels) return `must not be deeper than ${levels} levels`;
  const items = Object.values(value);
  const most = Array.isArray(value) ? itemsOfArray : keysOfObject;
  if (items.length > most) return `must not hold more than ${most} values at one level`;
  for (const item of items) {
    const found = fault(item, level + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}
