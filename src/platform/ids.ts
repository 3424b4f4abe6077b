/** Ids are UUIDv7 (RFC 9562): made here, ordered by time, so that indexes grow at their end. */
import { v7, validate } from 'uuid';

export const newId = (): string => v7();
export const isId = (text: string): boolean => validate(text);
