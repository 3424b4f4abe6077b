/** One answer in several media types: which of them a caller is given. */
import { DomainError } from '../errors.js';

const range = /^\s*([\w!#$%&'+.^`|~*-]+)\/([\w!#$%&'+.^`|~*-]+)\s*((?:;[^;]*)*)$/;
const quality = /;\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*(?:;|$)/i;

type Range = { type: string; subtype: string; weight: number };

function rangesOf(accept: string): Range[] {
  return accept.split(',').flatMap((part) => {
    const [, type = '', subtype = '', parameters = ''] = range.exec(part) ?? [];
    if (type === '') return [];
    const weight = Number(quality.exec(parameters)?.[1] ?? 1);
    return [{ type: type.toLowerCase(), subtype: subtype.toLowerCase(), weight }];
  });
}

/** How much a media type is wanted: the most exact range that it falls into says it; 0 is not at all. */
function weightOf(ranges: readonly Range[], mediaType: string): number {
  const [type, subtype] = mediaType.split('/');
  const fits = (one: Range, exactly: [string | undefined, string | undefined]) =>
    one.type === exactly[0] && one.subtype === exactly[1];
  const found =
    ranges.find((one) => fits(one, [type, subtype])) ??
    ranges.find((one) => fits(one, [type, '*'])) ??
    ranges.find((one) => fits(one, ['*', '*']));
  return found?.weight ?? 0;
}

/**
 * Of the media types on offer the one that `Accept` wants most, the first of them where it wants several alike, or says
 * nothing (RFC 9110, 12.5.1). Throws `not_acceptable` where it wants none.
 */
export function chooseType(accept: string | undefined, offered: readonly [string, ...string[]]): string {
  const ranges = rangesOf(accept ?? '');
  if (ranges.length === 0) return offered[0];
  let best: { mediaType: string; weight: number } | undefined;
  for (const mediaType of offered) {
    const weight = weightOf(ranges, mediaType);
    if (weight > (best?.weight ?? 0)) best = { mediaType, weight };
  }
  if (best !== undefined) return best.mediaType;
  const message = `must admit one of ${offered.join(', ')}`;
  throw new DomainError('not_acceptable', `Accept ${message}.`, {
    errors: [{ in: 'header', pointer: '/accept', code: 'not_acceptable', message }],
  });
}
