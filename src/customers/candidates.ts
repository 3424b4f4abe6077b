/**
 * Who may be meant: at most some hundreds of customers, found through indexes alone, whom a pure core then scores.
 * Each way to a customer is bounded by itself, so that a name that a hundred thousand share costs no more than
 * another, and does not push out who has the same phone.
 */
import { type SQL, sql } from 'drizzle-orm';
import { array, type Reader } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { foldName, type QueryToken, queryTokens, type TokenKind } from './name-tokens.js';

export type Criteria = {
  identifiers: readonly { scheme: string; index: string }[];
  /** blind indexes of phones and mail addresses */
  contacts: readonly string[];
  birthDate: string | undefined;
  names: readonly string[];
};

/** Conditions on `customers`: those that an index helps, and those on id, kind, status, branch and manager that none does. */
export type Among = { indexed: SQL; other: SQL };

/** `truncated`: the same evidence speaks for more of them. */
export type Candidates = { ids: string[]; truncated: boolean };

/** By each way, and of all. */
const candidatesMax = 200;
const candidatesOfAllMax = 500;
/** What is looked at for those conditions that no index helps. */
const rowsMax = 2000;
/** A bigram or a word that more share is no way by itself. */
const rareMax = 100;
/** Shorter ones have too few trigrams to be recognised by: in a bank of Latin names one in twenty would match. */
const misspeltLettersMin = 5;
const misspeltLettersMax = 40;

/**
 * A snapshot in which no table is read as a whole. For a name that many share, a scan that stops at the limit looks
 * cheap, and it reads a million rows where the caller may see none of them.
 */
export function throughIndexes<T>(ctx: Ctx, work: (reader: Reader) => Promise<T>): Promise<T> {
  return ctx.database.begin(async (tx) => {
    await tx.rows(sql`
      select set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true),
        set_config('pg_trgm.word_similarity_threshold', '0.5', true)`);
    return work(tx);
  }, 'repeatable read read only');
}

type Way = { condition: SQL; order?: SQL };
type Found = { ids: string[]; isCut: boolean };

const ofKind = (tokens: readonly QueryToken[], ...kinds: TokenKind[]) =>
  tokens.filter(({ kind }) => kinds.includes(kind)).map(({ token }) => token);

const hasAll = (tokens: readonly string[]): Way => ({
  condition: sql`customers.name_tokens @> ${array(tokens, 'text')}`,
});

/** The name as a whole, or all parts of it, wherever they stand. */
function exactWays(name: string): Way[] {
  const tokens = queryTokens(name);
  const syllables = ofKind(tokens, 'syllable');
  const words = new Set(foldName(name).split(' '));
  const isPinyin = ofKind(tokens, 'character').length === 0 && syllables.length === words.size;
  const parts = [ofKind(tokens, 'character', 'word'), isPinyin ? syllables : []];
  const wholes = ofKind(tokens, 'full', 'pinyin', 'initials').map((token) => [token]);
  return [...wholes, ...parts.filter((some) => some.length > 0)].map(hasAll);
}

const rareWays = (name: string): Way[] =>
  ofKind(queryTokens(name), 'bigram', 'word').map((token) => hasAll([token]));

function misspeltWays(name: string): Way[] {
  const letters = foldName(name).slice(0, misspeltLettersMax);
  if (letters.length < misspeltLettersMin) return [];
  return [
    {
      condition: sql`${letters} <% customers.name_folded`,
      order: sql`order by ${letters} <<-> customers.name_folded`,
    },
  ];
}

function certainWays({ identifiers, contacts, birthDate, names }: Criteria): Way[] {
  const keys = sql`unnest(${array(
    identifiers.map(({ scheme }) => scheme),
    'text',
  )}, ${array(
    identifiers.map(({ index }) => index),
    'text',
  )}) as wanted(scheme, value_index)`;
  const holders = sql`select customer_id from identifier_keys join ${keys} using (scheme, value_index)`;
  const anyToken = names.flatMap((name) => queryTokens(name).map(({ token }) => token));
  const namesake = names.length === 0 ? sql`` : sql`and customers.name_tokens && ${array(anyToken, 'text')}`;
  return [
    ...(identifiers.length === 0 ? [] : [{ condition: sql`customers.id in (${holders})` }]),
    ...contacts.map((index) => ({
      condition: sql`customers.id in (select customer_id from contact_points where value_index = ${index})`,
    })),
    ...(birthDate === undefined ? [] : [{ condition: sql`customers.birth_date = ${birthDate} ${namesake}` }]),
  ];
}

type FoundRow = { way: number; id: string; fits: boolean };

/** Goes all ways in one statement. The last row that a way looks at comes back even where it does not fit. */
async function goWays(reader: Reader, ways: readonly Way[], among: Among): Promise<Found[]> {
  if (ways.length === 0) return [];
  const queries = ways.map(
    ({ condition, order }, number) => sql`
      (select ${sql.raw(String(number))} as way, id, fits from (
        select customers.id, ${among.other} as fits, row_number() over () as number from (
          select id, kind, status, branch, manager from customers
          where ${condition} and ${among.indexed} ${order ?? sql``} limit ${rowsMax}) as customers) as looked_at
      where fits or number = ${rowsMax} limit ${candidatesMax + 1})`,
  );
  const rows = await reader.rows<FoundRow>(sql.join(queries, sql` union all `));
  return ways.map((_, number) => {
    const some = rows.filter((row) => row.way === number);
    const ids = some.filter(({ fits }) => fits).map(({ id }) => id);
    return { ids, isCut: some.length > candidatesMax || ids.length < some.length };
  });
}

const idsOf = (found: readonly Found[]) =>
  [...new Set(found.flatMap(({ ids }) => ids))].slice(0, candidatesOfAllMax);

/**
 * Finds them among the customers that the conditions admit. Only where these are fewer than `enough`, also by the
 * rarest parts of the names, and by names that are written much alike.
 */
export async function findCandidates(
  reader: Reader,
  criteria: Criteria,
  among: Among,
  enough: number,
): Promise<Candidates> {
  const { names } = criteria;
  const first = await goWays(reader, [...certainWays(criteria), ...names.flatMap(exactWays)], among);
  const truncated = first.some(({ isCut }) => isCut);
  if (truncated || idsOf(first).length >= enough) return { ids: idsOf(first), truncated };
  const rareOnes = names.flatMap(rareWays);
  const second = await goWays(reader, [...rareOnes, ...names.flatMap(misspeltWays)], among);
  const rare = second
    .slice(0, rareOnes.length)
    .filter(({ ids }) => ids.length <= rareMax)
    .sort((one, other) => one.ids.length - other.ids.length);
  return { ids: idsOf([...first, ...second.slice(rareOnes.length), ...rare]), truncated };
}

/** Those that the conditions admit, whoever they are. */
export async function findAny(reader: Reader, among: Among): Promise<Candidates> {
  const [found] = await goWays(reader, [{ condition: sql`true` }], among);
  return { ids: idsOf(found === undefined ? [] : [found]), truncated: found?.isCut === true };
}
