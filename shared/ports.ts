/**
 * The outside world as Mayfly sees it. Every method rejects with an UpstreamError whose kind is classified; what is
 * not found is a value wherever absence is an answer. Adapters implement these over the real SDKs, the stand-ins
 * over their worlds; one contract suite holds both to the same behaviour.
 */
import type { Agent, Capabilities, NewAgent, RegisteredAgent } from './domain/agent.ts';
import type { AgentJob } from './domain/agentJob.ts';
import type { ControlData } from './domain/control.ts';
import type { EpochMs } from './domain/instant.ts';
import type { IntentMessage } from './domain/intent.ts';
import type { JobRequest } from './domain/jobRequest.ts';
import type { JsonObject, JsonPatch } from './domain/json.ts';
import type { Leftover } from './domain/leftover.ts';
import type { NameScope } from './domain/names.ts';
import type { Amounts } from './domain/quota.ts';
import type { Secret } from './domain/secret.ts';

/** A value and the server's own time when it answered (its Date header). */
export interface Stamped<T> {
  readonly value: T;
  readonly at: EpochMs;
}

export interface ParallelJobs {
  readonly total: number;
  readonly used: number;
}

export interface AgentUpdate {
  readonly id: number;
  readonly name: string;
  readonly enabled?: boolean;
  readonly version?: string;
  readonly capabilities?: Capabilities;
}

/** The pools, agents and job requests of one organisation. */
export interface AgentPools {
  /** The unfinished requests of a pool. Complete or rejected: never a first page. */
  listJobRequests(poolId: number): Promise<Stamped<readonly JobRequest[]>>;
  /** One request, finished or not; undefined = 404. Absence from the list above proves nothing, this does. */
  getJobRequest(poolId: number, requestId: number): Promise<JobRequest | undefined>;
  /** All agents of a pool with capabilities, assigned and last completed request. */
  listAgents(poolId: number): Promise<Stamped<readonly Agent[]>>;
  /** One agent with capabilities, assigned and last completed request; undefined = 404. */
  getAgent(poolId: number, agentId: number): Promise<Agent | undefined>;
  /** The agent of exactly this name; undefined = the server knows none. */
  findAgent(poolId: number, name: string): Promise<Agent | undefined>;
  /** Registers an agent. Sent once, never retried: a lost reply rejects. `conflict` = the name exists. */
  addAgent(poolId: number, agent: NewAgent): Promise<RegisteredAgent>;
  /** Changes what is given and nothing else; `notFound` = no such agent. */
  updateAgent(poolId: number, update: AgentUpdate): Promise<void>;
  /** `refused` = the server says that it runs a job (or refuses for any reason that is no credential's). */
  deleteAgent(poolId: number, agentId: number): Promise<'deleted' | 'absent' | 'refused'>;
  /** True when the run that made a request is over; undefined = the server does not know the run, or it is no build. */
  isRunOver(projectId: string, runId: number): Promise<boolean | undefined>;
  /** Private parallel jobs of the organisation on self-hosted agents. */
  getParallelJobs(): Promise<ParallelJobs>;
}

/** What is told to whoever looks at a pool with kubectl. */
export interface PoolEvent {
  /** One CamelCase word. */
  readonly reason: string;
  /** Cut at 1024 characters, which is all that events.k8s.io takes. */
  readonly message: string;
  readonly type: 'Normal' | 'Warning';
  /** What it is about: an agent job, a template, a request. One event for each subject and reason. */
  readonly subject: string;
}

/** One Kubernetes cluster and namespace in which agent jobs run. */
export interface Cluster {
  readonly name: string;
  /** All agent jobs of a pool with their pods; complete or rejected. */
  listAgentJobs(scope: NameScope): Promise<readonly AgentJob[]>;
  /** One agent job with its pod; undefined = 404. */
  getAgentJob(name: string): Promise<AgentJob | undefined>;
  /** `conflict` = the name exists. */
  createAgentJob(manifest: JsonObject): Promise<AgentJob>;
  /** `invalid` = a `test` of the patch failed; `notFound` = no such Job. */
  patchAgentJob(name: string, patch: JsonPatch): Promise<AgentJob>;
  /** Background propagation, with the UID as precondition; `replaced` = another Job bears the name now. */
  deleteAgentJob(name: string, uid: string): Promise<'deleted' | 'absent' | 'replaced'>;
  /** `conflict` = the name exists. */
  createSecret(manifest: JsonObject): Promise<void>;
  /** The UIDs of a Secret's owners, never its data; undefined = 404. */
  getSecretOwners(name: string): Promise<readonly string[] | undefined>;
  deleteSecret(name: string): Promise<'deleted' | 'absent'>;
  /** The data of the control ConfigMap of a pool; undefined = there is none. */
  getControl(poolId: number): Promise<ControlData | undefined>;
  /** Sets these keys of the control ConfigMap and removes those that are undefined; creates it where there is none. */
  patchControl(poolId: number, changes: Readonly<Record<string, string | undefined>>): Promise<void>;
  /**
   * The same, but only where every key of `expected` still has this value (undefined = is not there); `changed` = some
   * key has not, and nothing was written.
   */
  testAndPatchControl(
    poolId: number,
    expected: Readonly<Record<string, string | undefined>>,
    changes: Readonly<Record<string, string | undefined>>,
  ): Promise<'written' | 'changed'>;
  /** What each resource quota that agent jobs fall under leaves in the namespace. */
  listQuotaRoom(): Promise<readonly Amounts[]>;
  /** An Event of the control ConfigMap of a pool; a repetition is counted on the Event that is there. */
  recordEvent(poolId: number, event: PoolEvent): Promise<void>;
  /**
   * Secrets, claims and network policies of a pool, by their metadata alone. A kind that this identity may not list is
   * left out: what is not seen is not removed, and no rule may read more into its absence.
   */
  listLeftovers(scope: NameScope): Promise<readonly Leftover[]>;
  /** With the UID as precondition; `replaced` = another object bears the name now. */
  deleteLeftover(leftover: Pick<Leftover, 'kind' | 'name' | 'uid'>): Promise<'deleted' | 'absent' | 'replaced'>;
  /** Ends a pod within this grace, of which the shorter one holds; with its UID as precondition. */
  endPod(podName: string, uid: string, graceSeconds: number): Promise<'ended' | 'absent'>;
  /** Ends, within this grace, the running pods of a Job that is gone; the number of them. */
  endPodsOf(jobName: string, graceSeconds: number): Promise<number>;
  /** The end of what the agent's container printed; undefined = no such pod, or it has printed nothing yet. */
  readPodLog(podName: string, lines: number): Promise<string | undefined>;
}

/** A fresh key pair for one agent. */
export interface AgentKey {
  readonly publicKey: { readonly exponent: string; readonly modulus: string };
  /** The content of `.credentials_rsaparams`. */
  readonly rsaParameters: Secret;
}

export interface AgentKeys {
  generate(): Promise<AgentKey>;
}

export interface Clock {
  now(): EpochMs;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Signs of a rate limit on whatever answers an organisation gave, successes included. */
export interface Throttle {
  /** Until when they asked to be left alone, by this machine's clock; it may be over. undefined = none ever did. */
  readonly until: EpochMs | undefined;
}

export interface Nonces {
  next(): string;
}

export type { IntentMessage };

export interface IntentQueue {
  send(messages: readonly IntentMessage[]): Promise<void>;
}

export interface Vault {
  /** The latest value of a secret; `notFound` where there is none. */
  getSecret(name: string): Promise<Secret>;
}

/** Where a bearer token or PAT for Azure DevOps comes from. */
export interface TokenSource {
  getToken(scope: string): Promise<{ readonly token: Secret; readonly expiresAt: EpochMs }>;
  /** Somebody refused the token: what is remembered of it is asked for anew. */
  forget?(scope: string): void;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Log {
  write(level: LogLevel, event: string, fields?: LogFields): void;
}
