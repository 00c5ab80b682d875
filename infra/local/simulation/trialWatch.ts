/** Sees that nobody is made to try an image while another agent of it has not shown what it does. */
import { isJsonObject, type JsonObject } from '../../../shared/domain/json.ts';
import { annotations, labels } from '../../../shared/domain/names.ts';
import type { AzureDevOpsWorld } from '../azureDevOps/world.ts';
import type { KubernetesWorld } from '../kubernetes/world.ts';

const record = (value: unknown): JsonObject => (isJsonObject(value) ? value : {});
const text = (value: unknown): string => (typeof value === 'string' ? value : '');

interface Seen {
  readonly name: string;
  /** Others of the same candidate, template and pool that had shown nothing when it was made. */
  readonly beside: readonly string[];
}

export class TrialWatch {
  /** In the order in which they were made. */
  readonly trials: Seen[] = [];
  /** Of each candidate, the agents that have shown nothing yet. */
  readonly #unproven = new Map<string, Set<string>>();
  readonly #known = new Set<string>();

  constructor(ado: AzureDevOpsWorld) {
    ado.onEvent((event) => {
      if (event.kind === 'finished' && event.agentName !== undefined) this.#shown(event.agentName);
    });
  }

  watch(world: KubernetesWorld): void {
    world.watch('jobs', undefined, {}, ({ object }) => this.#note(object));
  }

  /** The most that were unproven at once, but for those that `but` names. */
  most(but: ReadonlySet<string> = new Set()): number {
    const counts = this.trials
      .filter(({ name }) => !but.has(name))
      .map(({ beside }) => 1 + beside.filter((name) => !but.has(name)).length);
    return Math.max(0, ...counts);
  }

  #shown(name: string): void {
    for (const names of this.#unproven.values()) names.delete(name);
  }

  #note(object: JsonObject): void {
    const metadata = record(object['metadata']);
    const [notes, marks] = [record(metadata['annotations']), record(metadata['labels'])];
    const [candidate, name] = [text(notes[annotations.candidate]), text(metadata['name'])];
    if (candidate === '') return;
    const key = [marks[labels.poolId], marks[labels.template], candidate, notes[annotations.image]].map(text).join(' ');
    const unproven = this.#unproven.get(key) ?? new Set<string>();
    this.#unproven.set(key, unproven);
    const phase = text(notes[annotations.phase]);
    if (phase !== 'creating' && phase !== 'started') unproven.delete(name);
    const id = text(metadata['uid']);
    if (this.#known.has(id)) return;
    this.#known.add(id);
    this.trials.push({ name, beside: [...unproven] });
    unproven.add(name);
  }
}
