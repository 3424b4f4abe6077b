/**
 * Maximum likelihood of positive parameters: sought on their logarithms, from several starts, within bounds. What a fit
 * says of itself is what a model card shows before anybody approves it.
 */
import { minimumOf } from './minimum.js';

export type Parameters<Name extends string> = Record<Name, number>;

/** One descent: where it began, and where it came to. */
export type Attempt<Name extends string> = {
  from: Parameters<Name>;
  log_likelihood: number;
  iterations: number;
  converged: boolean;
};

export type Fit<Name extends string> = {
  parameters: Parameters<Name>;
  log_likelihood: number;
  /** of all starts together */
  iterations: number;
  starts: Attempt<Name>[];
  /** whether the best start has come to rest, away from the bounds */
  converged: boolean;
  /** parameters that lie at a bound: the data do not say what they are */
  at_bounds: Name[];
};

/** What is kept of a fit: what it was made from, and how good it is. */
export type ModelCard<Name extends string, Checks> = Fit<Name> & {
  model: 'bg_nbd' | 'gamma_gamma';
  /** dates, the last one included, and the unit of all times in the parameters */
  window: { from: string; until: string; unit: 'day' | 'week' };
  customers: number;
  checks: Checks;
};

/** parameters lie within e^±14 of their unit, about a millionth to a million times */
const bound = 14;
/** a parameter this near to a bound, in logarithms, lies at it */
const touching = 0.01;

type Search<Name extends string> = {
  names: readonly Name[];
  /** what is one for a parameter, so that neither the unit of time nor the currency moves the bounds */
  units: Parameters<Name>;
  /** in those units */
  starts: readonly Parameters<Name>[];
  logLikelihood(parameters: Parameters<Name>): number;
};

/** The best of all starts. */
export function fitParameters<Name extends string>(search: Search<Name>): Fit<Name> {
  const { names, units, logLikelihood } = search;
  const parametersAt = (logs: readonly number[]) =>
    Object.fromEntries(
      names.map((name, place) => [name, units[name] * Math.exp(logs[place] as number)]),
    ) as Parameters<Name>;
  const loss = (logs: readonly number[]) =>
    logs.some((log) => Math.abs(log) > bound) ? Number.POSITIVE_INFINITY : -logLikelihood(parametersAt(logs));
  const runs = search.starts.map((start) => {
    const from = names.map((name) => Math.log(start[name]));
    return { from: parametersAt(from), ...minimumOf(loss, from) };
  });
  const best = runs.reduce((one, other) => (other.value < one.value ? other : one));
  const atBounds = names.filter((_, place) => Math.abs(best.at[place] as number) > bound - touching);
  return {
    parameters: parametersAt(best.at),
    log_likelihood: -best.value,
    iterations: runs.reduce((sum, { iterations }) => sum + iterations, 0),
    starts: runs.map(({ from, value, iterations, converged }) => ({
      from,
      log_likelihood: -value,
      iterations,
      converged,
    })),
    converged: best.converged && atBounds.length === 0,
    at_bounds: atBounds,
  };
}
