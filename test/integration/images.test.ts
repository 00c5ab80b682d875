/**
 * Images as the configuration puts them together: builder, agent packages, registry, control maps and what is pulled
 * ahead, each over its own socket, by the adapters that are deployed.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PipelineRuns } from '../../infra/local/azureDevOps/pipelineRuns.ts';
import { list, text } from '../../infra/local/kubernetes/object.ts';
import { type RegistryStandIn, startRegistry } from '../../infra/local/registry/server.ts';
import { VirtualClock } from '../../infra/local/world/clock.ts';
import { parseConfig } from '../../shared/config/parseConfig.ts';
import { poolPolicies } from '../../shared/config/poolPolicies.ts';
import { type CredentialSources, poolPartsOf } from '../../shared/connections.ts';
import { hoursMs, minutesMs } from '../../shared/domain/instant.ts';
import { Secret } from '../../shared/domain/secret.ts';
import { type Images, imagePartsOf, imagesOver } from '../../shared/images.ts';
import type { Log } from '../../shared/ports.ts';
import { startTestAzureDevOps, type TestAzureDevOps } from '../support/azureDevOpsServer.ts';
import { aConfigText, aTemplateDocument } from '../support/configText.ts';
import { adminToken, agentNamespace, startTestKubernetes, type TestKubernetes } from '../support/kubernetesServer.ts';

const log: Log = { write: () => undefined };
const repository = 'agents/linux';

let clock: VirtualClock;
let azureDevOps: TestAzureDevOps<VirtualClock>;
let kubernetes: TestKubernetes<VirtualClock>;
let registry: RegistryStandIn;
let runs: PipelineRuns;
let images: Images;

/** A run pushes an image with what it was told as soon as it has started. */
const pushes = (parameters: Readonly<Record<string, string>>): string =>
  registry.store.push(repository, parameters['tag'] ?? '', {
    labels: { 'dev.mayfly.agent-version': parameters['agentVersion'] ?? '' },
    content: JSON.stringify(parameters),
  });

beforeEach(async () => {
  // A Saturday: the build of the week before was due on Sunday.
  clock = new VirtualClock(Date.UTC(2026, 10, 21, 10));
  runs = new PipelineRuns(clock);
  azureDevOps = await startTestAzureDevOps({ clock, pipelineRuns: runs, agentPackages: ['4.261.0', '4.260.0'] });
  kubernetes = await startTestKubernetes({ clock, namespaces: [agentNamespace, 'mayfly-image-builds'] });
  registry = await startRegistry({ clock });
  runs.define({
    id: 42,
    name: 'agent-image',
    project: azureDevOps.world.addProject('Platform'),
    parameters: ['mayflyKey', 'tag', 'agentVersion', 'flavour'],
    end: ({ templateParameters }) => {
      pushes(templateParameters);
      return 'succeeded';
    },
  });
  images = imagesOf({});
});

afterEach(async () => {
  await Promise.all([azureDevOps.server.close(), kubernetes.close(), registry.close()]);
});

const sourcesOf = (): CredentialSources => ({
  tokens: () => ({ getToken: async () => ({ token: new Secret(azureDevOps.entraToken), expiresAt: Infinity }) }),
  readSecret: async () => new Secret(adminToken),
  clock,
});

function imagesOf(fields: object): Images {
  const image = {
    name: 'linux',
    repository: `${registry.host}/${repository}`,
    agentPackage: 'linux-x64',
    parameters: { flavour: 'plain' },
    prePull: true,
    builder: { kind: 'pipeline', organisation: 'contoso', project: 'Platform', pipeline: 42, runsOn: 'hosted' },
    ...fields,
  };
  const access = { kind: 'token', server: kubernetes.url, environment: 'TOKEN' };
  const document = {
    organisations: [{ name: 'contoso', url: azureDevOps.url }],
    clusters: [{ name: 'primary', access }],
    templates: [aTemplateDocument({ image: { name: 'linux' } })],
    images: [image],
  };
  const config = parseConfig(aConfigText(document), 'mayfly.yaml', {});
  const policies = poolPolicies(config);
  const sources = sourcesOf();
  const { cluster } = poolPartsOf(config, policies, sources);
  return imagesOver(imagePartsOf({ config, policies, cluster, sources }));
}

/** As the queue would: the next look when it was asked for. */
async function follow(looks: number): Promise<void> {
  for (let look = 0; look < looks; look++) {
    const nextLookAt = await images.look(log);
    if (nextLookAt === undefined) return;
    await clock.advance(nextLookAt - clock.now());
  }
}

describe('a configured image', () => {
  it('is built by its pipeline with what it is to be made of, once a week', async () => {
    await follow(5);
    expect(runs.list().map(({ templateParameters }) => templateParameters)).toEqual([
      {
        mayflyKey: expect.stringMatching(/^test-linux-2026-W\d\d$/),
        tag: 'stable',
        agentVersion: '4.261.0',
        flavour: 'plain',
      },
    ]);
    await clock.advance(hoursMs(1));
    await follow(2);
    expect(runs.list()).toHaveLength(1);
  });

  it('is tried by its digest, with the version that its label tells', async () => {
    await follow(5);
    const digest = registry.store.manifest(repository, 'stable')?.digest;
    expect(await images.states()).toMatchObject([
      {
        image: 'linux',
        known: true,
        candidate: { digest, version: '4.261.0', proven: '0 of 1' },
        build: { state: 'done' },
      },
    ]);
  });

  it('is built anew on demand, under another key', async () => {
    await follow(5);
    expect(await images.ask('linux', 'build')).toBe('asked');
    await follow(5);
    const keys = runs.list().map(({ templateParameters }) => templateParameters['mayflyKey']);
    expect([keys.length, new Set(keys).size]).toEqual([2, 2]);
  });

  it('is pulled ahead once it is in force', async () => {
    await follow(5);
    const digest = registry.store.manifest(repository, 'stable')?.digest ?? '';
    const pulled = () => list(kubernetes.world.list('daemonsets', agentNamespace).body, 'items');
    expect(pulled()).toEqual([]);
    const control = await kubernetes.call('GET', `/api/v1/namespaces/${agentNamespace}/configmaps/mayfly-pool-1`);
    const { data } = (await control.json()) as { readonly data: Readonly<Record<string, string>> };
    const key = Object.keys(data).find((each) => each.endsWith('.candidate')) ?? '';
    const moved = { [key.replace('candidate', 'inForce')]: `${digest} since=2026-11-21T10:00:00Z`, [key]: null };
    await kubernetes.call(
      'PATCH',
      `/api/v1/namespaces/${agentNamespace}/configmaps/mayfly-pool-1`,
      { data: moved },
      {
        headers: { 'content-type': 'application/merge-patch+json' },
      },
    );
    await images.look(log);
    const container = list(pulled()[0] ?? {}, 'spec', 'template', 'spec', 'containers')[0];
    expect(text(container ?? {}, 'image')).toBe(`${registry.host}/${repository}@${digest}`);
  });

  it('is built by a Job of the cluster where the configuration says so', async () => {
    const byDigest = `registry.contoso.example/x@sha256:${'a'.repeat(64)}`;
    images = imagesOf({
      builder: {
        kind: 'cluster',
        cluster: 'primary',
        engineImage: byDigest,
        toolsImage: byDigest,
        context: { git: 'https://git.example/agents' },
        dockerConfig: 'docker-config',
      },
    });
    await images.look(log);
    await clock.advance(minutesMs(1));
    const [job] = list(kubernetes.world.list('jobs', 'mayfly-image-builds').body, 'items');
    expect(text(job ?? {}, 'metadata', 'name')).toMatch(/^mf-build-test-linux-2026-w\d\d-[0-9a-z]{8}$/);
    expect(await images.states()).toMatchObject([{ build: { state: 'running' } }]);
  });
});
