/** The pods of one Job by its name, and their end; for pods that outlive what they are good for. */
import { isTerminal } from '../../domain/agentJob.ts';
import type { JsonObject } from '../../domain/json.ts';
import { readPods } from './agentJobs.ts';
import type { KubernetesApi } from './api.ts';
import { unlessKind } from './reading.ts';

/** By the label that the Job controller gives them: it stays when a Job is deleted and its pods are not. */
export const podsOf = (api: KubernetesApi, namespace: string, jobName: string): Promise<readonly JsonObject[]> =>
  api.list('pods', namespace, { labelSelector: `batch.kubernetes.io/job-name=${jobName}` });

export function endPod(
  api: KubernetesApi,
  namespace: string,
  { name, uid }: { readonly name: string; readonly uid: string },
  gracePeriodSeconds: number,
): Promise<'ended' | 'absent'> {
  const ended = api.delete('pods', namespace, name, { uid, gracePeriodSeconds }).then(() => 'ended' as const);
  // Another pod of this name is not the one that was meant, and that one is gone.
  return unlessKind('conflict', 'absent' as const, unlessKind('notFound', 'absent' as const, ended));
}

/** Those that are over stay as they are. */
export async function endPodsOf(
  api: KubernetesApi,
  namespace: string,
  jobName: string,
  graceSeconds: number,
): Promise<number> {
  const running = readPods(await podsOf(api, namespace, jobName)).filter(({ pod }) => !isTerminal(pod));
  const ends = await Promise.all(running.map(({ pod }) => endPod(api, namespace, pod, graceSeconds)));
  return ends.filter((end) => end === 'ended').length;
}
