/** The last words of an agent, for `explain`. They may be a step's output, so nobody writes them into a log of ours. */
import { agentContainer } from '../../domain/containers.ts';
import type { KubernetesApi } from './api.ts';
import { unlessKind } from './reading.ts';

const limitBytes = 16 * 1024;

/** One request. A container that has not started yet has no log, and the server says so with 400. */
export async function readPodLog(
  api: KubernetesApi,
  namespace: string,
  pod: string,
  lines: number,
): Promise<string | undefined> {
  const log = api.readLog(namespace, pod, { container: agentContainer, tailLines: lines, limitBytes });
  const text = await unlessKind('invalid', undefined, unlessKind('notFound', undefined, log));
  return text === '' ? undefined : text;
}
