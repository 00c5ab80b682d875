/** What a pod remembers for its containers, and what a running one sees of it. */
import type { JsonObject, JsonValue } from '../../../shared/domain/json.ts';
import { text } from './object.ts';
import type { PodHandle } from './podHandle.ts';
import type { ContainerContext } from './podStory.ts';
import type { Files } from './volumes.ts';

/** kubelet, MaxContainerTerminationMessageLength. */
const terminationLogLimit = 4096;

export class PodMemory {
  files: ReadonlyMap<string, Files> = new Map();
  readonly terminated = new AbortController();
  readonly killed = new AbortController();
  readonly #scratch = new Map<string, string>();
  readonly #lastWords = new Map<string, string>();

  lastWordsOf(container: JsonValue | undefined): string | undefined {
    return this.#lastWords.get(text(container, 'name') ?? '');
  }

  context(handle: PodHandle, pod: JsonObject, container: JsonValue): ContainerContext {
    const name = text(container, 'name') ?? '';
    const { cluster, logs } = handle.parts;
    return {
      pod,
      container: name,
      scratch: this.#scratch,
      writeTerminationLog: (words) => this.#lastWords.set(name, words.slice(0, terminationLogLimit)),
      print: (words) => logs.print(handle.uid, name, words),
      terminated: this.terminated.signal,
      killed: this.killed.signal,
      clock: cluster.clock,
      readSecretFiles: (volume) => {
        const files = this.files.get(volume);
        if (files === undefined) throw new Error(`the pod has no Secret volume "${volume}"`);
        return files;
      },
    };
  }
}
