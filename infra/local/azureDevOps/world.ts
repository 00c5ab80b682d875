/**
 * One Azure DevOps organisation as a state machine: pools, agents, sessions and job requests on an injected clock.
 * Verbs are synchronous; what takes time (assignment, leases, dying sessions) happens by the clock's timers. Both
 * doors, in process and over HTTP, are thin skins over these verbs. A verb that the server would refuse throws
 * WorldError.
 */
import type { EpochMs } from '../../../shared/domain/instant.ts';
import type { TaskResult } from '../../../shared/domain/jobRequest.ts';
import { AgentRegistry } from './agentRegistry.ts';
import { AssignmentPass } from './assignment.ts';
import type { ForeignJob, JobStateEvent, Unsubscribe, WorldEvent } from './events.ts';
import { operator } from './events.ts';
import { JobQueue } from './jobQueue.ts';
import { Leases } from './leases.ts';
import type { WorldLimits, WorldOptions } from './options.ts';
import type * as records from './records.ts';
import { RequestLists } from './requestLists.ts';
import { Runs } from './runs.ts';
import { Sessions } from './sessions.ts';
import { OrganisationState } from './state.ts';

export class AzureDevOpsWorld {
  readonly #state: OrganisationState;
  readonly #leases: Leases;
  readonly #sessions: Sessions;
  readonly #registry: AgentRegistry;
  readonly #jobs: JobQueue;
  readonly #lists: RequestLists;
  readonly #runs: Runs;

  constructor(options: WorldOptions) {
    this.#state = new OrganisationState(options);
    this.#leases = new Leases(this.#state);
    this.#sessions = new Sessions(this.#state, this.#leases);
    this.#registry = new AgentRegistry(this.#state, this.#sessions);
    this.#jobs = new JobQueue(this.#state, this.#leases);
    this.#lists = new RequestLists(this.#state);
    this.#runs = new Runs(this.#state, this.#jobs);
    const pass = new AssignmentPass(this.#state, this.#leases);
    this.#state.whenChanged(() => pass.wake());
  }

  /** The server's time: the injected clock plus the skew. */
  now(): EpochMs {
    return this.#state.now();
  }

  /** Name and addresses of the organisation. The HTTP door sets them once it knows its port. */
  get organisation(): { name: string; url: string; authorizationUrl: string } {
    return this.#state.organisation;
  }

  /** May be changed at any time; holds for what happens afterwards. */
  get limits(): WorldLimits {
    return this.#state.limits;
  }

  /** Listeners observe; one that acts on the world does so from a timer. */
  onEvent(listener: (event: WorldEvent) => void): Unsubscribe {
    return this.#state.events.subscribe(listener);
  }

  onJobState(listener: (event: JobStateEvent) => void): Unsubscribe {
    return this.#state.jobStates.subscribe(listener);
  }

  // Operators: what administrators, pipeline authors and fate do.

  setSkew(ms: number): void {
    this.#state.skewMs = ms;
  }

  setParallelJobs(total: number): void {
    this.#state.parallelJobs = total;
    this.#state.changed();
  }

  addProject(name: string): records.Project {
    return this.#jobs.project(name);
  }

  listProjects(): readonly records.Project[] {
    return [...this.#state.projects.values()];
  }

  addPool(spec: { id?: number; name: string; autoUpdate?: boolean }): records.Pool {
    return this.#registry.addPool(spec);
  }

  /** PATCH of a pool. */
  updatePool(poolId: number, change: { autoUpdate?: boolean }): records.Pool {
    return this.#registry.updatePool(poolId, change);
  }

  queueJob(spec: records.JobSpec): records.QueuedJob {
    return this.#jobs.queue(spec);
  }

  /** A new request with the same job id and one attempt more. */
  retryJob(requestId: number): records.QueuedJob {
    return this.#jobs.retry(requestId);
  }

  /** Before it is received: canceled at once. Running: its agent is told, and completes it. */
  cancelJob(requestId: number): void {
    this.#jobs.cancel(requestId);
  }

  /** The author's delay: a delayed request is not assigned. */
  delayJob(requestId: number, delayed: boolean): void {
    this.#jobs.delay(requestId, delayed);
  }

  /** Ends the run and leaves its requests unfinished: the ghost requests that the service sometimes keeps. */
  orphanRun(runId: number): void {
    this.#jobs.orphanRun(runId);
  }

  /** The same, by one of the requests that stay. */
  orphanRequest(requestId: number): void {
    this.#jobs.orphanRun(this.#state.request(requestId).run.id);
  }

  getRun(runId: number): records.Run | undefined {
    return this.#state.runs.get(runId);
  }

  /** Tags, cancellation and stages of runs. A run that there is none of throws 404. */
  get runs(): Runs {
    return this.#runs;
  }

  emitForeignJobEvent(job: ForeignJob): void {
    this.#jobs.emitForeign(job);
  }

  /** An agent with a pending update gets no jobs until the update is over. */
  setUpdatePending(poolId: number, agentId: number, pending: boolean): void {
    this.#registry.setUpdatePending(poolId, agentId, pending);
  }

  /** The server assigns nothing to this agent, however idle and capable, and tells nobody. */
  ignoreAgent(poolId: number, agentId: number, ignored = true): void {
    this.#registry.ignore(poolId, agentId, ignored);
  }

  // Registration and reading: what comes through the doors. `by` names the caller in events.

  listPools(name?: string): readonly records.Pool[] {
    return this.#registry.listPools(name);
  }

  getPool(poolId: number): records.Pool {
    return this.#registry.getPool(poolId);
  }

  /** POST. Without a public key the agent is a placeholder: it gets no client id and nothing can connect as it. */
  addAgent(poolId: number, agent: records.AgentRegistration, by = operator): records.AgentRecord {
    return this.#registry.add(poolId, agent, by);
  }

  /** PUT. Keeps id, creation time and user capabilities; the rest is overwritten. */
  replaceAgent(poolId: number, agentId: number, agent: records.AgentRegistration, by = operator): records.AgentRecord {
    return this.#registry.replace(poolId, agentId, agent, by);
  }

  /** PATCH. */
  updateAgent(poolId: number, agentId: number, patch: records.AgentPatch, by = operator): records.AgentRecord {
    return this.#registry.update(poolId, agentId, patch, by);
  }

  /** Refused (TaskAgentJobStillRunningException) while an unfinished request reserves it, unless forced. */
  deleteAgent(poolId: number, agentId: number, by = operator, force = false): void {
    this.#registry.delete(poolId, agentId, { by, force });
  }

  /** All agents of the pool: the server never pages this list. `name` filters, whatever its case. */
  listAgents(poolId: number, name?: string): readonly records.AgentRecord[] {
    return this.#registry.list(poolId, name);
  }

  getAgent(poolId: number, agentId: number): records.AgentRecord {
    return this.#registry.get(poolId, agentId);
  }

  /** For the token endpoint: whose key signed an assertion. */
  findAgentByClientId(clientId: string): records.AgentRecord | undefined {
    return this.#registry.findByClientId(clientId);
  }

  /** Newest first. The shape depends on the query: see RequestQuery. */
  listJobRequests(poolId: number, query: records.RequestQuery = {}): readonly records.RequestRecord[] {
    return this.#lists.list(poolId, query);
  }

  /** The unfinished ones without matchedAgents, which cost the most to tell. */
  listUnfinishedRequests(poolId: number): readonly records.RequestRecord[] {
    return this.#lists.unfinished(poolId);
  }

  getJobRequest(poolId: number, requestId: number, includeStatus = false): records.RequestRecord {
    return this.#lists.get(poolId, requestId, includeStatus);
  }

  getResourceUsage(parallelism: 'private' | 'public' = 'private'): records.ResourceUsage {
    return this.#lists.usage(parallelism);
  }

  /** The figures of getResourceUsage alone. */
  parallelJobs(): Pick<records.ResourceUsage, 'totalCount' | 'usedCount'> {
    return { totalCount: this.#state.parallelJobs, usedCount: this.#state.used.private };
  }

  snapshot(poolId: number): records.PoolSnapshot {
    return {
      at: this.now(),
      agents: this.#registry.list(poolId),
      requests: this.#lists.all(poolId),
    };
  }

  // Agents: what a listener does.

  /** The session's capabilities replace the registered system capabilities. */
  openSession(poolId: number, agentId: number, spec: records.SessionSpec): records.Session {
    return this.#sessions.open(poolId, agentId, spec);
  }

  closeSession(sessionId: string): void {
    this.#sessions.close(sessionId);
  }

  keepAlive(sessionId: string): void {
    this.#sessions.keepAlive(sessionId);
  }

  /** The listener of an attached session is gone without a word: session and leases run out from here. */
  crash(sessionId: string): void {
    this.#sessions.crash(sessionId);
  }

  /** Takes part in nothing but the session: the first unacknowledged message after `lastMessageId`, if any. */
  takeMessage(sessionId: string, lastMessageId = 0): records.AgentMessage | undefined {
    return this.#sessions.takeMessage(sessionId, lastMessageId);
  }

  /** Every unacknowledged message now, and each new one as it comes. */
  onMessage(sessionId: string, listener: (message: records.AgentMessage) => void): Unsubscribe {
    return this.#sessions.onMessage(sessionId, listener);
  }

  /** Called once when the session ends, whatever ended it. */
  onSessionEnd(sessionId: string, listener: (because: records.SessionEnd) => void): Unsubscribe {
    return this.#sessions.onEnd(sessionId, listener);
  }

  /** The acknowledgement. That of a job message marks its request as received. */
  deleteMessage(sessionId: string, messageId: number): void {
    this.#sessions.deleteMessage(sessionId, messageId);
  }

  /** The first one marks the request as received. Answers the new end of the lease. */
  renewRequest(poolId: number, requestId: number, agentId?: number): EpochMs {
    return this.#leases.renew(poolId, requestId, agentId);
  }

  /**
   * `agentShuttingDown`: its agent takes nothing more in this session. `agentId`, where the door knows who calls:
   * an agent that lost the request meanwhile is refused.
   */
  completeRequest(
    poolId: number,
    requestId: number,
    result: TaskResult,
    agentShuttingDown = false,
    agentId?: number,
  ): void {
    this.#leases.complete({ poolId, requestId, agentId }, result, agentShuttingDown);
  }
}
