/** A statement about a holding, checked and normalised, before anything is read or locked. */
import type { Definitions } from '../customers/definitions.js';
import { type PreparedReference, prepareReference } from '../customers/references.js';
import type { Bank } from '../platform/context.js';
import type { FieldProblem } from '../platform/errors.js';
import { newId } from '../platform/ids.js';
import { dateIn } from '../platform/instants.js';
import type { Keyring } from '../platform/secrets.js';
import type { BalanceStatement } from './balance-schemas.js';
import type { HoldingChange, HoldingFields } from './changes.js';
import { holdingNumberIndex, normaliseHoldingNumber } from './numbers.js';
import type { HoldingStatement, HoldingUpsertIn } from './schemas.js';
import type { PartyRole } from './vocabulary.js';

export type HoldingKey = { source: string; number: string; numberIndex: string };

export type PreparedParty = {
  id: string;
  customer: PreparedReference;
  role: PartyRole;
  share?: string | null;
  startsOn?: string | null;
  endsOn?: string | null;
};

/** All of a change but its parties, which name customers that are to be found yet. */
export type PreparedHolding = Omit<HoldingChange, 'parties' | 'recordedAt' | 'recordedDay'> & {
  parties: PreparedParty[] | undefined;
  onUnknown: 'reject' | 'create';
};

type World = { keyring: Keyring; bank: Bank; definitions: Definitions; now: string };

type PartyIn = NonNullable<HoldingStatement['parties']>[number];

const fieldNames = [
  'category',
  'product',
  'status',
  'status_reason',
  'currency',
  'opened_on',
  'closed_on',
  'balance',
  'balance_date',
] as const;

/** The normal form of an upsert, or every problem that it has. */
export function prepareHolding(
  world: World,
  input: HoldingUpsertIn,
): { key: HoldingKey; prepared: PreparedHolding; problems: FieldProblem[] } {
  const problems: FieldProblem[] = [];
  const { source } = input;
  const number = normaliseHoldingNumber(input.number);
  if (number === '') problems.push(at('/number', 'empty', 'must not be blank'));
  const numberIndex = holdingNumberIndex(world.keyring, source, number);
  const prepared = prepareChange(world, input, problems);
  return { key: { source, number, numberIndex }, prepared, problems };
}

/** The normal form of a balance of a known holding, or every problem that it has. */
export function prepareBalance(
  world: World,
  { source, number, business_date, balance, source_time }: BalanceStatement,
): ReturnType<typeof prepareHolding> {
  const stated = { balance, balance_date: business_date };
  const when = source_time === undefined ? {} : { source_time };
  return prepareHolding(world, { source, number, ...stated, ...when });
}

const at = (pointer: string, code: string, message: string): FieldProblem => ({
  in: 'body',
  pointer,
  code,
  message,
});

/** The normal form of what is said of a holding that is known by other means. */
export function prepareChange(
  world: World,
  input: HoldingStatement,
  problems: FieldProblem[],
  byHand = false,
): PreparedHolding {
  const sourceTime = input.source_time ?? world.now;
  const stated = fieldNames.filter((name) => input[name] !== undefined);
  return {
    fields: Object.fromEntries(stated.map((name) => [name, input[name]])) as Partial<HoldingFields>,
    attributes: input.attributes,
    parties: input.parties && prepareParties(world, input.parties, problems),
    sourceTime,
    sourceDay: dateIn(world.bank.timeZone, sourceTime),
    byHand,
    onUnknown: input.on_unknown ?? 'reject',
  };
}

function prepareParties(world: World, list: readonly PartyIn[], problems: FieldProblem[]): PreparedParty[] {
  const primary = list.filter((party) => party.role === 'primary_owner' && (party.ends_on ?? null) === null);
  if (primary.length > 1) {
    problems.push(at('/parties', 'several_primary_owners', 'a holding has one primary owner at a time'));
  }
  return list.flatMap((party, position) => {
    const made = prepareParty(world, party, `/parties/${position}`, problems);
    return made === undefined ? [] : [made];
  });
}

export function prepareParty(
  world: Pick<World, 'keyring' | 'definitions'>,
  party: PartyIn,
  pointer: string,
  problems: FieldProblem[],
): PreparedParty | undefined {
  const customer = prepareReference(world, party.customer, `${pointer}/customer`, problems);
  return customer && { id: newId(), customer, role: party.role, ...partyChange(party) };
}

export const partyChange = ({
  share,
  starts_on,
  ends_on,
}: Pick<PartyIn, 'share' | 'starts_on' | 'ends_on'>): Pick<
  PreparedParty,
  'share' | 'startsOn' | 'endsOn'
> => ({
  ...(share === undefined ? {} : { share }),
  ...(starts_on === undefined ? {} : { startsOn: starts_on }),
  ...(ends_on === undefined ? {} : { endsOn: ends_on }),
});
