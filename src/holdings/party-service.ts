/** Operations on the parties of a holding. The holding's version guards them. */
import type { Static } from 'typebox';
import { type Ctx, today } from '../platform/context.js';
import { brokenRules, type FieldProblem } from '../platform/errors.js';
import { type PreparedParty, partyChange, prepareChange, prepareParty } from './preparation.js';
import type { HoldingPartyIn, HoldingPartyPatch } from './schemas.js';
import { type HoldingValue, worldOf, writeHolding } from './service.js';

/** Adds a party. A primary owner takes the holding over, and the former one ends. */
export async function addParty(
  ctx: Ctx,
  holdingId: string,
  input: Static<typeof HoldingPartyIn>,
): Promise<HoldingValue> {
  return writeHolding(ctx, async (tx) => {
    const problems: FieldProblem[] = [];
    const world = await worldOf(tx, ctx);
    const party = prepareParty(world, input, '', problems);
    if (party === undefined || problems.length > 0) throw brokenRules(problems);
    return {
      key: { holdingId: holdingId.toLowerCase() },
      partiesMode: 'add',
      prepared: { ...prepareChange(world, {}, [], true), parties: [party] },
    };
  });
}

type Change = Pick<PreparedParty, 'share' | 'startsOn' | 'endsOn'>;

async function changeParty(
  ctx: Ctx,
  ids: { id: string; party_id: string },
  versions: number[] | undefined,
  change: Change,
): Promise<HoldingValue> {
  return writeHolding(ctx, async (tx) => ({
    key: { holdingId: ids.id.toLowerCase() },
    versions,
    partyChange: { partyId: ids.party_id.toLowerCase(), ...change },
    prepared: prepareChange(await worldOf(tx, ctx), {}, [], true),
  }));
}

/** Changes share and dates of a party. */
export const patchParty = (
  ctx: Ctx,
  ids: { id: string; party_id: string },
  versions: number[] | undefined,
  patch: Static<typeof HoldingPartyPatch>,
): Promise<HoldingValue> => changeParty(ctx, ids, versions, partyChange(patch));

/** Ends a party as of today. It is kept. */
export const endParty = (
  ctx: Ctx,
  ids: { id: string; party_id: string },
  versions: number[] | undefined,
): Promise<HoldingValue> => changeParty(ctx, ids, versions, { endsOn: today(ctx) });
