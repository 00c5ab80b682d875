import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildFunctions, entryPath } from '../../../infra/build.ts';
import { type ColdLoad, forbiddenPackages, loadCold, packagesIn } from '../../support/coldStart.ts';

/** The least that a configuration may say; the queue of the settings below is never there. */
const config = `
installation: test
organisations:
  - { name: birch, url: "https://dev.azure.com/birch" }
clusters:
  - { name: one, access: { kind: inCluster } }
templates:
  - { name: linux, image: "registry.example/agent@sha256:${'a'.repeat(64)}", agentVersion: 5.278.0 }
pools:
  - { organisation: birch, id: 7, name: linux, templates: [linux] }
`;

describe('the built entry', () => {
  let directory: string;
  let metafile: Metafile;
  let load: ColdLoad;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mayfly-build-'));
    metafile = await buildFunctions(directory);
    load = await loadCold(join(directory, entryPath));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it('registers every function', () => {
    expect(load.functions.toSorted()).toEqual([
      'explain',
      'health',
      'healthDetails',
      'hook',
      'images',
      'rebuildImage',
      'rebuildImages',
      'reconcilePool',
      'rollbackImage',
      'rotateOnDemand',
      'rotateOnVaultEvent',
      'rotateTokens',
      'sweep',
    ]);
  });

  it('loads no SDK, no zod and no yaml before the first call', () => {
    expect(forbiddenPackages(metafile, load)).toEqual([]);
  });

  it('holds the registering library itself, so that nothing beside the build is needed', () => {
    expect(packagesIn(metafile, load.files)).toContain('@azure/functions');
  });

  it('loads Service Bus and no other SDK for a hook', async () => {
    await writeFile(join(directory, 'mayfly.yaml'), config);
    const { answer, files } = await loadCold(join(directory, entryPath), {
      headers: { 'x-mayfly-secret': 's' },
      settings: {
        AzureWebJobsScriptRoot: directory,
        MAYFLY_HOOK_SECRET: 's',
        MAYFLY_QUEUE: 'intents',
        ServiceBusConnection:
          'Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=a;SharedAccessKey=YQ==;UseDevelopmentEmulator=true;',
      },
    });
    expect(answer).toEqual({ status: 503, jsonBody: { outcome: 'unwell', reason: 'notEnqueued' } });
    const packages = packagesIn(metafile, files);
    expect(packages).toContain('@azure/service-bus');
    const others = ['@azure/identity', '@azure/keyvault-secrets', '@kubernetes/client-node', 'azure-devops-node-api'];
    expect([...packages].filter((name) => others.includes(name) || name === 'undici')).toEqual([]);
  });
});
