import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { configurationTable } from '../../src/config.js';

/** The formatter aligns the columns: it is the cells that count. */
const cellsOf = (table: string) =>
  table
    .trim()
    .split('\n')
    .map((row) => row.split('|').map((cell) => cell.trim().replace(/^-+$/, '---')));

it('README.md shows the configuration as it is', async () => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const [, shown = ''] =
    /<!-- configuration:start -->\n([\s\S]*?)\n<!-- configuration:end -->/.exec(readme) ?? [];
  expect(cellsOf(shown)).toEqual(cellsOf(configurationTable()));
});
