import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { getApp, partsOf } from '../../../shared/app.ts';
import { ConfigError } from '../../../shared/domain/errors.ts';

const config = `
installation: test
organisations:
  - { name: birch, url: "https://dev.azure.com/birch", licenceGroup: trees }
clusters:
  - { name: one, access: { kind: inCluster } }
templates:
  - { name: linux, image: "registry.example/agent@sha256:${'a'.repeat(64)}", agentVersion: 5.278.0 }
pools:
  - { organisation: birch, id: 7, name: linux, templates: [linux] }
  - { organisation: birch, id: 8, name: large, templates: [linux] }
hooks: { secret: { current: { environment: HOOK_NEW }, previous: { environment: HOOK_OLD } } }
`;

describe('partsOf', () => {
  let folder: string;
  const parts = (env: Record<string, string> = {}) => partsOf({ AzureWebJobsScriptRoot: folder, ...env });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mayfly-app-'));
    await writeFile(join(folder, 'mayfly.yaml'), config);
    await writeFile(join(folder, 'plain.yaml'), config.replace(/hooks:.*/, ''));
    await writeFile(join(folder, 'broken.yaml'), 'pools: []');
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('takes an empty setting and an unresolved vault reference for no secret', () => {
    const reference = '@Microsoft.KeyVault(SecretUri=https://vault.example/secrets/hook)';
    const known = ['', ' ', reference, 's'].map((value) => parts({ MAYFLY_HOOK_SECRET: value }).hookSecrets);
    expect(known.map((one) => one?.current.reveal())).toEqual([undefined, undefined, undefined, 's']);
  });

  it('reads the hook secrets from where the configuration says', async () => {
    const { current, previous } = await parts({ HOOK_NEW: 'new', HOOK_OLD: 'old' }).readHookSecrets();
    expect([current.reveal(), previous?.reveal()]).toEqual(['new', 'old']);
  });

  it('does without a previous secret', async () => {
    expect((await parts({ HOOK_NEW: 'new' }).readHookSecrets()).previous).toBeUndefined();
  });

  it('takes the settings for the last word where the configuration says nothing', async () => {
    const env = { MAYFLY_CONFIG: 'plain.yaml', MAYFLY_HOOK_SECRET: 's' };
    expect((await parts(env).readHookSecrets()).current.reveal()).toBe('s');
  });

  it('knows the pools, all of a licence group in one session', async () => {
    const { routes } = await parts().pools();
    expect(routes.map(({ poolId, session }) => [poolId, session])).toEqual([
      [7, 'trees'],
      [8, 'trees'],
    ]);
  });

  it('makes connections once as long as the configuration stays', async () => {
    const one = parts();
    expect(await one.pools()).toBe(await one.pools());
  });

  it('tells all that is wrong with a configuration and tries again', async () => {
    const one = parts({ MAYFLY_CONFIG: 'late.yaml' });
    await expect(one.pools()).rejects.toThrow(ConfigError);
    await writeFile(join(folder, 'late.yaml'), config);
    expect((await one.pools()).routes).toHaveLength(2);
    await expect(parts({ MAYFLY_CONFIG: 'broken.yaml' }).pools()).rejects.toThrow(ConfigError);
  });

  it('names the setting that is missing', async () => {
    await expect(parts().queue()).rejects.toThrow('ServiceBusConnection: must be set');
    const env = { ServiceBusConnection: 'Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=a;SharedAccessKey=YQ==' };
    await expect(parts(env).queue()).rejects.toThrow('MAYFLY_QUEUE: must be set');
  });

  it('sweeps each minute unless a setting says otherwise', async () => {
    const settings = [{}, { MAYFLY_SWEEP: '*/30 * * * * *' }];
    expect(await Promise.all(settings.map((env) => parts(env).sweepPeriodMs()))).toEqual([60_000, 30_000]);
  });
});

describe('getApp', () => {
  it('is one app a process', async () => {
    expect(await getApp()).toBe(await getApp());
  });
});
