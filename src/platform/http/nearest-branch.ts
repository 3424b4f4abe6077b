/**
 * Where a value fits none of several schemas, a caller is helped by what is wrong with the one that was meant: the
 * one of the value's type, then the one whose properties it names or nearly names, then the one in which most of it is
 * right.
 */
import type { Ajv2020, ErrorObject } from 'ajv/dist/2020.js';
import { closestMatch } from 'leven';

type Schema = {
  $ref?: string;
  type?: string | string[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  const?: unknown;
  enum?: unknown[];
  required?: string[];
  properties?: Record<string, Schema>;
  additionalProperties?: unknown;
};

/** What is wrong with the branch that was meant: its own errors, or a sentence about all branches. */
export type Nearest =
  | { errors: ErrorObject[] }
  | { code: string; message: string }
  | ({ code: string; pointer: string } & ReturnType<typeof unknownField>);

/** A name near enough to be a slip of one that there is: at most a third of the letters are others. */
const nearName = (name: string, names: readonly string[]): string | undefined =>
  name.length > 100 ? undefined : closestMatch(name, names, { maxDistance: Math.ceil(name.length / 3) });

/** What is said of a name that is none of these. */
export function unknownField(name: string, names: readonly string[]): { message: string; nearest?: string } {
  const message = 'is not a known field here';
  const nearest = nearName(name, names);
  return nearest === undefined ? { message } : { message: `${message}; did you mean ${nearest}?`, nearest };
}

const most = 8;

/** Looks into an error of `anyOf` or `oneOf` that an Ajv with `verbose` has made. Undefined where it tells nothing. */
export function nearestBranch(ajv: Ajv2020, error: ErrorObject): Nearest | undefined {
  // of `oneOf`, more than one can fit
  if (Array.isArray((error.params as { passingSchemas?: unknown }).passingSchemas)) return undefined;
  const branches = (error.schema as Schema[]).flatMap((branch) => leavesOf(ajv, branch));
  const ofType = branches.filter((branch) => fitsType(branch, error.data));
  if (ofType.length === 0)
    return { code: 'type', message: `must be ${either(branches.flatMap(typesOf), ' or ')}` };
  const meant = isObject(error.data) ? meantOf(ofType, error.data) : ofType;
  if (meant.length === 0) return { code: error.keyword, message: `must have ${either(ofType.map(namesOf))}` };
  return slipOf(meant, error) ?? errorsOf(ajv, meant, error);
}

/** Branches that are alternatives themselves are taken apart, and references looked up. */
function leavesOf(ajv: Ajv2020, branch: Schema): Schema[] {
  const target = branch.$ref === undefined ? undefined : ajv.getSchema(branch.$ref)?.schema;
  const schema = (target ?? branch) as Schema;
  const inner = schema.anyOf ?? schema.oneOf;
  const isAlternatives = inner !== undefined && schema.type === undefined && schema.properties === undefined;
  return isAlternatives ? inner.flatMap((one) => leavesOf(ajv, one)) : [schema];
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const typesOf = ({ type = [] }: Schema): string[] => [type].flat();

function fitsType(branch: Schema, value: unknown): boolean {
  const types = typesOf(branch);
  const own = Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value;
  return types.length === 0 || types.includes(own) || (own === 'number' && types.includes('integer'));
}

/** The objects that the value is like; none where it has nothing of any. */
function meantOf(branches: readonly Schema[], value: Record<string, unknown>): Schema[] {
  const known = (branch: Schema) =>
    Object.keys(value).filter((name) => branch.properties?.[name] !== undefined);
  const wrong = (branch: Schema) =>
    known(branch).filter((name) => !isConstantOf(branch.properties?.[name], value[name])).length;
  const missing = ({ required = [] }: Schema) =>
    required.filter((name) => !Object.hasOwn(value, name)).length;
  const unknown = (branch: Schema) =>
    branch.additionalProperties === false ? Object.keys(value).length - known(branch).length : 0;
  const slips = (branch: Schema) => slipsOf(branch, value).length;
  const nothingFits = branches.every((branch) => known(branch).length === 0 && slips(branch) === 0);
  if (nothingFits && branches.every(({ required }) => required !== undefined)) return [];
  // of a name alone that is a slip nothing else is known: what the branch lacks beside it says nothing
  const isSlip = branches.every((branch) => known(branch).length === 0) && !nothingFits;
  const candidates = isSlip ? branches.filter((branch) => slips(branch) > 0) : branches;
  // what tells branches from one another weighs more than all that is missing; a slip is less than a lack and a surplus
  const distance = (branch: Schema) =>
    wrong(branch) * 1000 + missing(branch) + unknown(branch) - slips(branch) * 1.5;
  const least = Math.min(...candidates.map(distance));
  return candidates.filter((branch) => distance(branch) === least);
}

/** Names of the value that nearly are those which the branch misses. */
function slipsOf(
  { required = [], properties = {} }: Schema,
  value: Record<string, unknown>,
): [string, string][] {
  const missing = required.filter((name) => !Object.hasOwn(value, name));
  return Object.keys(value)
    .filter((name) => properties[name] === undefined)
    .flatMap((name) => {
      const near = nearName(name, missing);
      return near === undefined ? [] : [[name, near]];
    });
}

function slipOf(branches: readonly Schema[], { data, instancePath }: ErrorObject): Nearest | undefined {
  if (!isObject(data)) return undefined;
  const [slip] = branches.flatMap((branch) => slipsOf(branch, data));
  if (slip === undefined) return undefined;
  const [name, near] = slip;
  return {
    code: 'additionalProperties',
    pointer: `${instancePath}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`,
    ...unknownField(name, [near]),
  };
}

function isConstantOf(schema: Schema | undefined, value: unknown): boolean {
  if (schema?.const !== undefined) return schema.const === value;
  return schema?.enum?.length === 1 ? schema.enum[0] === value : true;
}

const namesOf = ({ required = [] }: Schema) => required.join(' and ');

/** Parts that hold an `and` themselves have a comma before each `or`. */
function either(words: readonly string[], last = ', or '): string {
  const different = [...new Set(words)];
  if (different.length <= 2) return different.join(' or ');
  return last === ' or '
    ? `${different.slice(0, -1).join(', ')} or ${different.at(-1)}`
    : different.join(last);
}

/** Of those that are equally near, the one that is right the deepest; what all say of one place is said together. */
function errorsOf(ajv: Ajv2020, branches: readonly Schema[], error: ErrorObject): Nearest | undefined {
  const found = branches.slice(0, most).map((branch) => {
    const validate = ajv.compile(branch);
    return validate(error.data) ? [] : (validate.errors ?? []);
  });
  const depth = (errors: readonly ErrorObject[]) =>
    Math.max(...errors.map(({ instancePath }) => instancePath.split('/').length));
  const told = found.filter((errors) => errors.length > 0);
  const deepest = Math.max(...told.map(depth));
  const chosen = told.filter((errors) => depth(errors) === deepest);
  const [first] = chosen;
  if (first === undefined) return undefined;
  const messages = chosen.map((errors) => errors[0]?.message ?? 'is not valid');
  if (chosen.length > 1 && deepest === 1 && !isObject(error.data))
    return { code: error.keyword, message: either(messages) };
  const within = (one: ErrorObject) => ({ ...one, instancePath: error.instancePath + one.instancePath });
  return { errors: first.map(within) };
}
