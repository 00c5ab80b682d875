/** Nothing is removed before its time: agents that nobody stands behind, objects that nobody owns. */
import type { EpochMs } from '../../../shared/domain/instant.ts';
import type { ParsedName } from '../../../shared/domain/names.ts';
import type { WorldEvent as AdoEvent } from '../azureDevOps/events.ts';

export class Graces {
  readonly #violated: (at: EpochMs, sentence: string) => void;
  /** When something was last heard of an agent. */
  readonly #heardOf = new Map<number, EpochMs>();
  readonly #hadSession = new Set<number>();
  readonly #addedBy = new Map<number, string>();
  /** Agents without a key that lock a name: nobody can ever work as one, so there is nothing to wait for. */
  readonly #locks = new Set<number>();

  constructor(violated: (at: EpochMs, sentence: string) => void) {
    this.#violated = violated;
  }

  #hear(event: AdoEvent): void {
    if (event.kind === 'sessionOpened') this.#hadSession.add(event.agentId);
    if (event.kind === 'agentAdded') this.#addedBy.set(event.agentId, event.by);
    if (event.kind === 'agentAdded' && event.placeholder) this.#locks.add(event.agentId);
    if (event.kind === 'agentAdded' || event.kind === 'sessionOpened' || event.kind === 'sessionClosed')
      this.#heardOf.set(event.agentId, event.at);
  }

  /** `isBacked` = some cluster has, or had a moment ago, a living Job of the name. */
  onAgent(event: AdoEvent, parsed: ParsedName | undefined, graceMs: number, isBacked: () => boolean): void {
    if (parsed === undefined || parsed.kind === 'placeholder') return;
    this.#hear(event);
    if (event.kind !== 'agentDeleted' || !event.byUs) return;
    const silentMs = event.at - (this.#heardOf.get(event.agentId) ?? 0);
    if (silentMs < graceMs && !this.#mayGoAtOnce(event) && !isBacked())
      this.#violated(event.at, `agent ${event.agentName} was removed as a ghost after ${silentMs} ms`);
  }

  /** Its creator takes back what never had a session, and nobody can work as a lock. */
  #mayGoAtOnce({ agentId, by }: { readonly agentId: number; readonly by: string }): boolean {
    const isUndone = !this.#hadSession.has(agentId) && this.#addedBy.get(agentId) === by;
    return isUndone || this.#locks.has(agentId);
  }
}
