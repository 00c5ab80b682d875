/** Turns what happens in both worlds into steps that a person can follow: one line each, told as they happen. */

import type { JsonObject } from '../../../shared/domain/json.ts';
import { templateShort } from '../../../shared/domain/names.ts';
import type { WorldEvent as DevOpsEvent } from '../azureDevOps/events.ts';
import { list, text } from '../kubernetes/object.ts';
import type { KubernetesWorld } from '../kubernetes/world.ts';
import type { WorldEvent as ClusterEvent } from '../kubernetes/worldEvent.ts';
import type { AgentJobEntry, Ledger } from './ledger.ts';
import type { DeliveredHook } from './localOrganisation.ts';
import type { LocalSystem } from './localSystem.ts';

export type Tone = 'begin' | 'plain' | 'good' | 'bad' | 'faint';

export interface Step {
  readonly at: number;
  readonly poolId: number | undefined;
  /** The request it is about, or was begun for. */
  readonly requestId: number | undefined;
  readonly what: string;
  readonly detail: string;
  readonly tone: Tone;
}

type Told = Pick<Step, 'what' | 'detail' | 'tone'>;

const implied = /^Agent\.Version -gtVersion /;

function demandsOf(demands: readonly string[] = []): string {
  const own = demands.filter((demand) => !implied.test(demand));
  return own.length === 0 ? 'no demands' : `demands ${own.join(', ')}`;
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** The returned function ends the story. */
export function narrate(system: LocalSystem, tell: (step: Step) => void): () => void {
  const narrator = new Narrator(system, tell);
  const stops = [
    system.devOps.onEvent((event) => narrator.onDevOps(event)),
    system.cluster.onEvent((event) => narrator.onCluster(event)),
    system.onHook((hook) => narrator.onHook(hook)),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

class Narrator {
  readonly #ledger: Ledger;
  readonly #cluster: KubernetesWorld;
  readonly #templates: readonly string[];
  readonly #tell: (step: Step) => void;

  constructor(
    { ledger, cluster, pools }: Pick<LocalSystem, 'ledger' | 'cluster' | 'pools'>,
    tell: (step: Step) => void,
  ) {
    this.#ledger = ledger;
    this.#cluster = cluster;
    this.#templates = pools.flatMap(({ templates }) => templates);
    this.#tell = tell;
  }

  /** Only the bell that rings for a waiting job is worth a line; the others are alike. */
  onHook({ event, status }: DeliveredHook): void {
    if (event.state !== 'waiting') return;
    const request = this.#ledger.ofRun(event.run.id);
    const said: Told =
      status === undefined || status >= 300
        ? { what: 'hook failed', detail: status === undefined ? 'no answer' : `answered ${status}`, tone: 'bad' }
        : { what: 'hook', detail: `"${event.job.name} is waiting", answered ${status}`, tone: 'faint' };
    this.#tell({ at: Date.now(), poolId: request?.poolId, requestId: request?.id, ...said });
  }

  onDevOps(event: DevOpsEvent): void {
    const about = 'requestId' in event;
    const told = about ? this.#ofRequest(event) : this.#ofAgent(event);
    if (told === undefined) return;
    const requestId = about ? event.requestId : this.#madeFor('agentName' in event ? event.agentName : '');
    this.#tell({ at: event.at, poolId: event.poolId, requestId, ...told });
  }

  onCluster(event: ClusterEvent): void {
    const name = 'jobName' in event ? event.jobName : 'name' in event ? event.name : undefined;
    const agentJob = name === undefined ? undefined : this.#ledger.agentJobs.get(name);
    const told = agentJob === undefined ? undefined : this.#ofAgentJob(event, agentJob);
    if (agentJob === undefined || told === undefined) return;
    this.#tell({ at: event.at, poolId: agentJob.poolId, requestId: agentJob.requestId, ...told });
  }

  /** By the six characters that stand for it in the placeholder's name. */
  #templateOf(placeholder: string): string {
    return this.#templates.find((name) => placeholder.endsWith(`-p-${templateShort(name)}`)) ?? placeholder;
  }

  #deletedAgent({ agentId, agentName }: { readonly agentId: number; readonly agentName: string }): string {
    return this.#ledger.hasServed(agentName)
      ? `agent ${agentId}`
      : `agent ${agentId}, for which nothing was left to do`;
  }

  #madeFor(name: string): number | undefined {
    return this.#ledger.agentJobs.get(name)?.requestId;
  }

  #ofRequest(event: Extract<DevOpsEvent, { readonly requestId: number }>): Told | undefined {
    const request = this.#ledger.requests.get(event.requestId);
    switch (event.kind) {
      case 'requestQueued':
        return { what: 'waiting', detail: demandsOf(request?.demands), tone: 'begin' };
      case 'received':
        return takenTold(event, this.#madeFor(event.agentName));
      case 'finished':
        return finishedTold(event, request?.receivedAt);
      case 'deleteRefused':
        return { what: 'refused', detail: `${event.agentName} is busy and stays`, tone: 'plain' };
      case 'unassigned':
        return { what: 'given back', detail: `${event.agentName} never received it`, tone: 'bad' };
      case 'assigned':
      case 'cancelRequested':
        return undefined;
    }
  }

  #ofAgent(event: Exclude<DevOpsEvent, { readonly requestId: number }>): Told | undefined {
    switch (event.kind) {
      case 'agentAdded':
        return event.placeholder
          ? { what: 'placeholder', detail: `${this.#templateOf(event.agentName)}: an offline agent`, tone: 'faint' }
          : { what: 'registered', detail: `agent ${event.agentId}, its key goes into a Secret`, tone: 'faint' };
      case 'sessionOpened':
        return { what: 'online', detail: `agent ${event.agentId} listens`, tone: 'plain' };
      case 'agentDeleted':
        return { what: 'deleted', detail: this.#deletedAgent(event), tone: 'faint' };
      case 'jobRefused':
        return { what: 'refused', detail: event.message, tone: 'bad' };
      case 'agentReplaced':
      case 'agentUpdated':
      case 'sessionClosed':
        return undefined;
    }
  }

  #ofAgentJob(event: ClusterEvent, { name, template }: AgentJobEntry): Told | undefined {
    switch (event.kind) {
      case 'jobCreated':
        return { what: 'Job', detail: `${name} created, suspended (${template})`, tone: 'plain' };
      case 'podCreated':
        return { what: 'started', detail: 'Job unsuspended, pod created', tone: 'plain' };
      case 'mainStarted':
        return { what: 'running', detail: `pod on ${this.#nodeOf(event.namespace, name)}`, tone: 'plain' };
      case 'podEnded':
        return podEndedTold(event);
      case 'jobDeleted':
        return { what: 'gone', detail: `${name}: Job, pod and Secret`, tone: 'faint' };
      case 'podTerminating':
      case 'secretCreated':
      case 'secretDeleted':
        return undefined;
    }
  }

  #nodeOf(namespace: string, jobName: string): string {
    const [pod] = list(this.#cluster.list('pods', namespace).body, 'items').filter(
      (item) => text(item, 'metadata', 'labels', 'batch.kubernetes.io/job-name') === jobName,
    );
    return text(pod as JsonObject | undefined, 'spec', 'nodeName') ?? 'no node';
  }
}

function takenTold(
  { agentName, requestId }: Extract<DevOpsEvent, { readonly kind: 'received' }>,
  madeFor: number | undefined,
): Told {
  const whose = madeFor === requestId ? '' : `, made for ${madeFor ?? 'no request'}`;
  return { what: 'taken', detail: `by ${agentName}${whose}`, tone: 'plain' };
}

function podEndedTold({ why, exitCode }: Extract<ClusterEvent, { readonly kind: 'podEnded' }>): Told | undefined {
  return exitCode === 0
    ? undefined
    : { what: 'pod ended', detail: `${why}, exit code ${exitCode ?? 'unknown'}`, tone: 'bad' };
}

function finishedTold(
  event: Extract<DevOpsEvent, { readonly kind: 'finished' }>,
  receivedAt: number | undefined,
): Told {
  if (event.lost) return { what: 'lost', detail: 'the server stopped hearing from its agent', tone: 'bad' };
  if (!event.ran) return { what: event.result, detail: 'before an agent took it', tone: 'faint' };
  const worked = receivedAt === undefined ? '' : `after ${seconds(event.at - receivedAt)}`;
  return { what: event.result, detail: worked, tone: event.result === 'succeeded' ? 'good' : 'bad' };
}
