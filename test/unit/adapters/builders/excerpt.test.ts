import { describe, expect, it } from 'vitest';
import { excerptOf } from '../../../../shared/adapters/builders/excerpt.ts';

describe('the end of a log', () => {
  const rows: readonly { name: string; given: string | readonly string[]; want: string | undefined }[] = [
    { name: 'is nothing where the log is empty', given: '\n  \n', want: undefined },
    { name: 'loses times and colours', given: '2026-01-05T08:00:00.1234567Z \u001b[31mboom\u001b[0m', want: 'boom' },
    { name: 'hides a bearer token', given: 'Authorization: Bearer abcdefghijkl', want: 'Authorization: Bearer ***' },
    {
      name: 'hides a password in a URL',
      given: 'git clone https://u:hunter2@host/x',
      want: 'git clone https://***@host/x',
    },
    {
      name: 'hides a signature',
      given: 'GET https://b/c?sv=2024&sig=a%2Fb&x=1',
      want: 'GET https://b/c?sv=***&sig=***&x=1',
    },
    {
      name: 'hides what is assigned to a secret word',
      given: 'PASSWORD="a b" token: abc',
      want: 'PASSWORD=*** token: ***',
    },
    { name: 'hides a JSON web token', given: 'got eyJhbGciOiJSUzI1NiJ9.eyJhIjoxfQ.c2ln', want: 'got ***' },
  ];
  it.each(rows)('$name', ({ given, want }) => expect(excerptOf(given)).toBe(want));

  it('is short, and is the end', () => {
    const text = excerptOf(Array.from({ length: 500 }, (_, index) => `${'x'.repeat(200)} ${index}`)) ?? '';
    expect(text.length).toBeLessThanOrEqual(2000);
    expect(text).toMatch(/ 499$/);
  });
});
