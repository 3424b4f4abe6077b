/**
 * How what was typed in a search meets a name. It may be the whole name, which is compared as in
 * `name-similarity`; or a part of it, as people search: the given name, two words of a firm, a reading in pinyin
 * (小明, xiaoming, ming), the initials of one (wxm), a word with a slip of the keyboard.
 *
 * A part says less than the whole: its weights order what was found, below every whole name that fits.
 */
import { nameReadings } from './chinese-names.js';
import { compareNames, type NameComparison, soundsAlike } from './name-similarity.js';
import { splitName } from './name-tokens.js';
import { jaroWinkler } from './string-similarity.js';

export type TypedComparison =
  | NameComparison
  | { code: 'name_part' | 'name_part_sound' | 'name_part_similar' | 'name_initials'; weight: number };

const WEIGHTS = {
  words: 4,
  /** Above another name that sounds like it. */
  characters: 5.5,
  /** All of them, elsewhere in the name. */
  scattered: 2,
  character: 1.5,
  sounds: 2,
  sound: 1,
  similar: 2.5,
  initials: 0.5,
} as const;

const similarFrom = 0.85;

type Split = ReturnType<typeof splitName>;

function hanPart(typed: readonly string[], name: readonly string[]): TypedComparison | undefined {
  if (name.join('').includes(typed.join(''))) {
    return { code: 'name_part', weight: typed.length > 1 ? WEIGHTS.characters : WEIGHTS.character };
  }
  if (typed.every((character) => name.includes(character))) {
    return { code: 'name_part', weight: WEIGHTS.scattered };
  }
  const sounds = name.some((_, at) => soundsAlike(typed, name.slice(at, at + typed.length)));
  const weight = typed.length > 1 ? WEIGHTS.sounds : WEIGHTS.sound;
  return sounds ? { code: 'name_part_sound', weight } : undefined;
}

function isRunOf(reading: readonly string[], typed: string): boolean {
  return reading.some((_, from) => {
    let run = '';
    for (let at = from; run.length < typed.length && at < reading.length; at++) run += reading[at];
    return run === typed;
  });
}

function readingPart(words: readonly string[], han: readonly string[]): TypedComparison | undefined {
  const typed = words.join('');
  const readings = nameReadings(han);
  if (readings.some((reading) => reading.includes(typed))) {
    return { code: 'name_part_sound', weight: WEIGHTS.sound };
  }
  const isPart = (reading: string[]) =>
    isRunOf(reading, typed) || words.every((word) => reading.includes(word));
  if (readings.some(isPart)) return { code: 'name_part_sound', weight: WEIGHTS.sounds };
  const isInitials = (reading: string[]) => reading.map((syllable) => syllable.charAt(0)).join('') === typed;
  return readings.some(isInitials) ? { code: 'name_initials', weight: WEIGHTS.initials } : undefined;
}

function wordsPart(typed: readonly string[], name: readonly string[]): TypedComparison | undefined {
  if (typed.every((word) => name.includes(word))) return { code: 'name_part', weight: WEIGHTS.words };
  const isLike = (word: string) => name.some((its) => jaroWinkler(word, its) >= similarFrom);
  return typed.every(isLike) ? { code: 'name_part_similar', weight: WEIGHTS.similar } : undefined;
}

function comparePart(typed: Split, name: Split): TypedComparison | undefined {
  if (typed.han.length > 0) return name.han.length > 0 ? hanPart(typed.han, name.han) : undefined;
  if (typed.words.length === 0) return undefined;
  const inWords = name.words.length > 0 ? wordsPart(typed.words, name.words) : undefined;
  return inWords ?? (name.han.length > 0 ? readingPart(typed.words, name.han) : undefined);
}

/** A word beside which the name has others is not like the whole name: johnson is no misspelt John Johnson. */
const isWhole = (comparison: NameComparison, typed: Split, name: Split) =>
  comparison.weight > 0 &&
  (comparison.code !== 'name_similar' || typed.han.length > 0 || typed.words.length >= name.words.length);

function compareOne(typed: string, name: string): TypedComparison | undefined {
  const comparison = compareNames([typed], [name]);
  if (
    comparison !== undefined &&
    comparison.weight > WEIGHTS.characters &&
    comparison.code !== 'name_similar'
  )
    return comparison;
  const [typedSplit, nameSplit] = [splitName(typed), splitName(name)];
  const part = comparePart(typedSplit, nameSplit);
  if (comparison === undefined || part === undefined) return part ?? comparison;
  return isWhole(comparison, typedSplit, nameSplit) && comparison.weight >= part.weight ? comparison : part;
}

/** The best that something typed has to do with one of the names: as a whole, or as a part of it. */
export function compareTyped(
  typed: readonly string[],
  names: readonly string[],
): TypedComparison | undefined {
  let best: TypedComparison | undefined;
  for (const one of typed) {
    for (const name of names) {
      const comparison = compareOne(one, name);
      if (comparison !== undefined && (best === undefined || comparison.weight > best.weight))
        best = comparison;
    }
  }
  return best;
}
