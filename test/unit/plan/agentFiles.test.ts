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

  it.each([
    {
      name: 'hosts and domains',
      bypass: ['.contoso.example', 'nexus', '10.0.0.4'],
      want: [
        String.raw`^https?://([^/@?#\\]+\.)?contoso\.example(:\d+)?([/?#]|$)`,
        String.raw`^https?://([^/@?#\\]+\.)?nexus(:\d+)?([/?#]|$)`,
        String.raw`^https?://([^/@?#\\]+\.)?10\.0\.0\.4(:\d+)?([/?#]|$)`,
      ],
    },
    { name: 'no range of addresses, for which there is no expression', bypass: ['10.0.0.0/8'], want: [] },
    { name: 'nothing', bypass: [], want: [] },
  ])('writes a proxy that is gone around for $name', ({ bypass, want }) => {
    const proxy = { url: 'http://proxy.contoso.example:3128', bypass };
    expect(buildAgentFiles(spec({ proxy }))).toMatchObject({
      '.proxy': 'http://proxy.contoso.example:3128\n',
      '.proxybypass': want.map((line) => `${line}\n`).join(''),
    });
  });

  it.each([
    { address: 'https://contoso.example/_apis', want: true },
    { address: 'http://packages.CONTOSO.example:8080/x', want: true },
    { address: 'https://notcontoso.example/', want: false },
    { address: 'https://contoso.example.evil.example/', want: false },
    { address: 'https://evil.example/?https://contoso.example/', want: false },
    { address: 'https://contoso.example?api-version=7.1', want: true },
    { address: 'https://a-b.dev.contoso.example', want: true },
    { address: 'https://evil.example?x=.contoso.example/', want: false },
    { address: 'https://evil.example#.contoso.example/', want: false },
    { address: String.raw`https://evil.example\.contoso.example/`, want: false },
    { address: 'https://contoso.example@evil.example/', want: false },
    { address: 'https://contoso.example:443@evil.example/', want: false },
    { address: 'https://contosoXexample/', want: false },
  ])('goes around it: $want for $address', ({ address, want }) => {
    const { '.proxybypass': lines = '' } = buildAgentFiles(
      spec({ proxy: { url: 'http://p', bypass: ['.contoso.example'] } }),
    );
    expect(new RegExp(lines.trim(), 'i').test(address)).toBe(want);
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
