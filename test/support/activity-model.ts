/** What activities come to, by the definition: all that was taken, looked at from its end, whatever its order was. */
export type Message = {
  id: string;
  version: number;
  customer: number;
  type: string;
  hour: number;
  /** whole units; null: none */
  amount: number | null;
  foreign: boolean;
  reverses: { id: string; amount: number | null } | null;
};

export type Row = {
  id: string;
  version: number;
  customer: number;
  state: 'current' | 'superseded' | 'reversed' | 'reversal';
  reporting: number | null;
  reversed: number | null;
  supersededBy: number | null;
};

const contentOf = ({ version: _, ...content }: Message) => JSON.stringify(content);

/** Each content once, with its highest version; by id, the highest first. */
function contentsById(messages: readonly Message[]): Map<string, Message[]> {
  const contents = new Map<string, Message>();
  for (const one of messages) {
    const known = contents.get(contentOf(one));
    if (known === undefined || known.version < one.version) contents.set(contentOf(one), one);
  }
  const byId = new Map<string, Message[]>();
  for (const one of contents.values()) byId.set(one.id, [...(byId.get(one.id) ?? []), one]);
  for (const list of byId.values()) list.sort((a, b) => b.version - a.version);
  return byId;
}

export function expectedRows(messages: readonly Message[]): Row[] {
  const byId = contentsById(messages);
  const stands = [...byId.values()].map((list) => list[0] as Message);
  const reversalsOf = (id: string) => stands.filter((one) => one.reverses?.id === id);

  /** how much of it is reversed, and whether all is; `path` holds a circle, which takes nothing */
  const reversed = (one: Message, base: number | null): { all: boolean; amount: number } => {
    let amount = 0;
    let all = false;
    for (const reversal of reversalsOf(one.id)) {
      const own = (reversal.reverses as { amount: number | null }).amount ?? base;
      const back = reversed(reversal, own);
      amount += own === null ? 0 : own - back.amount;
      all ||= reversal.reverses?.amount === null && !back.all;
    }
    amount = Math.min(amount, base ?? 0);
    return { all: (base ?? 0) > 0 ? amount === base : all, amount };
  };
  const baseOf = (one: Message): number | null => {
    if (one.reverses === null) return one.amount;
    if (one.reverses.amount !== null) return one.reverses.amount;
    const original = byId.get(one.reverses.id)?.[0];
    return original === undefined ? null : baseOf(original);
  };
  const isInCircle = (one: Message): boolean => {
    const seen = new Set<string>();
    for (let at: Message | undefined = one; at?.reverses != null; at = byId.get(at.reverses.id)?.[0]) {
      if (seen.has(at.id)) return true;
      seen.add(at.id);
    }
    return false;
  };

  return [...byId.values()].flatMap((list) =>
    list.map((one, place): Row => {
      const { id, version, customer } = one;
      const reporting = one.foreign ? null : one.amount;
      const row = { id, version, customer, reporting, reversed: null, supersededBy: null };
      if (place > 0) return { ...row, state: 'superseded', supersededBy: list[0]?.version ?? null };
      const { all, amount } = isInCircle(one) ? { all: false, amount: 0 } : reversed(one, baseOf(one));
      const part = { ...row, reversed: amount === 0 ? null : amount };
      if (one.reverses !== null) return { ...part, state: all ? 'reversed' : 'reversal' };
      return {
        ...part,
        state: all ? 'reversed' : 'current',
        reporting: reporting === null ? null : all ? 0 : reporting - amount,
      };
    }),
  );
}
