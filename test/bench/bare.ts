/**
 * The round trips of a creation without a control plane: the hook's answer, the reads side by side, the requests, and
 * the POST of the Job, with plain fetch against the same doors. The Job is one that the control plane made, posted dry.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { localSecrets } from '../../infra/local/start/localSettings.ts';
import { repositoryRoot } from '../../infra/local/start/localSystem.ts';
import { isJsonObject, type JsonObject } from '../../shared/domain/json.ts';
import { type Bench, namespace, poolId } from './benchSystem.ts';

const ignoredEvent = await readFile(join(repositoryRoot, 'test/fixtures/hooks/buildComplete.json'), 'utf8');
const devOpsHeaders = {
  accept: 'application/json;api-version=7.1-preview',
  authorization: `Basic ${Buffer.from(':local-admin').toString('base64')}`,
};
const clusterHeaders = { authorization: `Bearer ${localSecrets.kubernetesToken}`, 'content-type': 'application/json' };

async function exchange(url: string, headers: Readonly<Record<string, string>>, body?: string): Promise<number> {
  const answer = await fetch(url, { headers, ...(body !== undefined && { method: 'POST', body }) });
  await answer.text();
  return answer.status;
}

function expectStatus(status: number, want: readonly number[], what: string): void {
  if (!want.includes(status)) throw new Error(`the bare ${what} was answered ${status}`);
}

/** What a client may send of a stored Job, under another name. */
function unsaved(job: JsonObject, name: string): string {
  const { metadata, spec } = job;
  if (!isJsonObject(metadata) || !isJsonObject(spec)) throw new Error('a Job without metadata or spec');
  const { labels = {}, annotations = {} } = metadata;
  const { selector: _selector, template, ...rest } = spec;
  const pod = isJsonObject(template) ? template['spec'] : undefined;
  const bare = { metadata: { labels }, spec: pod ?? {} };
  return JSON.stringify({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace, labels, annotations },
    spec: { ...rest, suspend: true, template: bare },
  });
}

/** The sum of the round trips on the way to a created Job, in ms. */
export async function bareRoundTrips(bench: Bench, job: JsonObject): Promise<number> {
  const { MAYFLY_ADO_URL: organisation = '', MAYFLY_KUBERNETES_URL: cluster = '' } = bench.system.settings;
  const pool = `${organisation}/_apis/distributedtask/pools/${poolId}`;
  const core = `${cluster}/api/v1/namespaces/${namespace}`;
  const jobs = `${cluster}/apis/batch/v1/namespaces/${namespace}/jobs`;
  const selector = `labelSelector=${encodeURIComponent(`mayfly.dev/pool=${poolId}`)}&limit=500`;
  const body = unsaved(job, 'bare');

  const from = performance.now();
  expectStatus(await bench.hook(ignoredEvent), [200], 'hook');
  const flags = 'includeCapabilities=true&includeAssignedRequest=true&includeLastCompletedRequest=true';
  const usage = 'parallelismTag=Private&poolIsHosted=false&includeRunningRequests=true';
  const reads = await Promise.all([
    exchange(`${jobs}?${selector}`, clusterHeaders),
    exchange(`${core}/pods?${selector}`, clusterHeaders),
    exchange(`${core}/configmaps/mayfly-pool-${poolId}`, clusterHeaders),
    exchange(`${pool}/agents?${flags}&api-version=7.1`, devOpsHeaders),
    exchange(`${organisation}/_apis/distributedtask/resourceusage?${usage}&api-version=7.1-preview.2`, devOpsHeaders),
  ]);
  const requests = `${pool}/jobrequests?completedRequestCount=0&api-version=7.1-preview.1`;
  const listed = await exchange(requests, devOpsHeaders);
  const posted = await exchange(`${jobs}?dryRun=All`, clusterHeaders, body);
  const elapsed = performance.now() - from;
  for (const status of reads) expectStatus(status, [200, 404], 'read');
  expectStatus(listed, [200], 'list of requests');
  expectStatus(posted, [201], 'POST of a Job');
  return elapsed;
}
