/** What no linter knows: where time comes from, who reads the environment, who ends the process, how long code may get. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const sources = new Map(
  readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .sort()
    .map((name) => {
      const text = readFileSync(path.join(root, 'src', name), 'utf8');
      return [name, ts.createSourceFile(name, text, ts.ScriptTarget.ES2023, true)] as const;
    }),
);

type Find = (node: ts.Node, file: ts.SourceFile) => string | undefined;

/** Where something stands: `file:line what`. */
function findAll(find: Find): string[] {
  const found: string[] = [];
  for (const [name, file] of sources) {
    const visit = (node: ts.Node): void => {
      const what = find(node, file);
      if (what !== undefined) found.push(`${name}:${lineOf(file, node.getStart(file))} ${what}`);
      ts.forEachChild(node, visit);
    };
    visit(file);
  }
  return found;
}

const lineOf = (file: ts.SourceFile, position: number) =>
  file.getLineAndCharacterOfPosition(position).line + 1;
const except = (found: string[], allowed: Record<string, string>) =>
  found.filter((line) => allowed[line.slice(0, line.indexOf(':'))] === undefined);

describe('time comes through the context', () => {
  /** who may ask the machine, and what for: what a moved sandbox clock must not move */
  const realClock: Record<string, string> = {
    'platform/clock.ts': 'it is the clock',
    'platform/ids.ts': 'the time that a UUIDv7 begins with',
    'platform/postmaster.ts': 'how long another process may take',
    'demo/days.ts': 'a client: it makes up days that are past',
  };
  const readersOfTheRealClock: Record<string, string> = {
    'platform/clock.ts': 'the clock itself',
    'platform/api-keys.ts': 'expiry of keys',
    'platform/http/callers.ts': 'health, which asks nothing of the database',
    'platform/http/security-headers.ts': 'until when security.txt is valid',
    'platform/key-administration.ts': 'overlap of secrets',
    'platform/key-issuing.ts': 'overlap of secrets',
    'platform/key-use.ts': 'when keys were used',
    'platform/self-tokens.ts': 'expiry of tokens',
    'self-service/service.ts': 'expiry of tokens',
    'platform/provider-keys.ts': 'age of the keys of the OpenID provider',
    'platform/idempotency.ts': 'age of replay records',
    'platform/housekeeping.ts': 'age of replay records',
    'segments/leases.ts': 'leases',
    'imports/claims.ts': 'leases',
  };

  test('nothing asks the machine for it', () => {
    const found = findAll((node, file) => {
      const text = node.getText(file);
      if (ts.isNewExpression(node) && text.startsWith('new Date') && (node.arguments?.length ?? 0) === 0)
        return text;
      if (
        ts.isCallExpression(node) &&
        /^(Date\.now|Date|Temporal\.Now\.\w+)$/.test(node.expression.getText(file))
      )
        return text;
      return undefined;
    });
    expect(except(found, realClock)).toEqual([]);
  });

  test('only what runs in real time reads the real clock', () => {
    const found = findAll((node) =>
      ts.isIdentifier(node) && node.text === 'realNow' ? 'realNow' : undefined,
    );
    expect(except(found, readersOfTheRealClock)).toEqual([]);
  });

  test('nor does a statement', () => {
    const asked =
      /\b(now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday)\s*\(|\b(current_date|current_time|current_timestamp|localtime|localtimestamp)\b|'(now|today|yesterday|tomorrow)'::/i;
    const found = findAll((node) =>
      isText(node) && asked.test(node.text) ? JSON.stringify(asked.exec(node.text)?.[0]) : undefined,
    );
    expect(found).toEqual([]);
    for (const name of readdirSync(path.join(root, 'migrations')).filter((file) => file.endsWith('.sql'))) {
      const statements = readFileSync(path.join(root, 'migrations', name), 'utf8').replaceAll(/--.*$/gm, '');
      expect(asked.exec(statements)?.[0], name).toBeUndefined();
    }
  });
});

const isText = (node: ts.Node): node is ts.LiteralLikeNode =>
  ts.isStringLiteral(node) ||
  ts.isNoSubstitutionTemplateLiteral(node) ||
  ts.isTemplateHead(node) ||
  ts.isTemplateMiddle(node) ||
  ts.isTemplateTail(node);

describe('the process belongs to few', () => {
  const uses = (pattern: RegExp) =>
    findAll((node, file) => {
      if (!ts.isPropertyAccessExpression(node)) return undefined;
      const text = node.getText(file);
      return pattern.test(text) ? text : undefined;
    });

  test('the environment is read once', () => {
    const found = uses(/^process\.env$/);
    expect(
      except(found, {
        'main.ts': 'hands it to the configuration',
        'demo/main.ts': 'a client, not the service',
      }),
    ).toEqual([]);
  });

  test('only commands end it or hear signals', () => {
    const found = uses(/^process\.(exit|exitCode|on|once|abort|kill)$/);
    const allowed = {
      'main.ts': 'the commands',
      'demo/main.ts': 'a command of its own',
      'platform/embedded.ts': 'a process that exits without a stop still tells its database',
      'platform/postmaster.ts': 'asks whether the postmaster of a former run lives, and ends it',
      'platform/process-lock.ts': 'asks whether the holder of a lock lives',
    };
    expect(except(found, allowed)).toEqual([]);
  });

  test('nothing is written to the console but by commands', () => {
    const allowed = {
      'main.ts': 'usage',
      'processes.ts': 'where it answers, and the first key',
      'tools.ts': 'commands that print',
    };
    const found = uses(/^console\.\w+$/).filter((line) => !line.startsWith('demo/'));
    expect(except(found, allowed)).toEqual([]);
  });
});

describe('code stays short', () => {
  const linesOf = (file: ts.SourceFile) => file.getLineStarts().length;

  test('files have at most 400 lines, half of them about 100 or less', () => {
    const lengths = [...sources].map(([name, file]) => ({ name, lines: linesOf(file) }));
    expect(lengths.filter(({ lines }) => lines > 400)).toEqual([]);
    const sorted = lengths.map(({ lines }) => lines).sort((a, b) => a - b);
    expect(sorted[Math.floor(sorted.length / 2)]).toBeLessThanOrEqual(100);
  });

  test('functions have at most 70 lines, but declarations of routes', () => {
    const found = findAll((node, file) => {
      if (!ts.isFunctionLike(node) || !('body' in node) || node.body === undefined) return undefined;
      const lines = lineOf(file, node.getEnd()) - lineOf(file, node.getStart(file)) + 1;
      const name = node.name?.getText(file) ?? 'anonymous';
      return lines > 70 && !/Routes$/.test(name) ? `${name}: ${lines} lines` : undefined;
    });
    expect(found).toEqual([]);
  });

  test('names are in kebab case', () => {
    const odd = [...sources.keys()].filter(
      (name) => !/^([a-z0-9]+(-[a-z0-9]+)*\/)*[a-z0-9]+(-[a-z0-9]+)*\.ts$/.test(name),
    );
    expect(odd).toEqual([]);
  });

  test('there are no classes but errors, no default exports, no enums', () => {
    const found = findAll((node, file) => {
      if (ts.isClassLike(node)) {
        const parent = node.heritageClauses?.[0]?.types[0]?.expression.getText(file);
        return parent !== undefined && /(Error|Transform)$/.test(parent)
          ? undefined
          : `class ${node.name?.text}`;
      }
      if (ts.isExportAssignment(node)) return 'export default';
      return ts.isEnumDeclaration(node) ? `enum ${node.name.text}` : undefined;
    });
    expect(found).toEqual([]);
  });

  test('a file that is longer than a moment says what it is for', () => {
    const silent = [...sources].filter(([name, file]) => {
      if (/(schemas|routes|examples|index)\.ts$/.test(name) || linesOf(file) < 30) return false;
      return !/\/\*\*/.test(file.text);
    });
    expect(silent.map(([name]) => name)).toEqual([]);
  });
});
