/**
 * Chinese names: where the family name ends, and how the characters are read.
 *
 * A name starts with its family name, one character or one of the compound ones (百家姓). Many characters have
 * several readings, and some another one as a family name (单 Shan, 曾 Zeng, 仇 Qiu): the likely readings are
 * given, the likeliest first, in number bounded. Readings are toneless; ü is spelt v, and also yu as in
 * passports (GB/T 28039-2011) and u as where the dots are lost.
 */
import { pinyin } from 'pinyin-pro';

const COMPOUND_FAMILY_NAMES = new Set(
  (
    '欧阳 太史 端木 上官 司马 东方 独孤 南宫 万俟 闻人 夏侯 诸葛 尉迟 公羊 赫连 澹台 皇甫 宗政 濮阳 公冶 太叔 申屠 公孙 慕容 ' +
    '仲孙 钟离 长孙 宇文 司徒 鲜于 司空 闾丘 子车 亓官 司寇 巫马 公西 颛孙 壤驷 公良 漆雕 乐正 宰父 谷梁 拓跋 夹谷 轩辕 令狐 ' +
    '段干 百里 呼延 东郭 南门 羊舌 微生 公户 公玉 公仪 梁丘 公仲 公上 公门 公山 公坚 左丘 公伯 西门 公祖 第五 公乘 贯丘 公皙 ' +
    '南荣 东里 东宫 仲长 子书 子桑 即墨 淳于 单于 达奚 褚师 纳兰 完颜 耶律 叶赫 爱新 ' +
    '歐陽 東方 獨孤 南宮 萬俟 聞人 諸葛 尉遲 赫連 濮陽 公孫 仲孫 鍾離 長孫 鮮于 閭丘 顓孫 樂正 軒轅 澹臺 司馬'
  ).split(' '),
);

const READINGS_PER_CHARACTER_MAX = 4;
const READINGS_PER_NAME_MAX = 8;
// Longer ones are names of organizations: read in context, without other readings.
const PERSON_CHARACTERS_MAX = 6;

export function isHan(character: string): boolean {
  return /^\p{Script=Han}$/u.test(character);
}

/** `given` is empty where the text is a family name alone. */
export function splitChineseName(characters: readonly string[]): { family: string[]; given: string[] } {
  const length = COMPOUND_FAMILY_NAMES.has(characters.slice(0, 2).join('')) ? 2 : 1;
  return { family: characters.slice(0, length), given: characters.slice(length) };
}

/** ü is v, as it is typed. */
function read(text: string, mode: 'normal' | 'surname', multiple = false): string[] {
  const surname = mode === 'surname' ? ('head' as const) : ('off' as const);
  return pinyin(text, {
    type: 'array',
    toneType: 'none',
    v: true,
    toneSandhi: false,
    mode,
    surname,
    multiple,
  });
}

const isReading = (syllable: string | undefined) => syllable !== undefined && /^[a-z]+$/.test(syllable);

function spellings(reading: string): string[] {
  if (!/^[ln]v/.test(reading)) return [reading];
  return reading.endsWith('e')
    ? [reading, reading.replace('v', 'u')]
    : [reading, reading.replace('v', 'yu'), reading.replace('v', 'u')];
}

// Bounded by the number of Chinese characters there are.
const knownReadings = new Map<string, readonly string[]>();

/** The readings of a character, as a family name first; empty where it is not known. */
export function characterReadings(character: string): readonly string[] {
  const known = knownReadings.get(character);
  if (known !== undefined) return known;
  const all = isHan(character) ? [...read(character, 'surname'), ...read(character, 'normal', true)] : [];
  const readings = [...new Set(all.filter(isReading).flatMap(spellings))].slice(
    0,
    READINGS_PER_CHARACTER_MAX,
  );
  knownReadings.set(character, readings);
  return readings;
}

/** The likeliest reading of each character: the family name's as such, the others' in their context. */
function primaryReading(characters: readonly string[]): string[] {
  const inContext = read(characters.join(''), 'normal');
  const family =
    characters.length > PERSON_CHARACTERS_MAX ? '' : splitChineseName(characters).family.join('');
  const asFamily = read(family, 'surname');
  // Where the characters have no reading of their own as a family name, the context knows better (重庆).
  const isSpecial = String(asFamily) !== String(read(family, 'normal'));
  return characters.map((character, position) => {
    const likely =
      (isSpecial ? asFamily[position] : undefined) ??
      (inContext.length === characters.length ? inContext[position] : undefined);
    return likely !== undefined && isReading(likely) ? likely : (characterReadings(character)[0] ?? '');
  });
}

/**
 * The likely readings of a name, one syllable a character, the likeliest first: beside the first reading those
 * in which one character is read otherwise. Empty where a character has no known reading.
 */
export function nameReadings(characters: readonly string[]): string[][] {
  const primary = characters.length === 0 ? [''] : primaryReading(characters);
  if (primary.includes('')) return [];
  const readings = [primary];
  if (characters.length > PERSON_CHARACTERS_MAX) return readings;
  for (const [position, character] of characters.entries()) {
    for (const other of characterReadings(character)) {
      if (other !== primary[position]) readings.push(primary.with(position, other));
    }
  }
  return readings.slice(0, READINGS_PER_NAME_MAX);
}
