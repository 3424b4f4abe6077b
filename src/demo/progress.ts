/** A bar for each part where somebody watches, a line for each where the output is kept. */
import { Presets, SingleBar } from 'cli-progress';
import type { Progress } from './load.js';

export function watchedProgress(): Progress {
  let bar: SingleBar | undefined;
  return {
    start(what, total) {
      const options = { format: `  ${what.padEnd(24)}{bar} {value}/{total}`, hideCursor: true, barsize: 36 };
      bar = new SingleBar(options, Presets.rect);
      bar.start(total, 0);
    },
    step: (count = 1) => bar?.increment(count),
    end: () => bar?.stop(),
  };
}

export function writtenProgress(write: (line: string) => void): Progress {
  let line = '';
  return {
    start: (what, total) => {
      line = `  ${what.padEnd(24)}${total}`;
    },
    step: () => undefined,
    end: () => write(line),
  };
}

export const silentProgress: Progress = {
  start: () => undefined,
  step: () => undefined,
  end: () => undefined,
};
