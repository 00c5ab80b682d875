import { describe, expect, it } from 'vitest';
import { meaningOf } from '../../../../shared/adapters/azureDevOps/answer.ts';

function failureOf(headers: object): unknown {
  const raw = { status: 401, headers: { 'content-type': 'text/html', ...headers }, text: '' };
  try {
    return meaningOf(raw, 'listing agents', true);
  } catch (error) {
    return error;
  }
}

describe('meaningOf', () => {
  const rows = [
    {
      name: 'reads the exception from the header where the body is a page',
      given: { 'x-tfs-serviceerror': "TF400813%3a+The+user+'x'+is+not+authorized" },
      want: "azureDevOps unauthorized (401) while listing agents: TF400813: The user 'x' is not authorized",
    },
    {
      name: 'takes a header that is not encoded as it is',
      given: { 'x-tfs-serviceerror': '100%' },
      want: 'azureDevOps unauthorized (401) while listing agents: 100%',
    },
    {
      name: 'says nothing where nothing is said',
      given: {},
      want: 'azureDevOps unauthorized (401) while listing agents',
    },
  ];
  it.each(rows)('$name', ({ given, want }) => {
    expect(failureOf(given)).toMatchObject({ kind: 'unauthorized', message: want });
  });
});
