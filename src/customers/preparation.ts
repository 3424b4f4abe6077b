/** A statement about a customer, checked and normalised, before anything is read or locked. */
import type { Bank } from '../platform/context.js';
import type { FieldProblem } from '../platform/errors.js';
import type { Keyring } from '../platform/secrets.js';
import { type Address, normaliseAddress, normaliseEmail, normalisePhone } from './contact-points.js';
import type { Definitions } from './definitions.js';
import { scalarFields } from './fields.js';
import { normaliseIdentifier } from './identifier-schemes.js';
import type { CustomerStatement } from './schemas.js';

export type PreparedIdentifier = {
  scheme: string;
  index: string;
  value: string;
  sensitive: boolean;
  /** of the number's other form: who holds it is proposed as the same customer, and not taken for it */
  otherIndex: string | undefined;
};
export type PreparedContactPoint = {
  kind: 'phone' | 'email' | 'address';
  index: string;
  /** what is encrypted: the number, the mail address, or the address as JSON */
  plain: string;
  label: string;
  primary: boolean;
};

export type PreparedCustomer = {
  kind: 'person' | 'organization' | undefined;
  fields: Map<string, unknown>;
  identifiers: PreparedIdentifier[];
  /** undefined: nothing was stated about them */
  contactPoints: PreparedContactPoint[] | undefined;
  source: string;
  sourceTime: string;
  /** the source stated that time itself */
  isTimed: boolean;
  stub: boolean;
};

type World = { keyring: Keyring; bank: Bank; definitions: Definitions; now: string };

type Problems = FieldProblem[];

const problem = (pointer: string, code: string, message: string): FieldProblem => ({
  in: 'body',
  pointer,
  code,
  message,
});

/** What a source speaks for where none is named: whoever uses the API by hand. */
export const defaultSource = 'manual';

/** The normal form, or every problem that it has. */
export function prepareCustomer(
  world: World,
  input: CustomerStatement,
): { prepared: PreparedCustomer; problems: Problems } {
  const problems: Problems = [];
  const prepared: PreparedCustomer = {
    kind: input.kind,
    fields: prepareFields(world, input, problems),
    identifiers: prepareIdentifiers(world, input.identifiers ?? [], problems),
    contactPoints: input.contact_points && prepareContactPoints(world, input.contact_points, problems),
    source: input.source ?? defaultSource,
    sourceTime: input.source_time ?? world.now,
    isTimed: input.source_time !== undefined,
    stub: false,
  };
  return { prepared, problems };
}

/** What a schema may allow at most, and no more: whether the items of a list are unique takes the square of its length. */
const attributeBytesMax = 32_768;

function prepareFields(world: World, input: CustomerStatement, problems: Problems): Map<string, unknown> {
  const fields = new Map<string, unknown>();
  for (const field of scalarFields) {
    const value = input[field];
    if (value === undefined) continue;
    const text = typeof value === 'string' && field.endsWith('_name') ? value.normalize('NFC').trim() : value;
    if (text === '') problems.push(problem(`/${field}`, 'empty', 'must not be blank'));
    fields.set(field, text);
  }
  for (const [name, value] of Object.entries(input.attributes ?? {})) {
    const pointer = `/attributes/${name}`;
    const attribute = world.definitions.attributes.get(name);
    if (attribute === undefined)
      problems.push(problem(pointer, 'unknown_attribute', 'is not a declared attribute'));
    else if (Buffer.byteLength(JSON.stringify(value)) > attributeBytesMax)
      problems.push(problem(pointer, 'too_much', `must not be longer than ${attributeBytesMax} bytes`));
    else if (value !== null) {
      const found = attribute.validate(value);
      problems.push(...found.map((one) => ({ ...one, pointer: `${pointer}${one.pointer}` })));
    }
    fields.set(`attributes.${name}`, value);
  }
  return fields;
}

/** The normal form of one identifier with its index, for keeping and for looking up. */
export function prepareIdentifier(
  world: Pick<World, 'keyring' | 'definitions'>,
  identifier: { scheme: string; value: string },
  pointer: string,
  problems: Problems,
): PreparedIdentifier | undefined {
  const scheme = world.definitions.schemes.get(identifier.scheme);
  if (scheme === undefined) {
    problems.push(problem(`${pointer}/scheme`, 'unknown_scheme', 'is not a declared identifier scheme'));
    return undefined;
  }
  const normal = normaliseIdentifier(scheme.normaliser, identifier.value);
  if (!normal.ok) {
    problems.push(problem(`${pointer}/value`, normal.code, normal.message));
    return undefined;
  }
  const indexOf = (value: string) =>
    scheme.sensitive ? world.keyring.blindIndex(`identifier:${scheme.key}`, value) : value;
  const otherIndex = normal.otherForm === undefined ? undefined : indexOf(normal.otherForm);
  const { key, sensitive } = scheme;
  return { scheme: key, index: indexOf(normal.value), value: normal.value, sensitive, otherIndex };
}

function prepareIdentifiers(world: World, list: { scheme: string; value: string }[], problems: Problems) {
  const byKey = new Map<string, PreparedIdentifier>();
  list.forEach((identifier, position) => {
    const made = prepareIdentifier(world, identifier, `/identifiers/${position}`, problems);
    if (made !== undefined) byKey.set(`${made.scheme} ${made.index}`, made);
  });
  return [...byKey.values()];
}

type ContactIn = NonNullable<CustomerStatement['contact_points']>[number];

function prepareContactPoints(
  world: World,
  list: readonly ContactIn[],
  problems: Problems,
): PreparedContactPoint[] {
  const byKey = new Map<string, PreparedContactPoint>();
  list.forEach((contact, position) => {
    const made = prepareContactPoint(world, contact, `/contact_points/${position}`, problems);
    if (made !== undefined) byKey.set(`${made.kind} ${made.index}`, made);
  });
  return [...byKey.values()];
}

function prepareContactPoint(world: World, contact: ContactIn, pointer: string, problems: Problems) {
  const { kind, label = 'other', primary = false } = contact;
  const field = kind === 'address' ? 'address' : 'value';
  const other = kind === 'address' ? 'value' : 'address';
  if (contact[field] === undefined || contact[other] !== undefined) {
    problems.push(
      problem(
        `${pointer}/${field}`,
        'required',
        `a contact point of kind ${kind} has a ${field} and no ${other}`,
      ),
    );
    return undefined;
  }
  const normal = normaliseContact(world, kind, contact);
  if (!normal.ok) {
    problems.push(problem(`${pointer}/${field}`, normal.code, normal.message));
    return undefined;
  }
  const index = world.keyring.blindIndex(`contact:${kind}`, normal.index);
  const plain =
    typeof normal.value === 'string' ? normal.value : JSON.stringify(normal.value satisfies Address);
  return { kind, index, plain, label, primary };
}

function normaliseContact(world: World, kind: ContactIn['kind'], contact: ContactIn) {
  if (kind === 'phone') return normalisePhone(contact.value ?? '', world.bank.country);
  if (kind === 'email') return normaliseEmail(contact.value ?? '');
  return normaliseAddress(contact.address ?? {}, world.bank.country);
}
