/** Which methods a path answers to, for 405 and `Allow`. */
import type { OperationRow } from './operation.js';

export function operationMethods(operations: readonly OperationRow[], path: string): string[] {
  const segments = path.split('/');
  const matching = operations.filter(({ path: pattern }) => {
    const parts = pattern.split('/');
    return (
      parts.length === segments.length &&
      parts.every((part, index) => part.startsWith('{') || part === segments[index])
    );
  });
  // `/customers/upsert` is not a customer of that id: the pattern with the fewest parameters is meant
  const parameters = ({ path: pattern }: OperationRow) => pattern.split('{').length;
  const fewest = Math.min(...matching.map(parameters));
  const methods = new Set<string>(
    matching.filter((row) => parameters(row) === fewest).map(({ method }) => method),
  );
  if (methods.has('GET')) methods.add('HEAD');
  return [...methods].sort();
}
