import { createSign, createVerify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readCredentials } from '../../../../infra/local/agent/credentials.ts';
import { publicKeyOf } from '../../../../infra/local/azureDevOps/wire/assertion.ts';
import { rsaAgentKeys } from '../../../../shared/adapters/azureDevOps/agentKeys.ts';
import { buildAgentFiles } from '../../../../shared/plan/agentFiles.ts';

const key = await rsaAgentKeys().generate();
const built = buildAgentFiles({
  agentName: 'mf-a',
  agentId: 12,
  poolId: 3,
  poolName: 'linux',
  serverUrl: 'http://127.0.0.1:1/org/',
  clientId: 'c0ffee',
  authorizationUrl: 'http://127.0.0.1:1/org/token',
  rsaParameters: key.rsaParameters,
  capabilities: { size: 'large', 'Agent.Version': '5.278.0', sum: '1=1' },
});
const files: Readonly<Record<string, string>> = {
  ...built,
  '.credentials_rsaparams': built['.credentials_rsaparams'].reveal(),
};

describe('readCredentials', () => {
  it('reads what the control plane built', () => {
    const { privateKey, ...rest } = readCredentials(files);
    expect(rest).toEqual({
      agentId: 12,
      agentName: 'mf-a',
      poolId: 3,
      serverUrl: 'http://127.0.0.1:1/org',
      clientId: 'c0ffee',
      authorizationUrl: 'http://127.0.0.1:1/org/token',
      oauthEndpointUrl: 'http://127.0.0.1:1/org/token',
      capabilities: { size: 'large', 'Agent.Version': '5.278.0', sum: '1=1' },
    });
    const signature = createSign('RSA-SHA256').update('text').sign(privateKey);
    expect(createVerify('RSA-SHA256').update('text').verify(publicKeyOf(key.publicKey), signature)).toBe(true);
  });

  it('takes a byte order mark and member names in any case, as config.sh and older agents write them', () => {
    const agent = `\uFEFF${files['.agent']?.replace('agentId', 'AgentId').replace('serverUrl', 'ServerURL')}`;
    expect(readCredentials({ ...files, '.agent': agent })).toMatchObject({ agentId: 12, agentName: 'mf-a' });
  });

  const broken: readonly { readonly name: string; readonly given: Record<string, string>; readonly want: RegExp }[] = [
    {
      name: 'an empty work folder',
      given: { '.agent': '{"agentId":1,"workFolder":""}' },
      want: /\.agent has no valid/,
    },
    { name: 'a PAT in the credentials', given: { '.credentials': '{"scheme":"PAT"}' }, want: /scheme/ },
    { name: 'text that is no JSON', given: { '.credentials': 'oops' }, want: /\.credentials is no JSON/ },
    {
      name: 'key components in another case',
      given: { '.credentials_rsaparams': files['.credentials_rsaparams']?.replace('"modulus"', '"Modulus"') ?? '' },
      want: /\.credentials_rsaparams has no valid modulus/,
    },
  ];
  it.each(broken)('is not configured by $name', ({ given, want }) => {
    expect(() => readCredentials({ ...files, ...given })).toThrow(want);
  });

  it('is not configured without a key file', () => {
    const { '.credentials_rsaparams': _, ...rest } = files;
    expect(() => readCredentials(rest)).toThrow('Not configured: there is no .credentials_rsaparams.');
  });
});
