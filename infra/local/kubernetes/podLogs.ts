/** What the containers of pods have printed, as long as the pod is there. */
import type { JsonObject, JsonValue } from '../../../shared/domain/json.ts';
import { list, nameOf, text, uidOf } from './object.ts';
import { badRequest } from './statusError.ts';
import type { PodLogOptions } from './verbs.ts';

const keyOf = (uid: string, container: string): string => `${uid}/${container}`;

export class PodLogs {
  readonly #texts = new Map<string, string>();

  print(uid: string, container: string, words: string): void {
    const key = keyOf(uid, container);
    this.#texts.set(key, (this.#texts.get(key) ?? '') + words);
  }

  forget(uid: string): void {
    for (const key of this.#texts.keys()) if (key.startsWith(`${uid}/`)) this.#texts.delete(key);
  }

  /**
   * Throws 400 in the words of the API server (kubernetes/pkg/registry/core/pod/strategy.go) and of the kubelet
   * (kubernetes/pkg/kubelet, validateContainerLogStatus).
   */
  read(pod: JsonObject, options: PodLogOptions): string {
    const container = containerOf(pod, options.container);
    // A pod without a node: nobody to ask, and the answer is empty.
    if (text(pod, 'spec', 'nodeName') === undefined) return '';
    const waiting = text(statusOf(pod, container), 'state', 'waiting', 'reason');
    if (waiting !== undefined) {
      const why = pullReasons.has(waiting) ? 'trying and failing to pull image' : waiting;
      throw badRequest(`container "${container}" in pod "${nameOf(pod)}" is waiting to start: ${why}`);
    }
    return tail(this.#texts.get(keyOf(uidOf(pod), container)) ?? '', options);
  }
}

const pullReasons = new Set(['ErrImagePull', 'ImagePullBackOff']);

function containerOf(pod: JsonObject, asked: string | undefined): string {
  const names = [...list(pod, 'spec', 'containers'), ...list(pod, 'spec', 'initContainers')].map(
    (each) => text(each, 'name') ?? '',
  );
  if (asked !== undefined && names.includes(asked)) return asked;
  if (asked !== undefined) throw badRequest(`container ${asked} is not valid for pod ${nameOf(pod)}`);
  const [only, ...others] = names;
  if (only !== undefined && others.length === 0) return only;
  const choice = `choose one of: [${names.join(' ')}]`;
  throw badRequest(`a container name must be specified for pod ${nameOf(pod)}, ${choice}`);
}

const statusOf = (pod: JsonObject, container: string): JsonValue | undefined =>
  ['containerStatuses', 'initContainerStatuses']
    .flatMap((key) => list(pod, 'status', key))
    .find((status) => text(status, 'name') === container);

/** The last lines first, then the first bytes of those, as the kubelet does it. */
function tail(whole: string, { tailLines, limitBytes }: PodLogOptions): string {
  const lines = whole.split(/(?<=\n)/);
  const last = tailLines === undefined ? whole : lines.slice(Math.max(0, lines.length - tailLines)).join('');
  return limitBytes === undefined ? last : Buffer.from(last).subarray(0, limitBytes).toString();
}
