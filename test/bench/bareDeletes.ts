/**
 * The deletions at the end of an agent job without a control plane: the agent, its Secret, its Job. Plain fetch against the
 * same doors, for three objects that exist for this alone.
 */
import { list, text } from '../../infra/local/kubernetes/object.ts';
import { localSecrets } from '../../infra/local/start/localSettings.ts';
import type { JsonObject, JsonValue } from '../../shared/domain/json.ts';
import { type Bench, namespace, poolId } from './benchSystem.ts';

const devOpsHeaders = {
  accept: 'application/json;api-version=7.1',
  authorization: `Basic ${Buffer.from(':local-admin').toString('base64')}`,
  'content-type': 'application/json',
};
const clusterHeaders = { authorization: `Bearer ${localSecrets.kubernetesToken}`, 'content-type': 'application/json' };

const podsIn = ({ system: { cluster } }: Bench): readonly JsonObject[] =>
  list(cluster.list('pods', namespace).body, 'items').map((item) => item as JsonObject);

const hasBegun = (pod: JsonObject): boolean => text(pod, 'status', 'phase') !== 'Pending';

type Method = 'GET' | 'PATCH' | 'DELETE';
type Headers = Readonly<Record<string, string>>;

async function send(method: Method, url: string, headers: Headers, body?: JsonValue): Promise<void> {
  const answer = await fetch(url, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) });
  await answer.text();
  if (!answer.ok) throw new Error(`the bare ${method} of ${url} was answered ${answer.status}`);
}

const name = 'bare-deletion';

const pod = {
  restartPolicy: 'Never',
  terminationGracePeriodSeconds: 0,
  containers: [{ name: 'agent', image: 'registry.contoso.example/none:1' }],
};

/** Without our marks: no pass looks at it. The pod needs no agent to come to its end. */
function make({ system }: Bench): number {
  const { cluster, devOps } = system;
  cluster.create('secrets', namespace, { apiVersion: 'v1', kind: 'Secret', metadata: { name } });
  cluster.create('jobs', namespace, {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name },
    spec: { backoffLimit: 0, template: { spec: pod } },
  });
  return devOps.addAgent(poolId, { name, version: '5.278.0' }).id;
}

export interface BareDeletes {
  readonly agentMs: number;
  /** Of all three, one after the other. */
  readonly allMs: number;
  /** Until the pod has been collected, too. */
  readonly goneMs: number;
  /** What has to come before an agent may be deleted, and its deletion: the look, the mark, the disabling, the question. */
  readonly safeMs: number;
}

interface Places {
  readonly organisation: string;
  readonly pool: string;
  readonly core: string;
  readonly jobs: string;
}

function placesOf({ system: { settings } }: Bench): Places {
  const { MAYFLY_ADO_URL: organisation = '', MAYFLY_KUBERNETES_URL: cluster = '' } = settings;
  return {
    organisation,
    pool: `${organisation}/_apis/distributedtask/pools/${poolId}`,
    core: `${cluster}/api/v1/namespaces/${namespace}`,
    jobs: `${cluster}/apis/batch/v1/namespaces/${namespace}/jobs`,
  };
}

async function look({ organisation, pool, core, jobs }: Places): Promise<void> {
  const selector = `labelSelector=${encodeURIComponent(`mayfly.dev/pool-id=${poolId}`)}&limit=500`;
  const flags = 'includeCapabilities=true&includeAssignedRequest=true&includeLastCompletedRequest=true';
  const usage = 'parallelismTag=Private&poolIsHosted=false&includeRunningRequests=true';
  await Promise.all([
    send('GET', `${jobs}?${selector}`, clusterHeaders),
    send('GET', `${core}/pods?${selector}`, clusterHeaders),
    send('GET', `${core}/resourcequotas`, clusterHeaders),
    send('GET', `${core}/configmaps/mayfly-pool-${poolId}`, clusterHeaders),
    send('GET', `${pool}/agents?${flags}&api-version=7.1`, devOpsHeaders),
    send(
      'GET',
      `${organisation}/_apis/distributedtask/resourceusage?${usage}&api-version=7.1-preview.2`,
      devOpsHeaders,
    ),
  ]);
  await send('GET', `${pool}/jobrequests?completedRequestCount=0&api-version=7.1-preview.1`, devOpsHeaders);
}

const jsonPatch = { ...clusterHeaders, 'content-type': 'application/json-patch+json' };
const annotate = (value: string): JsonValue => [{ op: 'add', path: '/metadata/annotations', value: { value } }];

async function prepare(places: Places, agentId: number): Promise<void> {
  const agent = `${places.pool}/agents/${agentId}?api-version=7.1`;
  await look(places);
  await send('PATCH', `${places.jobs}/${name}`, jsonPatch, annotate('retiring'));
  await send('PATCH', agent, devOpsHeaders, { id: agentId, name, enabled: false });
  await send('GET', agent, devOpsHeaders);
  await send('PATCH', `${places.jobs}/${name}`, jsonPatch, annotate('served'));
}

export async function bareDeletes(bench: Bench): Promise<BareDeletes> {
  const places = placesOf(bench);
  const agentId = make(bench);
  // One that no node has taken yet goes quicker than any that has run.
  while (!podsIn(bench).some(hasBegun)) await bench.system.clock.sleep(1);
  const preparedFrom = performance.now();
  await prepare(places, agentId);
  const from = performance.now();
  await send('DELETE', `${places.pool}/agents/${agentId}?api-version=7.1`, devOpsHeaders);
  const agentMs = performance.now() - from;
  await send('DELETE', `${places.core}/secrets/${name}`, clusterHeaders);
  const options = { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background' };
  await send('DELETE', `${places.jobs}/${name}`, clusterHeaders, options);
  const allMs = performance.now() - from;
  while (podsIn(bench).length > 0) await bench.system.clock.sleep(1);
  return { agentMs, allMs, goneMs: performance.now() - from, safeMs: from - preparedFrom + agentMs };
}
