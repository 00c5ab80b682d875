/**
 * Why there were as many Jobs as there were. Every Job beyond one per request needs a cause of its own: a theft, an
 * attempt that was rolled back, failed or was retired, an assignment that expired, a warm slot, or a look that missed
 * something (a list that left entries out, a cluster out of reach), or an idle agent that lost its session for a while.
 */
import type { JsonObject } from '../../../shared/domain/json.ts';
import { isJsonObject } from '../../../shared/domain/json.ts';
import { annotations, labels } from '../../../shared/domain/names.ts';
import type { KubernetesWorld } from '../kubernetes/world.ts';

export interface JobAccount {
  readonly requests: number;
  readonly thefts: number;
  readonly rolledBack: number;
  readonly failed: number;
  readonly retired: number;
  readonly expiredAssignments: number;
  readonly warmSlots: number;
  readonly blind: number;
  /** Agents that lost an idle session: for that while nobody could count on them. */
  readonly flapped: number;
}

interface Entry {
  readonly name: string;
  readonly requestId: string;
  readonly attempt: number;
  phase: string;
  reason: string | undefined;
  served: string | undefined;
}

const record = (value: unknown): JsonObject => (isJsonObject(value) ? value : {});
const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

export class JobLedger {
  readonly #entries = new Map<string, Entry>();
  expiredAssignments = 0;
  /** Names created by passes that missed something. */
  readonly blindNames = new Set<string>();
  readonly #agentIds = new Map<string, number>();
  /** Names of Jobs that may yet run something, by UID. */
  readonly #living = new Map<string, string>();
  flapped = 0;

  watch(cluster: string, world: KubernetesWorld): void {
    world.watch('jobs', undefined, {}, ({ type, object }) => this.#note(cluster, type, object));
  }

  /** The agent that a Job was started for; Jobs that are gone are remembered. */
  agentIdOf(cluster: string, name: string): number | undefined {
    return this.#agentIds.get(`${cluster}/${name}`);
  }

  isBacked(name: string): boolean {
    return [...this.#living.values()].includes(name);
  }

  #noteLiving(type: string, uid: string, name: string, phase: string | undefined): void {
    const isGone = type === 'DELETED' || phase === 'tombstone' || phase === 'rolledBack';
    if (isGone) this.#living.delete(uid);
    else this.#living.set(uid, name);
  }

  get jobs(): number {
    return this.#entries.size;
  }

  #note(cluster: string, type: string, object: JsonObject): void {
    const metadata = record(object['metadata']);
    const notes = record(metadata['annotations']);
    const [uid = '', name = ''] = [text(metadata['uid']), text(metadata['name'])];
    const agentId = Number(text(notes[annotations.agentId]));
    if (agentId > 0) this.#agentIds.set(`${cluster}/${name}`, agentId);
    this.#noteLiving(type, uid, name, text(notes[annotations.phase]));
    this.#noteEntry(`${cluster}/${uid}`, name, record(metadata['labels']), notes);
  }

  #noteEntry(key: string, name: string, ownLabels: JsonObject, notes: JsonObject): void {
    const requestId = text(ownLabels[labels.requestId]);
    if (requestId === undefined) return;
    const attempt = Number(ownLabels[labels.attempt]);
    const unheard: Entry = { name, requestId, attempt, phase: '', reason: undefined, served: undefined };
    const entry = this.#entries.get(key) ?? unheard;
    entry.phase = text(notes[annotations.phase]) ?? entry.phase;
    entry.reason = text(notes[annotations.reason]) ?? entry.reason;
    entry.served = text(notes[annotations.served]) ?? entry.served;
    this.#entries.set(key, entry);
  }

  account(requests: number): JobAccount {
    const entries = [...this.#entries.values()];
    const unserved = entries.filter((entry) => entry.served === undefined);
    const hasSuccessor = (entry: Entry): boolean =>
      entries.some((other) => other.requestId === entry.requestId && other.attempt > entry.attempt);
    const rolledBack = unserved.filter((entry) => entry.phase === 'rolledBack' || entry.phase === 'creating');
    const ended = unserved.filter((entry) => !rolledBack.includes(entry));
    return {
      requests,
      thefts: entries.filter((entry) => entry.served !== undefined && entry.served !== entry.requestId).length,
      rolledBack: rolledBack.length,
      failed: ended.filter((entry) => entry.reason !== 'surplus').length,
      // A surplus agent explains a further Job only when its own request needed one again.
      retired: ended.filter((entry) => entry.reason === 'surplus' && hasSuccessor(entry)).length,
      expiredAssignments: this.expiredAssignments,
      warmSlots: 0,
      blind: entries.filter((entry) => this.blindNames.has(entry.name)).length,
      flapped: this.flapped,
    };
  }
}
