/**
 * The least value of a function of few variables, by the downhill simplex (Nelder & Mead, The Computer Journal 7, 1965),
 * which asks for no derivatives and takes infinity for what is out of bounds. It begins again, smaller, where it ended,
 * since a simplex can collapse short of the minimum. It stands here because of the libraries that were tried, fmin exports
 * nothing to Node.js, and optimization-js brings build tools along and takes random steps of no certain length.
 */
export type Minimum = { at: number[]; value: number; iterations: number; converged: boolean };

type Point = { at: number[]; value: number };
type Options = { step?: number; mostIterations?: number; rounds?: number };

/** how near to one another the corners and, relative to them, their values are at the end */
const nearby = 1e-7;
const alike = 1e-12;

/** The function is of `start.length` variables; `mostIterations` is for all rounds together. */
export function minimumOf(
  of: (at: readonly number[]) => number,
  start: readonly number[],
  { step = 0.5, mostIterations = 1000, rounds = 2 }: Options = {},
): Minimum {
  let found: Minimum = { at: [...start], value: of(start), iterations: 0, converged: false };
  for (let round = 0; round < rounds; round += 1) {
    const { iterations } = found;
    const next = descend(of, found, step / 10 ** round, mostIterations - iterations);
    found = { ...next, iterations: iterations + next.iterations };
  }
  return found;
}

function descend(of: (at: readonly number[]) => number, from: Point, step: number, most: number): Minimum {
  const pointAt = (at: number[]): Point => {
    const value = of(at);
    return { at, value: Number.isNaN(value) ? Number.POSITIVE_INFINITY : value };
  };
  const corners = [from, ...from.at.map((_, axis) => pointAt(moved(from.at, axis, step)))];
  const sort = () => corners.sort((one, other) => one.value - other.value);
  let iterations = 0;
  for (sort(); iterations < most && !isSmall(corners); sort()) {
    iterations += 1;
    const worst = corners.pop() as Point;
    const best = corners[0] as Point;
    const middle = from.at.map((_, axis) => mean(corners.map(({ at }) => at[axis] as number)));
    const along = (share: number) =>
      pointAt(middle.map((value, axis) => value + share * ((worst.at[axis] as number) - value)));
    const reflected = along(-1);
    if (reflected.value < best.value) {
      const expanded = along(-2);
      corners.push(expanded.value < reflected.value ? expanded : reflected);
    } else if (reflected.value < (corners.at(-1) as Point).value) {
      corners.push(reflected);
    } else {
      const contracted = along(reflected.value < worst.value ? -0.5 : 0.5);
      if (contracted.value < Math.min(reflected.value, worst.value)) corners.push(contracted);
      else shrink([...corners.splice(0), worst], best, pointAt, corners);
    }
  }
  const { at, value } = corners[0] as Point;
  return { at, value, iterations, converged: isSmall(corners) };
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const moved = (at: readonly number[], axis: number, step: number) =>
  at.map((value, each) => (each === axis ? value + step : value));

/** All corners half-way to the best one. */
function shrink(all: Point[], best: Point, pointAt: (at: number[]) => Point, into: Point[]): void {
  for (const point of all)
    into.push(
      point === best ? best : pointAt(point.at.map((value, axis) => (value + (best.at[axis] as number)) / 2)),
    );
}

function isSmall(corners: readonly Point[]): boolean {
  const best = corners[0] as Point;
  return corners.every(
    ({ at, value }) =>
      value - best.value <= alike * (1 + Math.abs(best.value)) &&
      at.every((each, axis) => Math.abs(each - (best.at[axis] as number)) <= nearby),
  );
}
