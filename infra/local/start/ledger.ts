/** What became of each request and for whom each agent job was made: the facts behind story and summary. */

import type { TaskResult } from '../../../shared/domain/jobRequest.ts';
import type { JsonObject } from '../../../shared/domain/json.ts';
import { labels } from '../../../shared/domain/names.ts';
import type { WorldEvent as DevOpsEvent } from '../azureDevOps/events.ts';
import type { AzureDevOpsWorld } from '../azureDevOps/world.ts';
import { text } from '../kubernetes/object.ts';
import type { KubernetesWorld } from '../kubernetes/world.ts';
import type { WorldEvent as ClusterEvent } from '../kubernetes/worldEvent.ts';

/** Instants in epoch ms; absent = it has not happened. */
export interface RequestEntry {
  readonly id: number;
  readonly poolId: number;
  readonly runId: number;
  readonly demands: readonly string[];
  readonly queuedAt: number;
  jobCreatedAt?: number;
  receivedAt?: number;
  finishedAt?: number;
  result?: TaskResult;
  /** Name of the agent that ran it to its end. */
  ranBy?: string;
}

/** An agent job, by the one name that Job, Secret and agent bear. */
export interface AgentJobEntry {
  readonly name: string;
  readonly poolId: number;
  readonly template: string;
  /** The request that it was made for. */
  readonly requestId?: number;
}

export class Ledger {
  readonly requests = new Map<number, RequestEntry>();
  readonly agentJobs = new Map<string, AgentJobEntry>();
  readonly #devOps: AzureDevOpsWorld;

  constructor(devOps: AzureDevOpsWorld, cluster: KubernetesWorld) {
    this.#devOps = devOps;
    devOps.onEvent((event) => this.#onDevOps(event));
    cluster.onEvent((event) => this.#onCluster(event));
  }

  ofRun(runId: number): RequestEntry | undefined {
    return [...this.requests.values()].find((request) => request.runId === runId);
  }

  /** Whether the agent of this name ever ran a request to its end. */
  hasServed(agentName: string): boolean {
    return [...this.requests.values()].some(({ ranBy }) => ranBy === agentName);
  }

  #onDevOps(event: DevOpsEvent): void {
    if (event.kind === 'requestQueued') {
      const { id, poolId, run, demands, queuedAt } = this.#devOps.getJobRequest(event.poolId, event.requestId);
      this.requests.set(id, { id, poolId, runId: run.id, demands, queuedAt });
    }
    const entry = 'requestId' in event ? this.requests.get(event.requestId) : undefined;
    if (entry === undefined) return;
    if (event.kind === 'received') entry.receivedAt = event.at;
    if (event.kind === 'finished') {
      entry.finishedAt = event.at;
      entry.result = event.result;
      if (event.ran && event.agentName !== undefined) entry.ranBy = event.agentName;
    }
  }

  #onCluster(event: ClusterEvent): void {
    if (event.kind !== 'jobCreated') return;
    const agentJob = agentJobOf(event.object, event.name);
    this.agentJobs.set(event.name, agentJob);
    const request = agentJob.requestId === undefined ? undefined : this.requests.get(agentJob.requestId);
    if (request !== undefined) request.jobCreatedAt ??= event.at;
  }
}

function agentJobOf(manifest: JsonObject, name: string): AgentJobEntry {
  const label = (key: string): string | undefined => text(manifest, 'metadata', 'labels', key);
  const requestId = label(labels.requestId);
  return {
    name,
    poolId: Number(label(labels.poolId)),
    template: label(labels.template) ?? '',
    ...(requestId !== undefined && { requestId: Number(requestId) }),
  };
}
