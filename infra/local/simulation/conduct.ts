/** Rules of conduct towards agents and Jobs that hold step by step, whatever comes of it in the end. */
import type { EpochMs } from '../../../shared/domain/instant.ts';
import { isJsonObject, type JsonObject } from '../../../shared/domain/json.ts';
import { annotations, labels, type ParsedName } from '../../../shared/domain/names.ts';
import type { WorldEvent as AdoEvent } from '../azureDevOps/events.ts';
import type { KubernetesWorld } from '../kubernetes/world.ts';

const followers: Readonly<Record<string, readonly string[]>> = {
  creating: ['started', 'rolledBack'],
  started: ['retiring'],
  retiring: ['tombstone'],
  rolledBack: [],
  tombstone: [],
};

/** More wasted attempts at one request than this are a factory, whatever explains each of them. */
const maxWastedPerTenMinutes = 12;
const tenMinutesMs = 600_000;

const record = (value: unknown): JsonObject => (isJsonObject(value) ? value : {});
const text = (value: unknown): string => (typeof value === 'string' ? value : '');

export class Conduct {
  readonly #violated: (at: EpochMs, sentence: string) => void;
  readonly #now: () => EpochMs;
  readonly #enabled = new Set<string>();
  readonly #hadSession = new Set<string>();
  readonly #phases = new Map<string, string>();
  readonly #wasted = new Map<string, EpochMs[]>();

  constructor(now: () => EpochMs, violated: (at: EpochMs, sentence: string) => void) {
    this.#now = now;
    this.#violated = violated;
  }

  watch(world: KubernetesWorld): void {
    world.watch('jobs', undefined, {}, ({ object }) => this.#onPhase(object, world));
  }

  /** An attempt came to nothing. One that another request's theft used up did not. */
  #onWasted(metadata: JsonObject): void {
    const requestId = text(record(metadata['labels'])[labels.requestId]);
    const now = this.#now();
    const recent = (this.#wasted.get(requestId) ?? []).filter((at) => now - at < tenMinutesMs);
    recent.push(now);
    this.#wasted.set(requestId, recent);
    if (recent.length > maxWastedPerTenMinutes) {
      this.#violated(now, `${recent.length} attempts at request ${requestId} came to nothing within ten minutes`);
    }
  }

  #onPhase(object: JsonObject, world: KubernetesWorld): void {
    const metadata = record(object['metadata']);
    const [uid, name] = [text(metadata['uid']), text(metadata['name'])];
    const notes = record(metadata['annotations']);
    const phase = text(notes[annotations.phase]);
    const before = this.#phases.get(uid);
    this.#phases.set(uid, phase);
    if (before === undefined || before === phase) return;
    if (!followers[before]?.includes(phase)) this.#violated(this.#now(), `${name} went from ${before} to ${phase}`);
    if (phase === 'rolledBack' || (phase === 'tombstone' && notes[annotations.served] === undefined)) {
      this.#onWasted(metadata);
    }
    if (phase === 'tombstone' && hasSecret(world, metadata))
      this.#violated(this.#now(), `tombstone ${name} has a Secret`);
  }

  /** `parsed` = what the name of the event's agent says, if it is one of ours. */
  onAgent(event: AdoEvent, parsed: ParsedName | undefined): void {
    if (parsed === undefined || !('agentName' in event)) return;
    const name = event.agentName ?? '';
    if (event.kind === 'agentAdded') this.#enabled.add(name);
    if (event.kind === 'sessionOpened') this.#hadSession.add(name);
    if (event.kind === 'agentUpdated' && !event.enabled) this.#enabled.delete(name);
    if (event.kind === 'agentDeleted' && event.byUs) this.#onDeleted(name, parsed, event.at);
  }

  #onDeleted(name: string, parsed: ParsedName, at: EpochMs): void {
    if (parsed.kind === 'placeholder') this.#violated(at, `placeholder ${name} was deleted`);
    // One that has had a session may be given a request at any moment until it is disabled.
    const risky = this.#enabled.has(name) && this.#hadSession.has(name);
    if (risky) this.#violated(at, `agent ${name} was deleted without being disabled first`);
  }
}

function hasSecret(world: KubernetesWorld, metadata: JsonObject): boolean {
  const fieldSelector = `metadata.name=${text(metadata['name'])}`;
  const { items } = world.list('secrets', text(metadata['namespace']), { fieldSelector }).body;
  return Array.isArray(items) && items.length > 0;
}
