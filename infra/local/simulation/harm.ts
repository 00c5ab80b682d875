/**
 * Whose fault it is when a pipeline job does not run to its own end. Agents that were told to misbehave and pods that the
 * cluster took are known; of all others a lost request is ours.
 */
import type { EpochMs } from '../../../shared/domain/instant.ts';
import type { WorldEvent as AdoEvent } from '../azureDevOps/events.ts';
import type { WorldEvent as KubernetesEvent, TerminationCause } from '../kubernetes/worldEvent.ts';

/** What Mayfly does to pods; everything else befalls them. */
export const causedByUs: ReadonlySet<TerminationCause> = new Set([
  'suspended',
  'jobDeleted',
  'ownerGone',
  'podDeleted',
]);

const isOurs = (why: string): boolean => [...causedByUs].some((cause) => cause === why);

export class Harm {
  readonly #harmed = new Set<string>();
  /** Agents that have had a request: the server may give them another one while they shut down. */
  readonly #spent = new Set<number>();
  readonly #violated: (at: EpochMs, sentence: string) => void;
  endedAtAge = 0;

  constructor(violated: (at: EpochMs, sentence: string) => void) {
    this.#violated = violated;
  }

  /** An agent that was drawn to misbehave. */
  onTemper(agentName: string): void {
    this.#harmed.add(agentName);
  }

  onOverAge(agentName: string): void {
    this.endedAtAge += 1;
    this.#harmed.add(agentName);
  }

  onCluster(event: KubernetesEvent): void {
    const isEnd = event.kind === 'podTerminating' || event.kind === 'podEnded';
    if (isEnd && event.jobName !== undefined && event.why !== 'exited' && !isOurs(event.why))
      this.#harmed.add(event.jobName);
  }

  onAdo(event: AdoEvent): void {
    if (event.kind !== 'finished' || event.agentId === undefined) return;
    const name = event.agentName ?? '';
    const isFirst = !this.#spent.has(event.agentId);
    this.#spent.add(event.agentId);
    if (event.lost && isFirst && name.startsWith('mf-') && !this.#harmed.has(name))
      this.#violated(event.at, `request ${event.requestId} was lost with agent ${name}, which nobody harmed`);
  }
}
