/** The forms of chart that the service draws, each from plain numbers. */
import type { EChartsOption, SeriesOption } from 'echarts';
import { type Drawing, faint, ink, palette } from './draw.js';

export type Series = {
  name: string;
  shape: 'line' | 'area' | 'bar';
  values: readonly (number | null)[];
  /** bars and areas of one name are stacked; what is negative hangs below the axis */
  stack?: string;
};
export type Panel = { name: string; series: readonly Series[] };
/** What changes from day to day: panels under one another over the same days, each with its own scale. */
export type TimeChart = {
  title: string;
  description: string;
  labels: readonly string[];
  panels: readonly Panel[];
};

const panel = { width: 900, height: 170, top: 84, gap: 44 };

export function timeChart({ title, description, labels, panels }: TimeChart): Drawing {
  const grid = panels.map((_panel, place) => ({
    left: 84,
    right: 28,
    top: panel.top + place * (panel.height + panel.gap),
    height: panel.height,
  }));
  const option: EChartsOption = {
    grid,
    legend: { top: 40, left: 16, itemHeight: 10, selectedMode: false },
    xAxis: panels.map((_panel, place) => ({
      type: 'category' as const,
      gridIndex: place,
      data: [...labels],
      axisLine: { onZero: true },
      axisTick: { show: false },
      axisLabel: { show: place === panels.length - 1 },
    })),
    yAxis: panels.map((one, place) => ({
      type: 'value' as const,
      gridIndex: place,
      name: one.name,
      nameLocation: 'end' as const,
      nameTextStyle: { align: 'right' as const },
      minInterval: 1,
      splitLine: { lineStyle: { color: faint } },
    })),
    series: panels.flatMap(({ series }, place) => series.map((one) => drawn(one, place))),
  };
  const height = panel.top + panels.length * (panel.height + panel.gap);
  return { title, description, width: panel.width, height, option };
}

function drawn({ name, shape, values, stack }: Series, place: number): SeriesOption {
  const common = {
    name,
    data: [...values],
    xAxisIndex: place,
    yAxisIndex: place,
    silent: true,
    emphasis: { disabled: true },
    ...(stack === undefined ? {} : { stack }),
  };
  if (shape === 'bar') return { type: 'bar', ...common };
  return {
    type: 'line',
    showSymbol: values.length === 1,
    ...common,
    ...(shape === 'area' ? { areaStyle: { opacity: 0.18 } } : {}),
  };
}

/** A value for each pair of two scales, as a grid of cells: the darker, the more. The value stands in its cell. */
export type GridChart = {
  title: string;
  description: string;
  /** of the scale from left to right */
  columnName: string;
  columns: readonly string[];
  /** of the scale from bottom to top */
  rowName: string;
  rows: readonly string[];
  /** by row, then by column; null is an empty cell */
  values: readonly (readonly (number | null)[])[];
  /** what is told beside each value, such as a share */
  label?: (value: number) => string;
};

const cell = { width: 104, height: 60 };
const margin = { left: 92, top: 64, right: 28, bottom: 64 };

export function gridChart(chart: GridChart): Drawing {
  const { title, description, columns, rows, values, label = String } = chart;
  const data = values.flatMap((row, y) =>
    row.flatMap((value, x) => (value === null ? [] : [[x, y, value] as [number, number, number]])),
  );
  const highest = Math.max(1, ...data.map(([, , value]) => value));
  const option: EChartsOption = {
    grid: { ...margin, width: columns.length * cell.width, height: rows.length * cell.height },
    xAxis: { ...scale(chart.columnName, columns, 36), type: 'category' },
    yAxis: { ...scale(chart.rowName, rows, 52), type: 'category' },
    visualMap: { show: false, min: 0, max: highest, inRange: { color: ['#eef3f8', palette[0] as string] } },
    series: [
      {
        type: 'heatmap',
        silent: true,
        emphasis: { disabled: true },
        itemStyle: { borderColor: faint, borderWidth: 1 },
        data: data.map((value) => ({
          value,
          label: {
            show: true,
            // on the darker half dark letters are not read
            color: value[2] > highest / 2 ? '#ffffff' : ink,
            formatter: () => label(value[2]),
          },
        })),
      },
    ],
  };
  return {
    title,
    description,
    width: margin.left + columns.length * cell.width + margin.right,
    height: margin.top + rows.length * cell.height + margin.bottom,
    option,
  };
}

const scale = (name: string, names: readonly string[], nameGap: number) => ({
  name,
  nameGap,
  nameLocation: 'middle' as const,
  data: [...names],
  axisTick: { show: false },
  axisLine: { lineStyle: { color: faint } },
  axisLabel: { color: ink },
});
