/** Prometheus' text format (version 0.0.4) as tests read it; a line that is none of it is an error. */
export type Sample = { name: string; labels: Record<string, string>; value: number };

const line = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (Nan|[+-]?Inf|[+-]?[0-9.]+(?:e[+-]?\d+)?)$/;
const pair = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)/g;

export function parseMetrics(text: string): Sample[] {
  return text
    .split('\n')
    .filter((one) => one !== '' && !/^# (HELP|TYPE) [a-zA-Z_:][a-zA-Z0-9_:]* /.test(one))
    .map((one) => {
      const match = line.exec(one);
      if (match === null) throw new Error(`no metric: ${one}`);
      const [, name = '', inside = '', value = ''] = match;
      const labels = Object.fromEntries([...inside.matchAll(pair)].map((found) => [found[1], found[2]]));
      return { name, labels, value: Number(value.replace('Inf', 'Infinity')) };
    });
}

/** The sum of the samples of a name that carry these labels; undefined where there is none. */
export function figure(samples: readonly Sample[], name: string, labels: Record<string, string> = {}) {
  const found = samples.filter(
    (one) => one.name === name && Object.entries(labels).every(([key, value]) => one.labels[key] === value),
  );
  return found.length === 0 ? undefined : found.reduce((sum, one) => sum + one.value, 0);
}
