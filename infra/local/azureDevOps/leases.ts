/**
 * The life of a request on an agent: assigned, received, renewed, finished. An agent that falls silent loses what it
 * runs only when its lease has run out, and nothing is ever started again by itself.
 */
import type { EpochMs } from '../../../shared/domain/instant.ts';
import { minutesMs } from '../../../shared/domain/instant.ts';
import type { TaskResult } from '../../../shared/domain/jobRequest.ts';
import type { AgentMessage } from './records.ts';
import type { AgentState, OrganisationState, RequestState, SessionState } from './state.ts';
import { ofAgent, ofRequest } from './state.ts';
import { WorldError } from './worldError.ts';

/** The agent renews every 60 s (azure-pipelines-agent JobDispatcher.cs). */
const renewEveryMs = minutesMs(1);

export interface Ending {
  readonly ran: boolean;
  readonly lost: boolean;
}

export class Leases {
  readonly #state: OrganisationState;

  constructor(state: OrganisationState) {
    this.#state = state;
  }

  /** Gives a request to an agent; the message is sent by `deliverJob`. */
  assign(request: RequestState, agent: AgentState): void {
    const at = this.#state.now();
    request.assignedAt = at;
    request.renewedAt = at;
    request.agent = agent;
    request.assignments.push({ agentId: agent.id, agentName: agent.name, at });
    agent.reservedBy = request;
    this.#state.used[request.parallelism] += 1;
    this.#checkReceived(request, this.#state.limits.unreceivedMs);
    this.#state.emit({ kind: 'assigned', ...ofRequest(request), ...ofAgent(agent) });
  }

  deliverJob(request: RequestState): void {
    const session = request.agent?.session;
    if (session === undefined || request.result !== undefined) return;
    deliver(session, {
      messageId: this.#state.next('message'),
      messageType: 'PipelineAgentJobRequest',
      requestId: request.id,
      jobId: request.jobId,
      planId: request.run.planId,
      jobName: request.jobName,
      durationMs: request.durationMs,
    });
  }

  deliverCancellation(request: RequestState): void {
    const session = request.agent?.session;
    if (session === undefined) return;
    const { id: requestId, jobId } = request;
    const messageId = this.#state.next('message');
    deliver(session, { messageId, messageType: 'JobCancellation', requestId, jobId });
  }

  /** The agent has it: the job runs from here. */
  receive(request: RequestState, agent: AgentState): void {
    if (request.receivedAt !== undefined || request.result !== undefined || request.agent !== agent) return;
    request.receivedAt = this.#state.now();
    request.renewedAt = request.receivedAt;
    request.timer?.();
    if (agent.session?.attached !== true) this.#watchLease(request);
    this.#state.emit({ kind: 'received', ...ofRequest(request), ...ofAgent(agent) });
    this.#state.emitJobState(request, 'running');
  }

  renew(poolId: number, requestId: number, agentId?: number): EpochMs {
    const { request, agent } = this.#held(poolId, requestId, agentId);
    this.receive(request, agent);
    request.renewedAt = this.#state.now();
    return lockedUntil(this.#state, request) ?? this.#state.now();
  }

  complete(
    held: { poolId: number; requestId: number; agentId?: number | undefined },
    result: TaskResult,
    last: boolean,
  ) {
    const { request, agent } = this.#held(held.poolId, held.requestId, held.agentId);
    if (last) agent.shuttingDown = !this.#state.random.chance(this.#state.limits.lateAssignmentChance);
    const ran = request.receivedAt !== undefined;
    if (ran) request.ranBy = agent.name;
    this.finish(request, result, { ran, lost: false });
  }

  finish(request: RequestState, result: TaskResult, ending: Ending): void {
    const { agent, pool } = request;
    request.result = result;
    request.finishedAt = this.#state.now();
    request.timer?.();
    pool.unfinished.delete(request.id);
    pool.finished.push(request);
    if (agent !== undefined) {
      this.#release(request, agent);
      // [I] Whatever ended while it was reserved for the agent counts as its last completed request.
      agent.lastCompleted = request;
    }
    endJob(request, result, request.finishedAt);
    const by = agent === undefined ? {} : { agentId: agent.id, agentName: agent.name };
    this.#state.emit({ kind: 'finished', ...ofRequest(request), result, ...ending, ...by });
    this.#state.emitJobState(request, 'completed');
    this.#state.changed();
  }

  /** Nobody renews any more what the agent of a formerly attached session runs. */
  letRunOut(agent: AgentState): void {
    const request = agent.reservedBy;
    if (request?.receivedAt === undefined) return;
    request.renewedAt = lastRenewal(request, this.#state.now());
    this.#watchLease(request);
  }

  #release(request: RequestState, agent: AgentState): void {
    this.#state.used[request.parallelism] -= 1;
    if (agent.reservedBy === request) agent.reservedBy = undefined;
    const { session } = agent;
    if (session !== undefined) session.messages = session.messages.filter((other) => other.requestId !== request.id);
  }

  #held(poolId: number, requestId: number, agentId: number | undefined): { request: RequestState; agent: AgentState } {
    const request = this.#state.request(requestId, poolId);
    const { agent } = request;
    if (agent === undefined || request.result !== undefined || (agentId ?? agent.id) !== agent.id) {
      throw new WorldError(
        'TaskAgentJobTokenExpiredException',
        400,
        `The lock on job request ${requestId} has expired.`,
      );
    }
    return { request, agent };
  }

  #checkReceived(request: RequestState, inMs: number): void {
    request.timer = this.#state.clock.after(inMs, () => {
      const { agent } = request;
      if (agent === undefined || request.receivedAt !== undefined) return;
      if (agent.session !== undefined) return this.#checkReceived(request, renewEveryMs);
      this.#release(request, agent);
      request.agent = undefined;
      request.assignedAt = undefined;
      request.renewedAt = undefined;
      const place = this.#state.waiting.findIndex((other) => other.id > request.id);
      this.#state.waiting.splice(place === -1 ? this.#state.waiting.length : place, 0, request);
      this.#state.emit({ kind: 'unassigned', ...ofRequest(request), ...ofAgent(agent) });
      this.#state.changed();
    });
  }

  #watchLease(request: RequestState): void {
    const { leaseSweepMs } = this.#state.limits;
    const left = (lockedUntil(this.#state, request) ?? 0) - this.#state.now();
    const sweep = this.#state.random.between(leaseSweepMs.min, leaseSweepMs.max);
    request.timer?.();
    request.timer = this.#state.clock.after(left + sweep, () => {
      const attached = request.agent?.session?.attached === true;
      if (attached || request.result !== undefined) return;
      if ((lockedUntil(this.#state, request) ?? 0) > this.#state.now()) return this.#watchLease(request);
      // "We stopped hearing from agent": the job fails and is never queued again (pipelines/process/runs).
      this.finish(request, request.cancelRequested ? 'canceled' : 'abandoned', { ran: false, lost: true });
    });
  }
}

function deliver(session: SessionState, message: AgentMessage): void {
  session.messages.push(message);
  session.incoming.emit(message);
}

function lastRenewal(request: RequestState, now: EpochMs): EpochMs | undefined {
  const { receivedAt } = request;
  if (receivedAt === undefined) return request.renewedAt;
  return receivedAt + Math.floor((now - receivedAt) / renewEveryMs) * renewEveryMs;
}

/** Lease end; that of an attached session moves by itself. */
export function lockedUntil(state: OrganisationState, request: RequestState): EpochMs | undefined {
  const renewsItself = request.agent?.session?.attached === true && request.result === undefined;
  const renewedAt = renewsItself ? lastRenewal(request, state.now()) : request.renewedAt;
  return renewedAt === undefined ? undefined : renewedAt + state.limits.leaseMs;
}

const severity = { succeeded: 0, canceled: 1, failed: 2 } as const;

/** Counts a job of a run as ended; the run ends with its last one. */
function endJob(request: RequestState, result: TaskResult, at: EpochMs): void {
  const { run } = request;
  const verdict = result.startsWith('succeeded') ? 'succeeded' : result === 'canceled' ? 'canceled' : 'failed';
  if (severity[verdict] > severity[run.worst]) run.worst = verdict;
  run.open -= 1;
  if (run.open > 0 || run.result !== undefined) return;
  run.finishedAt = at;
  run.result = run.worst;
}
