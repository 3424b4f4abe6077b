/**
 * Search tokens of names: an array column under an inverted index holds them, a query looks for the same.
 *
 * A trigram index cannot find a name of two characters, so a Chinese name is indexed by its full form, its
 * bigrams, its characters, and its readings: the whole name, the given name, the syllables and the initials in
 * toneless pinyin. A Latin name is indexed by its words, lower-case and without accents; trigrams over
 * `foldName` find misspelt ones. Traditional and simplified forms (張偉, 张伟) meet on their reading.
 *
 * Every token starts with its kind, so that kinds do not collide: 安 the character, "an" the syllable, "an"
 * the word and "an" the initials are four tokens.
 */
import { isHan, nameReadings, splitChineseName } from './chinese-names.js';

/** Most selective first. */
export const tokenKinds = ['full', 'pinyin', 'bigram', 'word', 'initials', 'syllable', 'character'] as const;
export type TokenKind = (typeof tokenKinds)[number];
export type QueryToken = { token: string; kind: TokenKind };

/** What is indexed of one customer at most: names are few and short, and a hostile one costs no more. */
export const nameTokensMax = 160;
const NAMES_MAX = 12;
const CHARACTERS_MAX = 200;
const HAN_MAX = 40;
const WORDS_MAX = 16;
const WORD_CHARACTERS_MAX = 40;

const PREFIXES: Record<TokenKind, string> = {
  full: 'f:',
  pinyin: 'p:',
  bigram: 'b:',
  word: 'w:',
  initials: 'i:',
  syllable: 's:',
  character: 'c:',
};

// Latin letters that do not decompose into a letter and a mark.
const LETTERS: Record<string, string> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ħ: 'h',
  ı: 'i',
  ŋ: 'ng',
};

// Finals as typed without tones; what it lets through beyond Mandarin finds nothing and costs nothing.
const SYLLABLE =
  /^(?:[zcs]h|[b-df-hj-np-tw-z])?(?:ang?|ai|ao|a|eng?|ei|er|e|iang?|iao|ia|ie|ing?|iong|iu|i|ong|ou|o|uang?|uai|ua|ue|ui|un|uo|u|ve?|yue?)$/;

function folded(text: string): string {
  const marksGone = text
    .normalize('NFKD')
    .toLowerCase()
    .replace(/(?<=[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}]\p{M}*)\p{M}/gu, '')
    .normalize('NFC');
  return marksGone.replace(/[ßæœøłđðþħıŋ]/gu, (letter) => LETTERS[letter] ?? letter);
}

/** A name's Chinese characters in order, and its other words, folded. Joins what an apostrophe splits. */
export function splitName(name: string): { han: string[]; words: string[] } {
  // Before folding, which makes an accent standing alone a space.
  const text = folded(name.slice(0, CHARACTERS_MAX).replace(/['’‘ʼ`´]/gu, ''));
  const runs = text.match(/\p{Script=Han}|(?:(?!\p{Script=Han})[\p{L}\p{N}]\p{M}*)+/gu) ?? [];
  const words = runs
    .filter((run) => !isHan(run))
    .map((word) => [...word].slice(0, WORD_CHARACTERS_MAX).join(''));
  return { han: runs.filter(isHan).slice(0, HAN_MAX), words: words.slice(0, WORDS_MAX) };
}

/** The Latin (and other alphabetic) part of a name for trigrams: folded words, one space between them. */
export function foldName(text: string): string {
  return splitName(text).words.join(' ');
}

/** ä, ö, ü are also written ae, oe, ue. */
function umlautWords(name: string): string[] {
  const composed = name.slice(0, CHARACTERS_MAX).normalize('NFKC').toLowerCase();
  if (!/[äöü]/.test(composed)) return [];
  return splitName(composed.replace(/[äöü]/g, (letter) => ({ ä: 'ae', ö: 'oe', ü: 'ue' })[letter] ?? letter))
    .words;
}

type Add = (kind: TokenKind, text: string) => void;

function addHan(add: Add, han: string[]): void {
  if (han.length === 0) return;
  add('full', han.join(''));
  for (const [position, character] of han.entries()) {
    add('character', character);
    const next = han[position + 1];
    if (next !== undefined) add('bigram', character + next);
  }
}

function addReadings(add: Add, han: string[]): void {
  const { family } = splitChineseName(han);
  for (const reading of nameReadings(han)) {
    add('pinyin', reading.join(''));
    if (reading.length > family.length + 1) add('pinyin', reading.slice(family.length).join(''));
    if (reading.length > 1) add('initials', reading.map((syllable) => syllable.charAt(0)).join(''));
    for (const syllable of reading) add('syllable', syllable);
  }
}

/** The tokens under which a customer of these names is found: distinct, at most `nameTokensMax`. */
export function nameTokens(names: readonly string[]): string[] {
  const tokens = new Set<string>();
  const add: Add = (kind, text) => {
    if (tokens.size < nameTokensMax) tokens.add(PREFIXES[kind] + text);
  };
  for (const name of names.slice(0, NAMES_MAX)) {
    const { han, words } = splitName(name);
    if (words.length > 0) add('full', words.join(''));
    for (const word of [...words, ...umlautWords(name)]) add('word', word);
    addHan(add, han);
    if (han.length > 0 && words.length > 0) add('full', han.join('') + words.join(''));
    addReadings(add, han);
  }
  return [...tokens];
}

/** What was typed in Latin letters may be the reading of a Chinese name, in either order of family and given. */
function addTypedPinyin(add: Add, words: string[]): void {
  const [first = '', ...others] = words;
  const last = words.at(-1) ?? '';
  if (words.length === 0 || words.some((word) => !/^[a-z]+$/.test(word))) return;
  add('pinyin', words.join(''));
  if (words.length > 1) {
    add('pinyin', last + words.slice(0, -1).join(''));
    add('pinyin', others.join('') + first);
  }
  for (const word of words) if (SYLLABLE.test(word)) add('syllable', word);
  if (words.length === 1 && first.length >= 2 && first.length <= 5) add('initials', first);
}

/**
 * The tokens to look for, most selective kind first. A customer that has one of them is a candidate, whose
 * rank another core decides; where there are too many, the first kinds are the ones to keep.
 */
export function queryTokens(text: string): QueryToken[] {
  const found = new Map<string, TokenKind>();
  const add: Add = (kind, value) => void found.set(PREFIXES[kind] + value, kind);
  const { han, words } = splitName(text);
  addHan(add, han);
  if (words.length > 0) add('full', han.join('') + words.join(''));
  for (const word of [...words, ...umlautWords(text)]) add('word', word);
  if (han.length === 0) addTypedPinyin(add, words);
  for (const reading of nameReadings(han).slice(0, 2)) {
    const { family } = splitChineseName(han);
    const joined = reading.join('');
    add('pinyin', joined + (words.every((word) => SYLLABLE.test(word)) ? words.join('') : ''));
    for (const syllable of reading) add('syllable', syllable);
    // Another system may have recorded the same person in Latin letters, in either order.
    add('full', joined);
    add('full', [...reading.slice(family.length), ...reading.slice(0, family.length)].join(''));
  }
  const order = (kind: TokenKind) => tokenKinds.indexOf(kind);
  return [...found].map(([token, kind]) => ({ token, kind })).sort((a, b) => order(a.kind) - order(b.kind));
}
