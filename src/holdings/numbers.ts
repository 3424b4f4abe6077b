/**
 * The number of a holding (account, card, contract) as two systems write it alike: without spaces, in upper case.
 * It is kept encrypted and found by its blind index, which is of the source too: a number is its source's own.
 */
import type { Keyring } from '../platform/secrets.js';

export const normaliseHoldingNumber = (number: string): string =>
  number.normalize('NFKC').replace(/\s+/gu, '').toUpperCase();

export const holdingNumberIndex = (keyring: Keyring, source: string, number: string): string =>
  keyring.blindIndex(`holding:${source}`, normaliseHoldingNumber(number));
