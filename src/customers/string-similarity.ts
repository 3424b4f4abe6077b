/**
 * How alike two words are.
 *
 * Jaro-Winkler (Winkler, Proceedings of the Section on Survey Research Methods, ASA, 1990): the share of common
 * characters within half the longer word's length, less half the transposed ones, raised by a tenth of the rest
 * for each of up to four equal first characters. Edit distance after Levenshtein, 1966.
 */

function jaro(a: string, b: string): number {
  const reach = Math.max(Math.floor(Math.max(a.length, b.length) / 2) - 1, 0);
  const taken = new Set<number>();
  const commonOfA: string[] = [];
  for (let at = 0; at < a.length; at++) {
    for (let other = Math.max(0, at - reach); other <= Math.min(b.length - 1, at + reach); other++) {
      if (a[at] === b[other] && !taken.has(other)) {
        taken.add(other);
        commonOfA.push(a.charAt(at));
        break;
      }
    }
  }
  const common = commonOfA.length;
  if (common === 0) return 0;
  const commonOfB = [...taken].sort((x, y) => x - y).map((at) => b[at]);
  const transposed = commonOfA.filter((character, at) => character !== commonOfB[at]).length / 2;
  return (common / a.length + common / b.length + (common - transposed) / common) / 3;
}

/** From 0 to 1; 1 only for equal words, and the same in either order. */
export function jaroWinkler(a: string, b: string): number {
  if (a === b) return a === '' ? 0 : 1;
  // Which characters pair up can depend on the side one starts from: always start from the same.
  const similarity = a < b ? jaro(a, b) : jaro(b, a);
  let prefix = 0;
  while (prefix < 4 && prefix < a.length && a[prefix] === b[prefix]) prefix++;
  return similarity + prefix * 0.1 * (1 - similarity);
}

/** Whether one replacement, insertion or removal at most makes one sequence of the other. */
export function withinOneEdit(a: readonly string[], b: readonly string[]): boolean {
  const [short, long] = a.length <= b.length ? [a, b] : [b, a];
  if (long.length - short.length > 1) return false;
  let start = 0;
  while (start < short.length && short[start] === long[start]) start++;
  let end = 0;
  while (end < short.length - start && short[short.length - 1 - end] === long[long.length - 1 - end]) end++;
  return long.length - start - end <= 1;
}
