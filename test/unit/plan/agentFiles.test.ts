import { describe, expect, it } from 'vitest';
import { Secret } from '../../../shared/domain/secret.ts';
import { type AgentFilesSpec, agentServerUrl, buildAgentFiles } from '../../../shared/plan/agentFiles.ts';

const rsaParameters = new Secret('{"d":"private"}');

const spec = (overrides: Partial<AgentFilesSpec> = {}): AgentFilesSpec => ({
  agentName: 'mf-test-abcd-7-1001-1',
  agentId: 501,
  poolId: 7,
  poolName: 'linux',
  serverUrl: 'https://dev.azure.com/contoso/',
  clientId: '11111111-2222-3333-4444-555555555555',
  authorizationUrl: 'https://vstoken.dev.azure.com/tenant',
  rsaParameters,
  capabilities: { node: '22', docker: '' },
  ...overrides,
});

describe('buildAgentFiles', () => {
  it('writes what config.sh leaves behind', () => {
    const files = buildAgentFiles(spec());
    expect({
      ...files,
      '.agent': JSON.parse(files['.agent']),
      '.credentials': JSON.parse(files['.credentials']),
    }).toEqual({
      '.agent': {
        agentId: 501,
        agentName: 'mf-test-abcd-7-1001-1',
        poolId: 7,
        poolName: 'linux',
        serverUrl: 'https://dev.azure.com/contoso/',
        workFolder: '/mayfly/work',
      },
      '.credentials': {
        scheme: 'OAuth',
        data: {
          clientId: '11111111-2222-3333-4444-555555555555',
          authorizationUrl: 'https://vstoken.dev.azure.com/tenant',
          oauthEndpointUrl: 'https://vstoken.dev.azure.com/tenant',
        },
      },
      '.credentials_rsaparams': rsaParameters,
      '.capabilities': 'docker=\nnode=22\n',
    });
  });

  it('shows no private key when printed', () => {
    expect(JSON.stringify(buildAgentFiles(spec()))).not.toContain('private');
  });

  it.each([
    { name: 'a line feed in a value', capabilities: { a: 'x\nAgent.Name=other' } },
    { name: 'a carriage return in a value', capabilities: { a: 'x\rb=c' } },
    { name: 'an equals sign in a name', capabilities: { 'a=b': 'c' } },
    { name: 'a space in a name', capabilities: { 'a b': 'c' } },
    { name: 'an empty name', capabilities: { '': 'c' } },
  ])('refuses $name', ({ capabilities }) => {
    expect(() => buildAgentFiles(spec({ capabilities }))).toThrow(RangeError);
  });
});

describe('agentServerUrl', () => {
  const configured = 'https://ado.internal.example:8443/contoso';
  it.each([
    { name: 'keeps what is configured when none is registered', given: undefined, want: configured },
    { name: 'keeps what is configured when the answer is no URL', given: 'nonsense', want: configured },
    {
      name: 'adopts the path alone',
      given: 'https://dev.azure.com/contoso-renamed/',
      want: 'https://ado.internal.example:8443/contoso-renamed/',
    },
  ])('$name', ({ given, want }) => {
    expect(agentServerUrl(configured, given)).toBe(want);
  });
});
