import { fileURLToPath } from 'node:url';
import { startAcrTasks } from '../../infra/local/azure/acrTasks.ts';
import { PipelineRuns } from '../../infra/local/azureDevOps/pipelineRuns.ts';
import { list } from '../../infra/local/kubernetes/object.ts';
import type { Workload } from '../../infra/local/kubernetes/podStory.ts';
import { loadManifests } from '../../infra/local/kubernetes/wire/manifests.ts';
import { VirtualClock } from '../../infra/local/world/clock.ts';
import { armRest } from '../../shared/adapters/azure/armRest.ts';
import { azureDevOpsRest } from '../../shared/adapters/azureDevOps/rest.ts';
import { acrTaskBuilder } from '../../shared/adapters/builders/acrTask.ts';
import { clusterBuildBuilder } from '../../shared/adapters/builders/clusterBuild.ts';
import { pipelineRunBuilder } from '../../shared/adapters/builders/pipelineRun.ts';
import { wireKubernetesApi } from '../../shared/adapters/kubernetes/wireApi.ts';
import { Secret } from '../../shared/domain/secret.ts';
import { buildImageJobManifest } from '../../shared/plan/manifestBuild.ts';
import { startTestAzureDevOps } from '../support/azureDevOpsServer.ts';
import { aClusterBuild } from '../support/clusterBuilds.ts';
import { startTestKubernetes } from '../support/kubernetesServer.ts';
import { imageBuilderContract } from './imageBuilder.contract.ts';

const log = ['Step 4/9 : RUN apt-get update', 'password=hunter2', 'E: Unable to locate package nodejs'];
const retry = { maxRetries: 0 };

imageBuilderContract('a run of a pipeline', { locks: false, excerpt: /Unable to locate package/ }, async () => {
  const clock = new VirtualClock();
  const pipelineRuns = new PipelineRuns(clock);
  const { world, server, url, faults, entraToken } = await startTestAzureDevOps({ clock, pipelineRuns });
  let outcome: 'succeeded' | 'failed' | 'never' = 'succeeded';
  pipelineRuns.define({
    id: 42,
    name: 'agent-image',
    project: world.addProject('Fabrikam'),
    parameters: ['agentVersion', 'tag', 'mayflyKey'],
    end: () => outcome,
    log,
  });
  const tokens = { getToken: () => Promise.resolve({ token: new Secret(entraToken), expiresAt: 0 }) };
  const builder = () => {
    const rest = azureDevOpsRest({ organisationUrl: url, credential: { kind: 'bearer', tokens }, retry, clock });
    return pipelineRunBuilder({ rest, project: 'Fabrikam', pipelineId: 42, branch: 'refs/heads/main', clock });
  };
  return {
    builder: builder(),
    racer: builder(),
    outcome: (end) => {
      outcome = end;
    },
    untilOver: () => clock.advance(120_000),
    strikeStart: (fault) => faults.add(fault, ({ verb }) => verb.startsWith('POST pipelines/')),
    strikeReads: (fault) => faults.add(fault, () => true, Number.POSITIVE_INFINITY),
    started: () => pipelineRuns.list().length,
    close: () => server.close(),
  };
});

imageBuilderContract('an ACR task', { locks: true, excerpt: /Unable to locate package/ }, async () => {
  const clock = new VirtualClock();
  const place = { subscriptionId: 's-1', resourceGroup: 'agents', registry: 'contoso' };
  const standIn = await startAcrTasks({ ...place, clock, accepts: (token) => token === 'arm-token' });
  standIn.runs.log = log;
  const tokens = { getToken: () => Promise.resolve({ token: new Secret('arm-token'), expiresAt: 0 }) };
  const builder = () =>
    acrTaskBuilder({
      ...place,
      arm: armRest({ tokens, endpoint: standIn.url, clock, retry }),
      request: {
        kind: 'dockerfile',
        context: 'https://git.example/agents.git#main:linux',
        dockerfile: 'Dockerfile',
        imageNames: ['agents/linux:stable'],
      },
    });
  return {
    builder: builder(),
    racer: builder(),
    outcome: (end) => {
      standIn.runs.end = end === 'never' ? 'never' : end === 'failed' ? 'Failed' : 'Succeeded';
    },
    untilOver: () => clock.advance(120_000),
    strikeStart: (fault) => standIn.faults.add(fault, ({ verb }) => verb === 'PUT'),
    strikeReads: (fault) => standIn.faults.add(fault, () => true, Number.POSITIVE_INFINITY),
    started: () => standIn.runs.list().length,
    close: () => standIn.close(),
  };
});

imageBuilderContract('a Job in a cluster', { locks: true, excerpt: /Unable to locate package/ }, async () => {
  const clock = new VirtualClock();
  let outcome: 'succeeded' | 'failed' | 'never' = 'succeeded';
  const builds = aClusterBuild();
  const namespaces = [builds.namespace];
  const workload: Workload = {
    run: async (context) => {
      const { killed } = context;
      context.print?.(`${log.join('\n')}\n`);
      if (outcome === 'never') await new Promise((resolve) => killed.addEventListener('abort', resolve));
      else await clock.sleep(30_000);
      return outcome === 'failed' ? 1 : 0;
    },
  };
  // Under the very Role that is shipped, and with nothing beside it.
  const rbac = loadManifests(fileURLToPath(new URL('../../infra/kubernetes/components/image-builds', import.meta.url)));
  const tokens = new Map([['builds-token', { user: 'mayfly', groups: ['mayfly-control-plane'] }]]);
  const cluster = await startTestKubernetes({ clock, namespaces, workload, rbac, tokens });
  const { url, faults, world } = cluster;
  const access = { kind: 'server', server: url, token: new Secret('builds-token') } as const;
  const builder = () =>
    clusterBuildBuilder({
      api: wireKubernetesApi(access, { retry }),
      namespace: builds.namespace,
      manifest: (order) => buildImageJobManifest(builds, order),
    });
  return {
    builder: builder(),
    racer: builder(),
    outcome: (end) => {
      outcome = end;
    },
    untilOver: () => clock.advance(120_000),
    strikeStart: (fault) => faults.add(fault, ({ verb }) => verb === 'create jobs'),
    strikeReads: (fault) => faults.add(fault, () => true, Number.POSITIVE_INFINITY),
    started: async () => list(world.list('jobs', builds.namespace).body, 'items').length,
    close: () => cluster.close(),
  };
});
