import { describe, expect, test } from 'vitest';
import { DomainError } from '../../src/platform/errors.js';
import { chooseType } from '../../src/platform/http/representations.js';

const offered = ['application/json', 'application/x-ndjson', 'text/csv'] as const;

describe('the media type of an answer', () => {
  test.each([
    [undefined, 'application/json'],
    ['', 'application/json'],
    ['*/*', 'application/json'],
    ['text/csv', 'text/csv'],
    ['TEXT/CSV; charset=utf-8', 'text/csv'],
    ['text/*', 'text/csv'],
    ['text/csv, application/json', 'application/json'],
    ['application/json;q=0.5, text/csv;q=0.8', 'text/csv'],
    ['application/*;q=0.2, application/x-ndjson;q=0.9', 'application/x-ndjson'],
    // the most exact range counts, whatever the order
    ['*/*, application/json;q=0', 'application/x-ndjson'],
    ['text/html, application/xhtml+xml, */*;q=0.8', 'application/json'],
    ['nonsense', 'application/json'],
  ])('for %s it is %s', (accept, expected) => {
    expect(chooseType(accept, [...offered])).toBe(expected);
  });

  test.each(['image/png', 'application/json;q=0', 'text/csv;q=0.000, image/*'])(
    'nothing is on offer for %s',
    (accept) => {
      const refused = () => chooseType(accept, [...offered]);
      expect(refused).toThrow(DomainError);
      expect(refused).toThrow(/application\/json, application\/x-ndjson, text\/csv/);
    },
  );
});
