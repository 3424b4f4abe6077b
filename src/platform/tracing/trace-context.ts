/** `traceparent` of W3C Trace Context: version, trace, what led to this, and whether it is recorded. */

export type TraceContext = { traceId: string; parentId: string; flags: number };

/** A later version may say more at its end; version ff, and ids of zeros, are none. */
const pattern = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

export function parseTraceparent(text: string): TraceContext | undefined {
  const [, version, traceId, parentId, flags, more] = pattern.exec(text) ?? [];
  if (traceId === undefined || parentId === undefined || flags === undefined) return undefined;
  if (version === '00' && more !== undefined) return undefined;
  return { traceId, parentId, flags: Number.parseInt(flags, 16) };
}

/** In the version of ours, which has two flags. */
export function traceparentOf({ traceId, parentId, flags }: TraceContext): string {
  return `00-${traceId}-${parentId}-${(flags & 3).toString(16).padStart(2, '0')}`;
}

export const isRecorded = (traceparent: string): boolean => /[13]$/.test(traceparent);
