import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { configurationTable } from '../../src/config.js';

it('README.md shows the configuration as it is', async () => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const [, shown] = /<!-- configuration:start -->\n([\s\S]*?)\n<!-- configuration:end -->/.exec(readme) ?? [];
  expect(shown?.trim()).toBe(configurationTable());
});
