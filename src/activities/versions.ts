/**
 * What a source says under one key, in whatever order its messages come. Each content counts once, with the highest
 * version that it came with; the one of the highest version stands, the others gave way to it. Other content under
 * the version of a known one contradicts it and is refused, so which content stands follows from what was taken,
 * not from its order.
 */
export type Content = {
  activityId: string;
  customerId: string;
  occurredAt: string;
  /** of all but the customer */
  contentHash: string;
  version: number;
};

/** A message. One that names a holding alone stays the same when the holding gets another owner. */
export type Stated = Content & { byHolding: boolean };

/** superseded: recorded or brought back beside other content under the same key, of which the higher version stands */
export type Settled =
  | { outcome: 'accepted' | 'superseded' | 'duplicate'; activityId: string }
  | { outcome: 'conflict' };

export const isSame = (known: Content, stated: Stated): boolean =>
  known.contentHash === stated.contentHash && (known.customerId === stated.customerId || stated.byHolding);

/** The content that stands. */
export const standing = <T extends Content>(contents: readonly T[]): T | undefined =>
  contents.reduce<T | undefined>(
    (highest, one) => (highest === undefined || one.version > highest.version ? one : highest),
    undefined,
  );

/** Takes a message into the contents of its key: adds it, or moves the version of what it repeats. */
export function settle(contents: Content[], stated: Stated): Settled {
  const same = contents.find((one) => isSame(one, stated));
  if (same !== undefined && stated.version <= same.version) {
    return { outcome: 'duplicate', activityId: same.activityId };
  }
  if (contents.some((one) => one !== same && one.version === stated.version)) return { outcome: 'conflict' };
  if (same === undefined) {
    contents.push(stated);
    return { outcome: contents.length === 1 ? 'accepted' : 'superseded', activityId: stated.activityId };
  }
  const stood = standing(contents) === same;
  same.version = stated.version;
  const stands = standing(contents) === same;
  return { outcome: stands && !stood ? 'superseded' : 'duplicate', activityId: same.activityId };
}
