import { describe, expect, test } from 'vitest';
import { drawChart } from '../../src/platform/charts/draw.js';
import { gridChart, timeChart } from '../../src/platform/charts/shapes.js';

const overTime = (title: string, values: number[]) =>
  timeChart({
    title,
    description: `${values.length} days`,
    labels: values.map((_value, day) => `2026-01-${String(day + 1).padStart(2, '0')}`),
    panels: [
      { name: 'Members', series: [{ name: 'size', shape: 'area', values }] },
      { name: 'A day', series: [{ name: 'left', shape: 'bar', values: values.map((value) => -value) }] },
    ],
  });

const grid = (values: (number | null)[][]) =>
  gridChart({
    title: 'Grid',
    description: 'Two scales',
    columnName: 'Frequency',
    columns: ['1', '2'],
    rowName: 'Recency',
    rows: ['1', '2'],
    values,
    label: (value) => `${value} %`,
  });

const texts = (svg: string) => [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text);

describe('a chart', () => {
  test('is the same bytes for the same numbers, however many were drawn before', async () => {
    const first = await drawChart(overTime('Members', [1, 2, 3]));
    await drawChart(grid([[1, 2]]));
    expect(await drawChart(overTime('Members', [1, 2, 3]))).toBe(first);
    expect(await drawChart(overTime('Members', [1, 2, 4]))).not.toBe(first);
    expect(first).not.toMatch(/zr\d/);
  });

  test('refers to nothing but what it holds', async () => {
    const svg = await drawChart(overTime('Members', [1, 2, 3]));
    const ids = new Set([...svg.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id));
    for (const [, id] of svg.matchAll(/url\(#([^)]+)\)/g)) expect(ids).toContain(id);
    for (const id of ['chart-title', 'chart-description']) expect(ids).toContain(id);
    expect(svg).not.toMatch(/https?:\/\/(?!www\.w3\.org)/);
  });

  test('says what it shows, in any script, and runs nothing that a name holds', async () => {
    const svg = await drawChart(overTime('高净值 <script>alert(1)</script> & "zr9-c1"\u0007', [1]));
    expect(svg).toMatch(/^<svg [^>]*role="img"[^>]*><title id="chart-title">高净值 &lt;script&gt;/);
    expect(svg).toContain('<desc id="chart-description">1 days</desc>');
    expect(svg).not.toContain('<script');
    expect(svg).not.toContain('\u0007');
    expect(svg).toMatch(/font-family:[^;"]*Noto Sans SC/);
  });

  test('of a grid has each value in its cell, and nothing where there is none', async () => {
    const shown = texts(
      await drawChart(
        grid([
          [1, 20],
          [null, 3],
        ]),
      ),
    );
    expect(shown.filter((text) => text?.endsWith('%')).sort()).toEqual(['1 %', '20 %', '3 %']);
    expect(shown).toEqual(expect.arrayContaining(['Frequency', 'Recency', 'Grid']));
  });

  test('of nothing is a chart', async () => {
    expect(texts(await drawChart(overTime('Nobody', [])))).toContain('Nobody');
    expect(texts(await drawChart(grid([])))).toContain('Grid');
  });
});
