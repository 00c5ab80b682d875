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
/** Of a pool's warm agents together, of which there are up to three. */
const maxWastedWarm = 24;
const tenMinutesMs = 600_000;
/** A placeholder stays this long after its template left, at least. */
const absentForMs = 900_000;

const record = (value: unknown): JsonObject => (isJsonObject(value) ? value : {});
const text = (value: unknown): string => (typeof value === 'string' ? value : '');

export class Conduct {
  readonly #violated: (at: EpochMs, sentence: string) => void;
  readonly #now: () => EpochMs;
  /** By id: a name may be given again while a cluster is out of reach. */
  readonly #enabled = new Set<number>();
  readonly #hadSession = new Set<number>();
  readonly #phases = new Map<string, string>();
  readonly #wasted = new Map<string, EpochMs[]>();

  /** The newest configuration, once there is another than the first. */
  #configuration: { readonly since: EpochMs; readonly templates: ReadonlySet<string> } | undefined;

  constructor(now: () => EpochMs, violated: (at: EpochMs, sentence: string) => void) {
    this.#now = now;
    this.#violated = violated;
  }

  /** `templates` = the short forms of those that the newest configuration has. */
  onConfiguration(templates: ReadonlySet<string>): void {
    this.#configuration = { since: this.#now(), templates };
  }

  #mayLeave(template6: string, at: EpochMs): boolean {
    const newest = this.#configuration;
    return newest !== undefined && !newest.templates.has(template6) && at - newest.since > absentForMs;
  }

  watch(world: KubernetesWorld): void {
    world.watch('jobs', undefined, {}, ({ object }) => this.#onPhase(object, world));
  }

  /** An attempt came to nothing. One that another request's theft used up did not. */
  #onWasted(metadata: JsonObject): void {
    const marks = record(metadata['labels']);
    const own = text(marks[labels.requestId]);
    const requestId = own === '' ? `${text(marks[labels.poolId])} warm` : own;
    const limit = own === '' ? maxWastedWarm : maxWastedPerTenMinutes;
    const now = this.#now();
    const recent = (this.#wasted.get(requestId) ?? []).filter((at) => now - at < tenMinutesMs);
    recent.push(now);
    this.#wasted.set(requestId, recent);
    if (recent.length > limit) {
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
    if (parsed === undefined || !('agentId' in event) || event.agentId === undefined) return;
    const id = event.agentId;
    if (event.kind === 'agentAdded') this.#enabled.add(id);
    if (event.kind === 'sessionOpened') this.#hadSession.add(id);
    if (event.kind === 'agentUpdated' && !event.enabled) this.#enabled.delete(id);
    if (event.kind === 'agentDeleted' && event.byUs) this.#onDeleted(event, parsed);
  }

  #onDeleted({ agentId, agentName, at }: Extract<AdoEvent, { kind: 'agentDeleted' }>, parsed: ParsedName): void {
    if (parsed.kind === 'placeholder' && !this.#mayLeave(parsed.template6, at))
      this.#violated(at, `placeholder ${agentName} was deleted`);
    // One that has had a session may be given a request at any moment until it is disabled.
    const risky = this.#enabled.has(agentId) && this.#hadSession.has(agentId);
    if (risky) this.#violated(at, `agent ${agentName} was deleted without being disabled first`);
  }
}

function hasSecret(world: KubernetesWorld, metadata: JsonObject): boolean {
  const fieldSelector = `metadata.name=${text(metadata['name'])}`;
  const { items } = world.list('secrets', text(metadata['namespace']), { fieldSelector }).body;
  return Array.isArray(items) && items.length > 0;
}
