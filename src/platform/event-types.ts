/** How a feature declares the events that it tells: from these come the catalogue in the OpenAPI document and its checks. */
import { type TObject, type TProperties, Type } from 'typebox';
import { Count, Strict } from './http/schemas.js';

export type EventDeclaration = {
  /** what happened, in a few words */
  summary: string;
  description: string;
  /** what `subject` names */
  subject: string;
  /** ids, keys, versions, counts and names of fields: never personal data */
  data: TObject;
  example: { subject: string; data: Record<string, unknown> };
};

/** Types are `noun.past`; when an event goes out, its type begins with `clientele.`. */
export const defineEvents = <const T extends Record<`${string}.${string}`, EventDeclaration>>(types: T): T =>
  types;

export const eventData = <T extends TProperties>(properties: T): TObject<T> => Strict(properties);

/** parts that many have */
export const version = Count('Its version since then');
export const fields = Type.Array(Type.String(), {
  description: 'Names of the fields that changed, never values',
});
export const customerId = '0197f3c2-1b7e-7c31-9d52-3f6a1e2b4c5d';
