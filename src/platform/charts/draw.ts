/**
 * Charts as SVG, drawn by ECharts on the server without a DOM. The same numbers give the same bytes: nothing moves, and
 * the ids that ECharts counts up are replaced. Each chart says in words what it shows, for whoever cannot see it.
 */
import type { EChartsOption } from 'echarts';

export type Drawing = {
  title: string;
  /** what it shows, in a sentence with its main figures */
  description: string;
  /** pixels */
  width: number;
  height: number;
  option: EChartsOption;
};

/** Told apart in print and by whoever sees no red and green: by lightness too. */
export const palette = ['#1f4e79', '#2a8c82', '#b5533c', '#8a97a6', '#b8862b', '#5b4b8a'];
export const ink = '#2b3440';
export const faint = '#d5dbe1';

/** Fonts that have Chinese on the usual systems, before the reader's own. */
const fontFamily =
  "'Noto Sans SC','Noto Sans CJK SC','PingFang SC','Microsoft YaHei','Helvetica Neue',Arial,sans-serif";

const standing: EChartsOption = {
  animation: false,
  color: palette,
  textStyle: { fontFamily, color: ink },
  backgroundColor: '#ffffff',
};

export async function drawChart({ title, description, width, height, option }: Drawing): Promise<string> {
  const { init } = await import('./engine.js');
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption({
      ...standing,
      title: { text: title, left: 16, top: 10, textStyle: titleStyle },
      ...option,
    });
    return labelled(withFixedIds(chart.renderToSVGString({ useViewBox: true })), title, description);
  } finally {
    chart.dispose();
  }
}

const titleStyle = { fontSize: 16, fontWeight: 'bold' as const, color: ink };

/** ECharts numbers clips and classes through the life of the process; the classes are there to be hovered over. */
const withFixedIds = (svg: string) =>
  svg
    .replace(/<style ?><!\[CDATA\[[\s\S]*?\]\]>\s*<\/style>\s*/, '')
    .replaceAll(/ (?:class="zr|ecmeta_\w+=")[^"]*"/g, '')
    .replaceAll(/(url\(#| id=")zr\d+-/g, '$1chart-');

/** Characters that XML 1.0 does not have, in text that may have come from anybody. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
const noXml = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;

const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

function labelled(svg: string, title: string, description: string): string {
  const end = svg.indexOf('>', svg.indexOf('<svg'));
  const told = `<title id="chart-title">${escaped(title)}</title><desc id="chart-description">${escaped(description)}</desc>`;
  const attributes = ' role="img" aria-labelledby="chart-title chart-description"';
  return `${svg.slice(0, end)}${attributes}>${told}${svg.slice(end + 1)}`.replaceAll(noXml, '');
}
