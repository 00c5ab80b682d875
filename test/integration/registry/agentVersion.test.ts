/** From mayfly.yaml to a registered agent, with Azure DevOps, a cluster and a registry over real sockets. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RegistryStandIn, startRegistry } from '../../../infra/local/registry/server.ts';
import { VirtualClock } from '../../../infra/local/world/clock.ts';
import { parseConfig } from '../../../shared/config/parseConfig.ts';
import { poolPolicies } from '../../../shared/config/poolPolicies.ts';
import { poolPartsOf } from '../../../shared/connections.ts';
import { Secret } from '../../../shared/domain/secret.ts';
import { poolsOver } from '../../../shared/pools.ts';
import type { Log, LogFields } from '../../../shared/ports.ts';
import { startTestAzureDevOps, type TestAzureDevOps } from '../../support/azureDevOpsServer.ts';
import { aClusterDocument, aConfigText, anOrganisationDocument, aPoolDocument } from '../../support/configText.ts';
import { controlPlaneToken, startTestKubernetes, type TestKubernetes } from '../../support/kubernetesServer.ts';

const poolId = 7;
const clock = new VirtualClock();
let ado: TestAzureDevOps<VirtualClock>;
let kubernetes: TestKubernetes<VirtualClock>;
let registry: RegistryStandIn;
let told: { readonly event: string; readonly fields: LogFields }[];
let images: { readonly linux: string; readonly java: string };

const labelled = (version: string) => ({ content: version, labels: { 'dev.mayfly.agent-version': version } });

beforeEach(async () => {
  ado = await startTestAzureDevOps({ clock });
  kubernetes = await startTestKubernetes({ clock });
  registry = await startRegistry({
    access: { kind: 'token', accounts: { mayfly: 'registry-password' } },
    redirectsBlobs: true,
    clock,
  });
  ado.world.addPool({ id: poolId, name: 'linux' });
  images = {
    linux: registry.store.push('agents/linux', '2026.47', labelled('4.281.0')),
    java: registry.store.push('agents/java', '21', labelled('4.270.1')),
  };
  told = [];
});

afterEach(() => Promise.all([ado.close(), kubernetes.close(), registry.close()]));

const log: Log = { write: (_, event, fields = {}) => told.push({ event, fields }) };

function document(template: object = {}): string {
  const credential = { kind: 'basic', username: 'mayfly', environment: 'REGISTRY' };
  return aConfigText({
    organisations: [anOrganisationDocument({ url: ado.url, credential: { kind: 'pat', environment: 'PAT' } })],
    clusters: [aClusterDocument({ access: { kind: 'token', server: kubernetes.url, environment: 'CLUSTER' } })],
    registries: [{ host: registry.host, credential }],
    allowedRepositories: [`${registry.host}/agents/*`],
    templates: [
      {
        name: 'linux',
        image: `${registry.host}/agents/linux@${images.linux}`,
        allowTags: true,
        parameters: { image: { java: `${registry.host}/agents/java:21` } },
        ...template,
      },
    ],
    pools: [aPoolDocument({ id: poolId, registration: 'jit' })],
  });
}

/** A process with that configuration; each call is one pass over the pool. */
function aControlPlane(template: object = {}): () => Promise<void> {
  const secrets: Readonly<Record<string, string>> = {
    PAT: ado.pat,
    CLUSTER: controlPlaneToken,
    REGISTRY: 'registry-password',
  };
  const config = parseConfig(document(template), 'mayfly.yaml');
  const parts = poolPartsOf(config, poolPolicies(config), {
    tokens: () => ({ getToken: () => Promise.reject(new Error('nobody has an identity here')) }),
    readSecret: async ({ name }) => new Secret(secrets[name] ?? ''),
    clock,
  });
  const pools = poolsOver(parts);
  return async () => {
    const target = await pools.find('contoso', poolId);
    await target?.reconcile({ cause: 'sweep', correlationId: 'c', deadlineAt: clock.now() + 60_000 }, log);
  };
}

interface Registered {
  readonly name: string;
  readonly version: string;
}

async function agents(): Promise<readonly Registered[]> {
  const response = await ado.call('GET', `_apis/distributedtask/pools/${poolId}/agents`);
  return ((await response.json()) as { readonly value: readonly Registered[] }).value;
}

const versionsOf = async (isPlaceholder: boolean): Promise<readonly string[]> =>
  (await agents()).filter(({ name }) => name.includes('-p-') === isPlaceholder).map(({ version }) => version);

interface Job {
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: readonly { readonly image: string }[] } };
  };
}

async function imagesOfJobs(): Promise<readonly (string | undefined)[]> {
  const response = await kubernetes.call('GET', '/apis/batch/v1/namespaces/mayfly-agents/jobs');
  const { items } = (await response.json()) as { readonly items: readonly Job[] };
  return items.map(({ spec }) => spec.template.spec.containers[0]?.image);
}

describe('the version that an agent is registered with', () => {
  it('is that of its image, also where a request chose another one', async () => {
    const pass = aControlPlane();
    await pass();
    expect(await versionsOf(true)).toEqual(['4.281.0']);
    ado.world.queueJob({ poolId, demands: ['Agent.Version -gtVersion 4.280.0'] });
    await pass();
    expect(await versionsOf(false)).toEqual(['4.281.0']);
    ado.world.queueJob({ poolId, demands: ['mayfly.image.java'] });
    await pass();
    expect((await versionsOf(false)).toSorted()).toEqual(['4.270.1', '4.281.0']);
    expect(await imagesOfJobs()).toEqual([
      `${registry.host}/agents/linux@${images.linux}`,
      `${registry.host}/agents/java@${images.java}`,
    ]);
  });

  it('is not guessed where the registry does not tell it', async () => {
    await aControlPlane()();
    const refusing = registry.faults.add({ kind: 'status', status: 403 }, () => true, Number.POSITIVE_INFINITY);
    ado.world.queueJob({ poolId });
    const fresh = aControlPlane();
    await fresh();
    expect(await versionsOf(false)).toEqual([]);
    const reasons = told.filter(({ event }) => event === 'request.skipped').map(({ fields }) => fields['reason']);
    expect(reasons).toEqual(['agentVersionUnknown']);
    expect(told.map(({ event }) => event)).toContain('alarm.agentVersionUnknown');
    refusing();
    await clock.advance(60_000);
    await fresh();
    expect(await versionsOf(false)).toEqual(['4.281.0']);
    expect(JSON.stringify(told)).not.toContain('registry-password');
  });

  const noLabel = 'it has no label dev.mayfly.agent-version';
  const noVersion = 'the label dev.mayfly.agent-version is no version';
  it.each([
    { name: 'no label', label: undefined, agentVersion: undefined, want: [], says: noLabel },
    { name: 'no label, but the template says', label: undefined, agentVersion: '5.278.0', want: ['5.278.0'] },
    { name: 'a label that lies', label: 'latest', agentVersion: undefined, want: [], says: noVersion },
    { name: 'an empty label', label: '', agentVersion: undefined, want: [], says: noVersion },
    { name: 'a label that lies, but the template says', label: 'v5', agentVersion: '5.278.0', want: ['5.278.0'] },
  ])('is told or not known where an image has $name', async ({ label, agentVersion, want, says }) => {
    const labels = label === undefined ? {} : { 'dev.mayfly.agent-version': label };
    const digest = registry.store.push('agents/odd', '1', { content: 'odd', labels });
    const image = `${registry.host}/agents/odd@${digest}`;
    const pass = aControlPlane({ image, parameters: {}, ...(agentVersion !== undefined && { agentVersion }) });
    await pass();
    ado.world.queueJob({ poolId });
    await pass();
    expect(await versionsOf(false)).toEqual(want);
    const alarms = told
      .filter(({ event }) => event === 'alarm.agentVersionUnknown')
      .map(({ fields }) => fields['detail']);
    expect(alarms.map((detail) => says !== undefined && String(detail).includes(says))).not.toContain(false);
    expect(alarms.length > 0).toBe(says !== undefined);
  });
});
