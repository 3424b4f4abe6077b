/**
 * Whether two names may be one customer's, as evidence in bits (see `duplicates`).
 *
 * Chinese names: the same characters weigh by their number, since two characters are shared by thousands and
 * the long name of an organization by none; characters of the same reading (张伟, 张玮, 張偉) are how a name heard
 * or typed by sound is misspelt; the same family name before another given name is no likeness. Latin names
 * are compared word by word, in any order. Names in different scripts meet on their reading, in either order
 * of family and given name, and where they do not, nothing follows.
 */
import { characterReadings, nameReadings } from './chinese-names.js';
import { splitName } from './name-tokens.js';
import { jaroWinkler, withinOneEdit } from './string-similarity.js';

export type NameComparison = {
  code:
    | 'name_same'
    | 'name_reordered'
    | 'name_contained'
    | 'name_homophone'
    | 'name_romanised'
    | 'name_similar'
    | 'family_name_same'
    | 'name_differs';
  weight: number;
};

type Split = ReturnType<typeof splitName>;

const NAMES_MAX = 12;

const WEIGHTS = {
  hanSame: (length: number) => (length >= 5 ? 13 : length >= 3 ? 10 : length === 2 ? 8 : 2),
  latinSame: (words: number) => (words >= 2 ? 10 : 6),
  latinReordered: 9.5,
  latinJoined: 9,
  contained: 7,
  similar: 6,
  romanised: 6,
  homophone: 5,
  lessSimilar: 3,
  hanReordered: 3,
  /** As heavy as another name: relatives share the family name, and with it phones and sometimes birthdays. */
  hanFamilyNameSame: -7,
  hanDiffers: -7,
  /** Given names are shortened and translated. */
  latinFamilyNameSame: -4,
  latinDiffers: -6,
} as const;

const isSame = (a: readonly string[], b: readonly string[]) => a.join(' ') === b.join(' ');
const inOrder = (parts: readonly string[]) => [...parts].sort();

/** Whether each character can be read as its counterpart is. */
export function soundsAlike(a: readonly string[], b: readonly string[]): boolean {
  return (
    a.length === b.length &&
    a.every((character, at) => {
      const other = b[at] ?? '';
      return (
        character === other || characterReadings(character).some((r) => characterReadings(other).includes(r))
      );
    })
  );
}

function compareHan(a: readonly string[], b: readonly string[]): NameComparison {
  const [short, long] = a.length <= b.length ? [a, b] : [b, a];
  if (isSame(a, b)) return { code: 'name_same', weight: WEIGHTS.hanSame(a.length) };
  if (short.length >= 4 && long.join('').includes(short.join(''))) {
    return { code: 'name_contained', weight: WEIGHTS.contained };
  }
  if (short.length >= 5 && withinOneEdit(a, b)) return { code: 'name_similar', weight: WEIGHTS.similar };
  if (soundsAlike(a, b)) return { code: 'name_homophone', weight: WEIGHTS.homophone };
  if (isSame(inOrder(a), inOrder(b))) return { code: 'name_reordered', weight: WEIGHTS.hanReordered };
  return a[0] === b[0]
    ? { code: 'family_name_same', weight: WEIGHTS.hanFamilyNameSame }
    : { code: 'name_differs', weight: WEIGHTS.hanDiffers };
}

function wordSimilarity(a: string, b: string): number {
  // An initial stands for any word that it begins.
  if ((a.length === 1 || b.length === 1) && a !== b && a[0] === b[0]) return 0.9;
  return jaroWinkler(a, b);
}

/** Each word by its best counterpart, seen from the side that is matched worse. */
function wordsSimilarity(a: readonly string[], b: readonly string[]): number {
  const from = (one: readonly string[], other: readonly string[]) =>
    one.reduce((sum, word) => sum + Math.max(...other.map((its) => wordSimilarity(word, its))), 0) /
    one.length;
  return Math.min(from(a, b), from(b, a));
}

function compareWords(a: readonly string[], b: readonly string[]): NameComparison {
  const [short, long] = a.length <= b.length ? [a, b] : [b, a];
  if (isSame(a, b)) return { code: 'name_same', weight: WEIGHTS.latinSame(a.length) };
  if (isSame(inOrder(a), inOrder(b))) return { code: 'name_reordered', weight: WEIGHTS.latinReordered };
  if (a.join('') === b.join('')) return { code: 'name_same', weight: WEIGHTS.latinJoined };
  if (short.length >= 2 && short.every((word) => long.includes(word))) {
    return { code: 'name_contained', weight: WEIGHTS.contained };
  }
  const similarity = wordsSimilarity(a, b);
  if (similarity >= 0.9) return { code: 'name_similar', weight: WEIGHTS.similar };
  if (similarity >= 0.85) return { code: 'name_similar', weight: WEIGHTS.lessSimilar };
  return a.at(-1) === b.at(-1) || a[0] === b[0]
    ? { code: 'family_name_same', weight: WEIGHTS.latinFamilyNameSame }
    : { code: 'name_differs', weight: WEIGHTS.latinDiffers };
}

function isReadingOf(han: readonly string[], words: readonly string[]): boolean {
  const lastFirst = [words.at(-1) ?? '', ...words.slice(0, -1)];
  const firstLast = [...words.slice(1), words[0] ?? ''];
  const typed = [words, lastFirst, firstLast].map((order) => order.join(''));
  return nameReadings(han).some((reading) => typed.includes(reading.join('')));
}

function compareSplit(a: Split, b: Split): NameComparison | undefined {
  if (a.han.length > 0 && b.han.length > 0) return compareHan(a.han, b.han);
  if (a.words.length > 0 && b.words.length > 0) return compareWords(a.words, b.words);
  const [han, words] = a.han.length > 0 ? [a.han, b.words] : [b.han, a.words];
  const meet = han.length > 0 && words.length > 0 && isReadingOf(han, words);
  return meet ? { code: 'name_romanised', weight: WEIGHTS.romanised } : undefined;
}

/** Heavier first; the code decides between equal weights, so that the order of the names does not. */
function isBetter(one: NameComparison, than: NameComparison | undefined): boolean {
  if (than === undefined || one.weight > than.weight) return true;
  return one.weight === than.weight && one.code < than.code;
}

/** The best that a name of one has to do with a name of the other; undefined where none can be compared. */
export function compareNames(a: readonly string[], b: readonly string[]): NameComparison | undefined {
  let best: NameComparison | undefined;
  const others = b.slice(0, NAMES_MAX).map((name) => splitName(name));
  for (const one of a.slice(0, NAMES_MAX).map((name) => splitName(name))) {
    for (const other of others) {
      const comparison = compareSplit(one, other);
      if (comparison !== undefined && isBetter(comparison, best)) best = comparison;
    }
  }
  return best;
}
