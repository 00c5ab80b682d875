import { describe, expect, it } from 'vitest';
import { azureDevOpsPackages } from '../../../../shared/adapters/azureDevOps/packages.ts';
import { azureDevOpsRest } from '../../../../shared/adapters/azureDevOps/rest.ts';
import { Secret } from '../../../../shared/domain/secret.ts';
import { answering, impatientClock, type Scripted, startServer } from '../theServer.ts';

const ofVersion = (text: string, platform = 'linux-x64') => {
  const [major, minor, patch] = text.split('.').map(Number);
  return { type: 'agent', platform, version: { major, minor, patch }, downloadUrl: 'https://download.example/x' };
};

async function newest(script: Scripted): Promise<readonly [string | undefined, string]> {
  await using server = await startServer();
  server.respond(answering(script));
  const tokens = { getToken: () => Promise.resolve({ token: new Secret('t'), expiresAt: 0 }) };
  const credential = { kind: 'bearer', tokens } as const;
  const rest = azureDevOpsRest({ organisationUrl: `${server.url}/contoso`, credential, clock: impatientClock() });
  const version = await azureDevOpsPackages(rest).newest('linux-x64');
  return [version, `${server.asked[0]?.path}?${server.asked[0]?.query.toString()}`];
}

describe('the newest agent package', () => {
  it('is the highest version, by number, of the platform', async () => {
    const value = [ofVersion('4.99.1'), ofVersion('4.260.0'), ofVersion('5.0.0', 'win-x64'), ofVersion('4.259.9')];
    expect(await newest({ body: { count: 4, value } })).toEqual([
      '4.260.0',
      '/contoso/_apis/distributedtask/packages/agent?platform=linux-x64&%24top=5&api-version=7.1',
    ]);
  });

  it('is none where there is none', async () => {
    expect(await newest({ body: { count: 0, value: [] } })).toEqual([undefined, expect.any(String)]);
  });

  it('is unknown where the answer is no list of packages', async () => {
    const body = { count: 1, value: [{ platform: 'linux-x64', version: '4.260.0' }] };
    await expect(newest({ body })).rejects.toMatchObject({ kind: 'unexpected' });
  });
});
