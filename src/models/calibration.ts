/**
 * How a prediction compares with what came after the window that it was fitted on: by how often customers had come
 * until then (as in figure 4 of Fader, Hardie & Lee, 2005), and by how much was predicted of them.
 */
export type Outcome = {
  /** within the window of the fit */
  frequency: number;
  predicted: number;
  actual: number;
};

export type CalibrationLine = {
  /** the least and the most of what the line is made by, both included */
  from: number;
  to: number;
  customers: number;
  /** means of a customer */
  predicted: number;
  actual: number;
};

const lineOf = (outcomes: readonly Outcome[], by: 'frequency' | 'predicted'): CalibrationLine => {
  const meanOf = (what: 'predicted' | 'actual') =>
    outcomes.reduce((sum, each) => sum + each[what], 0) / outcomes.length;
  return {
    from: outcomes.reduce((least, each) => Math.min(least, each[by]), Number.POSITIVE_INFINITY),
    to: outcomes.reduce((most, each) => Math.max(most, each[by]), Number.NEGATIVE_INFINITY),
    customers: outcomes.length,
    predicted: meanOf('predicted'),
    actual: meanOf('actual'),
  };
};

/** A line for each frequency that is there; those of `most` and more are one. */
export function byFrequency(outcomes: readonly Outcome[], most = 7): CalibrationLine[] {
  const lines = new Map<number, Outcome[]>();
  for (const outcome of outcomes) {
    const key = Math.min(outcome.frequency, most);
    const line = lines.get(key);
    if (line === undefined) lines.set(key, [outcome]);
    else line.push(outcome);
  }
  return [...lines]
    .sort(([one], [other]) => one - other)
    .map(([, together]) => lineOf(together, 'frequency'));
}

/** Bins of about equally many, by what was predicted. Equal predictions stay together, so there may be fewer bins. */
export function byPrediction(outcomes: readonly Outcome[], bins = 10): CalibrationLine[] {
  const ascending = [...outcomes].sort((one, other) => one.predicted - other.predicted);
  const lines: Outcome[][] = [];
  let bin = -1;
  for (const [place, outcome] of ascending.entries()) {
    const own = Math.floor((place * bins) / ascending.length);
    const parts = own > bin && outcome.predicted !== ascending[place - 1]?.predicted;
    if (parts) {
      lines.push([]);
      bin = own;
    }
    lines.at(-1)?.push(outcome);
  }
  return lines.map((together) => lineOf(together, 'predicted'));
}

/** Of all customers together; `error` is the mean of the distances between predicted and actual. */
export function overall(outcomes: readonly Outcome[]): { predicted: number; actual: number; error: number } {
  const sumOf = (what: (outcome: Outcome) => number) =>
    outcomes.reduce((sum, outcome) => sum + what(outcome), 0);
  return {
    predicted: sumOf(({ predicted }) => predicted),
    actual: sumOf(({ actual }) => actual),
    error:
      outcomes.length === 0
        ? 0
        : sumOf(({ predicted, actual }) => Math.abs(predicted - actual)) / outcomes.length,
  };
}
