/**
 * CSV as the fields of the API: a column's name is the path to a field, with dots between (`customer.scheme`), numbers
 * for the places of a list (`identifiers.0.value`), and the rest of the name where a field is free-form
 * (`attributes.shop`). An empty cell is not stated. Cells are text; a field that is a number or a boolean gets what
 * the text spells.
 */
import type { TSchema } from 'typebox';

type Shape = {
  $ref?: string;
  type?: string | string[];
  properties?: Record<string, Shape>;
  patternProperties?: Record<string, Shape>;
  items?: Shape;
  anyOf?: Shape[];
};

export type Column = { path: (string | number)[]; kind: 'text' | 'number' | 'boolean' };
export type Columns = readonly Column[];

export type ColumnFault = { column: string; code: 'unknown_column' | 'repeated_column'; message: string };

/** The shapes behind references and choices. */
function shapesOf(shape: Shape, components: ReadonlyMap<string, Shape>): Shape[] {
  const referred = shape.$ref === undefined ? shape : components.get(shape.$ref.replace(/#$/, ''));
  if (referred === undefined) return [];
  // a description can have choices of its own beside its properties: those say what goes together
  const choices = referred.properties === undefined ? (referred.anyOf ?? []) : [];
  return [referred, ...choices.flatMap((choice) => shapesOf(choice, components))];
}

function kindOf(shapes: readonly Shape[]): Column['kind'] {
  const types = shapes.flatMap(({ type }) => type ?? []);
  if (types.includes('string')) return 'text';
  if (types.includes('number') || types.includes('integer')) return 'number';
  return types.includes('boolean') ? 'boolean' : 'text';
}

/** The column that a name stands for; undefined where there is no such field. */
function columnOf(name: string, root: TSchema, components: ReadonlyMap<string, Shape>): Column | undefined {
  const parts = name.split('.');
  const path: (string | number)[] = [];
  let shapes = shapesOf(root as Shape, components);
  for (const [place, part] of parts.entries()) {
    const next = shapes.flatMap(({ properties = {} }) =>
      Object.hasOwn(properties, part) ? (properties[part] ?? []) : [],
    );
    if (next.length > 0) path.push(part);
    else if (shapes.some((shape) => shape.items !== undefined) && /^\d{1,2}$/.test(part)) {
      next.push(...shapes.flatMap((shape) => shape.items ?? []));
      path.push(Number(part));
    } else {
      const rest = parts.slice(place).join('.');
      const isFree = shapes.some((shape) =>
        Object.keys(shape.patternProperties ?? {}).some((pattern) => new RegExp(pattern).test(rest)),
      );
      return isFree ? { path: [...path, rest], kind: 'text' } : undefined;
    }
    shapes = next.flatMap((shape) => shapesOf(shape, components));
  }
  const isLeaf = shapes.every(({ properties, items }) => properties === undefined && items === undefined);
  return isLeaf ? { path, kind: kindOf(shapes) } : undefined;
}

/** What the names of a header stand for, or what is wrong with them. */
export function readHeader(
  names: readonly string[],
  schema: TSchema,
  components: readonly TSchema[],
): { columns: Column[]; faults: ColumnFault[] } {
  const byId = new Map(
    components.map((component) => [(component as { $id?: string }).$id ?? '', component as Shape]),
  );
  const columns: Column[] = [];
  const faults: ColumnFault[] = [];
  const before = new Set<string>();
  for (const name of names) {
    const column = columnOf(name, schema, byId);
    if (before.has(name)) {
      faults.push({ column: name, code: 'repeated_column', message: 'stands there more than once' });
    } else if (column === undefined) {
      faults.push({ column: name, code: 'unknown_column', message: 'is the name of no field' });
    } else columns.push(column);
    before.add(name);
  }
  return { columns, faults };
}

function cellValue(kind: Column['kind'], cell: string): unknown {
  if (kind === 'number' && /^-?\d+(\.\d+)?$/.test(cell)) return Number(cell);
  if (kind === 'boolean' && (cell === 'true' || cell === 'false')) return cell === 'true';
  return cell;
}

type Node = Record<string | number, unknown>;

/** The value that a record states, in the shape of the API. */
export function rowValue(columns: Columns, cells: readonly string[]): unknown {
  const value: Node = {};
  const lists: unknown[][] = [];
  columns.forEach(({ path, kind }, place) => {
    const cell = cells[place] ?? '';
    if (cell === '') return;
    let node: Node = value;
    path.forEach((part, depth) => {
      if (depth === path.length - 1) node[part] = cellValue(kind, cell);
      else {
        if (!Object.hasOwn(node, part)) {
          const isList = typeof path[depth + 1] === 'number';
          node[part] = isList ? [] : {};
          if (isList) lists.push(node[part] as unknown[]);
        }
        node = node[part] as Node;
      }
    });
  });
  // places of a list that nothing was stated of are none
  for (const list of lists) list.splice(0, list.length, ...list.filter((item) => item !== undefined));
  return value;
}
