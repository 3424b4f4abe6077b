/** The alerts and the dashboard speak of metrics and labels that the service really has. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { measureQueues } from '../../src/platform/metrics/queues.js';
import { openQueues, type Queues } from '../../src/platform/queue.js';
import { allJobs } from '../../src/worker.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { parseMetrics } from '../support/metrics.js';

type Rule = {
  alert: string;
  expr: string;
  for: string;
  labels: { severity: string };
  annotations: { summary: string; description: string; runbook: string };
};
type Panel = { title: string; gridPos: Record<'x' | 'y' | 'w' | 'h', number>; targets?: { expr: string }[] };

const root = new URL('../../monitoring/', import.meta.url);
const alerts = parse(await readFile(new URL('alerts.yml', root), 'utf8')) as { groups: { rules: Rule[] }[] };
const rules = alerts.groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(await readFile(new URL('grafana-dashboard.json', root), 'utf8')) as {
  uid: string;
  panels: Panel[];
  templating: { list: { name: string; definition?: string }[] };
};
const panels = dashboard.panels.filter(({ targets }) => targets !== undefined);
const expressions = [
  ...rules.map(({ alert, expr }) => [alert, expr] as const),
  ...panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => [title, expr] as const)),
];

/** Prometheus itself adds these to what it reads. */
const ofPrometheus = ['job', 'instance'];
const words = ['by', 'without', 'and', 'or', 'unless', 'on', 'ignoring', 'offset', 'bool'];
const functions = [
  'absent',
  'sum',
  'max',
  'min',
  'rate',
  'increase',
  'changes',
  'topk',
  'time',
  'vector',
].concat(['histogram_quantile']);

/** The metrics that a PromQL expression names, each with the labels that it asks for. */
function namesIn(expr: string): { metrics: Map<string, string[]>; grouped: string[] } {
  const metrics = new Map<string, string[]>();
  const grouped: string[] = [];
  const bare = expr
    .replaceAll(/\b(?:by|without|on|ignoring) *\(([^)]*)\)/g, (_all, labels: string) => {
      grouped.push(...labels.split(',').map((label) => label.trim()));
      return ' ';
    })
    .replaceAll(/\[[^\]]*\]/g, ' ');
  for (const [, name = '', matchers] of bare.matchAll(/([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{([^}]*)\})?/g)) {
    if (functions.includes(name) || words.includes(name)) continue;
    const labels = [...(matchers ?? '').matchAll(/([a-z_]+) *(?:=~|!~|!=|=)/g)].map(
      ([, label = '']) => label,
    );
    metrics.set(name, [...(metrics.get(name) ?? []), ...labels]);
  }
  return { metrics, grouped };
}

describe('the metrics that are named', () => {
  let t: TestApp;
  let queues: Queues;
  /** every name that is shown, and the labels that it can carry */
  const shown = new Map<string, readonly string[]>();
  beforeAll(async () => {
    t = await startTestApp();
    const names = allJobs(t.deps).map((job) => job.queue);
    queues = await openQueues({ databaseUrl: t.databaseUrl, names, log: t.deps.log });
    const { metrics } = t.deps;
    measureQueues(metrics, queues);
    const text = await metrics.text();
    expect(parseMetrics(text).length).toBeGreaterThan(50);
    const types = new Map(
      [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => [name, type]),
    );
    for (const metric of metrics.registry.getMetricsAsArray()) {
      const { name, labelNames } = metric as unknown as { name: string; labelNames: string[] };
      const isHistogram = types.get(name) === 'histogram';
      if (!isHistogram) shown.set(name, labelNames);
      else for (const end of ['bucket', 'sum', 'count']) shown.set(`${name}_${end}`, [...labelNames, 'le']);
    }
    shown.set('up', []);
  });
  afterAll(async () => {
    await queues.close(5);
    await t.stop();
  });

  test.each(expressions)('%s: %s', (_name, expr) => {
    const { metrics, grouped } = namesIn(expr);
    expect(metrics.size).toBeGreaterThan(0);
    const labels = new Set(ofPrometheus);
    for (const [metric, asked] of metrics) {
      const known = shown.get(metric);
      expect(known, metric).toBeDefined();
      for (const label of asked) expect([...(known ?? []), ...ofPrometheus], metric).toContain(label);
      for (const label of known ?? []) labels.add(label);
    }
    for (const label of grouped) expect([...labels]).toContain(label);
  });

  test('all that the service counts of its own is on the dashboard', () => {
    const drawn = new Set(
      panels
        .flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
        .join(' ')
        .match(/clientele_\w+/g),
    );
    const own = [...shown.keys()].filter((name) => name.startsWith('clientele_'));
    const families = new Set(own.map((name) => name.replace(/_(bucket|sum|count)$/, '')));
    const missing = [...families].filter((family) => ![...drawn].some((name) => name.startsWith(family)));
    expect(missing).toEqual([]);
  });

  test('what an expression holds is found, whatever it is made of', () => {
    const { metrics, grouped } = namesIn(
      'sum by (a, b) (rate(x_total{c="y",d=~"z"}[5m])) / max(up) > time()',
    );
    expect([...metrics]).toEqual([
      ['x_total', ['c', 'd']],
      ['up', []],
    ]);
    expect(grouped).toEqual(['a', 'b']);
  });
});

describe('alerts', () => {
  test('have names of their own', () => {
    expect(rules.length).toBeGreaterThan(10);
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  });

  test.each(rules.map((rule) => [rule.alert, rule] as const))(
    '%s says when, how bad, and what to do',
    (_name, rule) => {
      expect(rule.for).toMatch(/^[1-9]\d*[mh]$/);
      expect(['critical', 'warning']).toContain(rule.labels.severity);
      for (const text of [rule.annotations.summary, rule.annotations.description, rule.annotations.runbook])
        expect(text.length).toBeGreaterThan(10);
      expect(rule.annotations.runbook).toMatch(/\.$/);
    },
  );
});

describe('the dashboard', () => {
  test('has no two panels in one place', () => {
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)}:${y + Math.floor(cell / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
  });

  test('asks whoever imports it for the source of its data', () => {
    expect(dashboard.templating.list.map(({ name }) => name)).toEqual(['datasource', 'job']);
    const uids = [...JSON.stringify(dashboard).matchAll(/"type":"prometheus","uid":"([^"]+)"/g)];
    expect(new Set(uids.map(([, uid]) => uid))).toEqual(new Set(['$' + '{datasource}']));
  });
});
