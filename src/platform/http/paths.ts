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
  const methods = new Set<string>(matching.map(({ method }) => method));
  if (methods.has('GET')) methods.add('HEAD');
  return [...methods].sort();
}
