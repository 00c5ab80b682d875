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
    ...(
      [
        ['AZURE_CLIENT_SECRET=abc123 next', 'AZURE_CLIENT_SECRET=*** next'],
        ['export NPM_TOKEN="abc 1"', 'export NPM_TOKEN=***'],
        ['clientSecret: abc123', 'clientSecret: ***'],
        ['"registryPassword": "abc"', '"registryPassword": ***'],
        ['docker login -u mayfly --password abc123 host', 'docker login -u mayfly --password *** host'],
        ['login --client-secret=abc123 x', 'login --client-secret=*** x'],
        ['AccountName=x;AccountKey=aGVsbG8=;EndpointSuffix=y', 'AccountName=x;AccountKey=***;EndpointSuffix=y'],
        ['Endpoint=sb://x/;SharedAccessKey=aGVsbG8=', 'Endpoint=sb://x/;SharedAccessKey=***'],
        ['AWS_SECRET_ACCESS_KEY=abc/def', 'AWS_SECRET_ACCESS_KEY=***'],
        [`got ghp_${'a1'.repeat(18)}!`, 'got ***!'],
        [`got github_pat_${'a1'.repeat(30)}`, 'got ***'],
        [`fetching with ${'a'.repeat(52)} failed`, 'fetching with *** failed'],
        [`fetching with ${'a1B2'.repeat(18)}JQQJ99AAAAAA failed`, 'fetching with *** failed'],
        ['https://token@dev.azure.com/x', 'https://***@dev.azure.com/x'],
        ['x-api-key: abc', 'x-api-key: ***'],
        ['Authorization: token abc123', 'Authorization: ***'],
        [`sha256:${'a'.repeat(64)} is there`, `sha256:${'a'.repeat(64)} is there`],
        [`commit ${'0123456789'.repeat(4)}`, `commit ${'0123456789'.repeat(4)}`],
        ['tokens: 12 and a secretary', 'tokens: 12 and a secretary'],
      ] as const
    ).map(([given, want]) => ({ name: `makes of ${given.slice(0, 40)} ${want.slice(0, 40)}`, given, want })),
    {
      name: 'hides what is left of a private key whose begin was cut off',
      given: 'MIIEpAIBAAKCAQEA\nabc\n-----END PRIVATE KEY-----\ny',
      want: '***\ny',
    },
    {
      name: 'hides a private key',
      given: 'x\n-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\nabc\n-----END RSA PRIVATE KEY-----\ny',
      want: 'x\n***\ny',
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
