/**
 * The ImageBuilder over Jobs of a cluster, in a namespace of their own. The Job's name stands for the order's key: the
 * API server admits one, so two control planes start one build, and a reply that was lost is found by the name.
 */
import { buildContainer, buildJobName, prepareContainer } from '../../domain/clusterBuild.ts';
import { defined } from '../../domain/defined.ts';
import { isDigest } from '../../domain/imageReference.ts';
import type { JsonObject } from '../../domain/json.ts';
import type { Build, BuildOrder, ImageBuilder } from '../../ports/images.ts';
import type { KubernetesApi } from '../kubernetes/api.ts';
import type { PodObject } from '../kubernetes/podObject.ts';
import { podSchema } from '../kubernetes/podObject.ts';
import { parsed, unlessKind } from '../kubernetes/reading.ts';
import type { BuildJob } from './buildJob.ts';
import { buildJobSchema, statusOf } from './buildJob.ts';
import { excerptOf } from './excerpt.ts';

export interface ClusterBuildOptions {
  readonly api: KubernetesApi;
  readonly namespace: string;
  /** The Job of an order, named by `buildJobName`. */
  readonly manifest: (order: BuildOrder) => JsonObject;
}

/** Of the log, where the pod has no last words. */
const tail = { tailLines: 25, limitBytes: 16 * 1024 } as const;

export function clusterBuildBuilder({ api, namespace, manifest }: ClusterBuildOptions): ImageBuilder {
  const podsOf = async (name: string): Promise<readonly PodObject[]> => {
    const labelSelector = `batch.kubernetes.io/job-name=${name}`;
    const pods = await api.list('pods', namespace, { labelSelector });
    return pods.map((pod) => parsed(podSchema, 'reading the pod of an image build', pod));
  };
  const told = async (object: JsonObject): Promise<Build> => {
    const buildJob = parsed(buildJobSchema, 'reading the Job of an image build', object);
    const pods = await podsOf(buildJob.name);
    const status = statusOf(buildJob, pods);
    const excerpt = status === 'failed' ? await excerptFor(api, namespace, buildJob, pods) : undefined;
    const { startedAt, finishedAt } = buildJob;
    return { id: buildJob.name, status, ...defined({ startedAt, finishedAt, excerpt, digest: digestOf(pods) }) };
  };
  const named = async (name: string): Promise<Build | undefined> => {
    const buildJob = await unlessKind('notFound', undefined, api.get('jobs', namespace, name));
    return buildJob && told(buildJob);
  };
  return {
    find: (order) => named(buildJobName(order)),
    start: async (order) => told(await api.create('jobs', namespace, manifest(order))),
    get: (_order, id) => named(id),
    // Not deleted: the name would be free, and the week's build could be started once more.
    cancel: async (_order, id) => {
      const patch = [{ op: 'replace', path: '/spec/suspend', value: true }] as const;
      await unlessKind('notFound', undefined, api.patch('jobs', namespace, id, patch));
    },
  };
}

/** What a builder that succeeded left as its last words. */
function digestOf(pods: readonly PodObject[]): string | undefined {
  const words = pods.flatMap((pod) => endOf(pod, buildContainer)?.message?.trim() ?? []);
  return words.find(isDigest);
}

function endOf({ status }: PodObject, container: string) {
  const all = [...status.initContainerStatuses, ...status.containerStatuses];
  return all.find(({ name }) => name === container)?.state.terminated;
}

async function excerptFor(
  api: KubernetesApi,
  namespace: string,
  buildJob: BuildJob,
  pods: readonly PodObject[],
): Promise<string | undefined> {
  const [pod] = pods;
  const container = [prepareContainer, buildContainer].find(
    (name) => pod !== undefined && (endOf(pod, name)?.exitCode ?? 0) !== 0,
  );
  const why = pod?.status.message ?? buildJob.failure;
  if (pod === undefined || container === undefined) return excerptOf(why ?? '');
  const words = endOf(pod, container)?.message ?? (await logOf(api, namespace, pod.metadata.name, container));
  return excerptOf([`${container}: exit code ${endOf(pod, container)?.exitCode}`, ...words.split(/\r?\n/)]);
}

/** Never a reason to fail: that it failed is known without. */
function logOf(api: KubernetesApi, namespace: string, pod: string, container: string): Promise<string> {
  return api.readLog(namespace, pod, { container, ...tail }).catch(() => '');
}
