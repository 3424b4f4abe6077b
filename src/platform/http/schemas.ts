/** Building blocks of the API's schemas. Components carry a `$id` and are referred to by it. */
import { type Static, type TObject, type TProperties, type TSchema, Type } from 'typebox';

/** A field that admits null beside its type: one type array, as OpenAPI 3.1 has it. */
export function Nullable<T extends TSchema>(schema: T) {
  const { type, enum: values, ...rest } = schema as T & { type?: string; enum?: unknown[] };
  const nullable =
    type === undefined
      ? { anyOf: [schema, { type: 'null' }] }
      : { ...rest, type: [type, 'null'], ...(values === undefined ? {} : { enum: [...values, null] }) };
  return Type.Unsafe<Static<T> | null>(nullable);
}

/** One of some texts. */
export function StringEnum<const T extends readonly string[]>(
  values: T,
  options: Record<string, unknown> = {},
) {
  return Type.Unsafe<T[number]>({ type: 'string', enum: [...values], ...options });
}

/** A strict object: what is not named is refused in a body and dropped from a reply. */
export function Strict<T extends TProperties>(
  properties: T,
  options: Record<string, unknown> = {},
): TObject<T> {
  return Type.Object(properties, { additionalProperties: false, ...options });
}

/** A reference to a component, with the component's own type. */
export function Ref<T extends TSchema>(component: T) {
  return Type.Unsafe<Static<T>>({ $ref: `${(component as T & { $id: string }).$id}#` });
}

export const Id = (description: string) => Type.String({ format: 'uuid', maxLength: 36, description });
export const Instant = (description: string) =>
  Type.String({ format: 'date-time', maxLength: 40, description });
export const DateOnly = (description: string) => Type.String({ format: 'date', maxLength: 10, description });
export const Text = (description: string, maxLength = 200) =>
  Type.String({ minLength: 1, maxLength, description });
/** ISO 8601; how long it may be at most is said where it is used. */
export const Duration = (description: string, options: { examples?: string[] } = {}) =>
  Type.String({
    pattern:
      '^P(?=[0-9T])([0-9]{1,4}Y)?([0-9]{1,4}M)?([0-9]{1,4}W)?([0-9]{1,5}D)?(T(?=[0-9])([0-9]{1,6}H)?([0-9]{1,6}M)?([0-9]{1,9}S)?)?$',
    maxLength: 50,
    description,
    ...options,
  });
export const keyPattern = '^[a-z][a-z0-9_]{0,62}$';
export const Key = (description: string) => Type.String({ pattern: keyPattern, maxLength: 63, description });
export const Currency = (description = 'ISO 4217 currency code') =>
  Type.String({ pattern: '^[A-Z]{3}$', maxLength: 3, description });
/** At most 15 digits before the point and 4 after it: numeric keeps it exactly. */
export const Money = (description: string) =>
  Type.String({ pattern: '^-?(0|[1-9][0-9]{0,14})(\\.[0-9]{1,4})?$', maxLength: 21, description });
export const Amount = (description: string) =>
  Type.String({ pattern: '^(0|[1-9][0-9]{0,14})(\\.[0-9]{1,4})?$', maxLength: 20, description });
/** Of many amounts, or converted: wider than any one that is stated. */
export const Worth = (description: string) =>
  Type.String({ pattern: '^-?(0|[1-9][0-9]{0,29})(\\.[0-9]{1,12})?$', maxLength: 44, description });
export const Count = (description: string) =>
  Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description });

/** A page of a list. */
export const Page = <T extends TSchema>(item: T, id: string) =>
  Strict(
    {
      data: Type.Array(item),
      next_cursor: Nullable(Type.String({ description: 'Send as `cursor` to go on; null at the end' })),
    },
    { $id: id, description: 'A page of a list, in a stable order' },
  );

export const pageQuery = {
  limit: Type.Integer({ minimum: 1, maximum: 200, default: 50, description: 'How many at most' }),
  cursor: Type.Optional(Type.String({ maxLength: 1000, description: 'Where to go on, from `next_cursor`' })),
};

export const FieldProblem = Strict(
  {
    in: Type.Optional(StringEnum(['body', 'query', 'path', 'header'])),
    pointer: Type.String({ description: 'RFC 6901 pointer into that part of the request' }),
    code: Type.String(),
    message: Type.String(),
    fact: Type.Optional(
      Type.String({ description: 'In a rule: the fact, field or measure that is concerned' }),
    ),
    type: Type.Optional(Type.String({ description: 'Its type' })),
    allowed: Type.Optional(Type.Array(Type.String(), { description: 'What it allows' })),
    nearest: Type.Optional(Type.String({ description: 'The nearest name that there is' })),
  },
  { $id: 'FieldProblem', description: 'One thing to change' },
);

export const Problem = Type.Object(
  {
    type: Type.String({ format: 'uri-reference', description: 'Where the code is explained' }),
    title: Type.String({ description: 'What the code means, in the language of the caller' }),
    status: Type.Integer({ minimum: 400, maximum: 599, description: 'As in the status line' }),
    detail: Type.String({ description: 'What happened this time, and what to do' }),
    instance: Type.String({ format: 'uri-reference', description: 'The request id as a URN' }),
    code: Type.String({ description: 'Stable: decide by it' }),
    errors: Type.Optional(Type.Array(Ref(FieldProblem))),
  },
  { $id: 'Problem', description: 'RFC 9457 problem details', additionalProperties: true },
);
