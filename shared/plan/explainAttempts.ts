/** The agent jobs that were made for one request, and what came of each. */
import { type AgentJob, type AgentJobPhase, type BootCause, isTombstone, type Rerun } from '../domain/agentJob.ts';
import { defined } from '../domain/defined.ts';
import type { EpochMs } from '../domain/instant.ts';
import { endedAt, isFailure } from './backoff.ts';
import { bootCause } from './boot.ts';
import type { Told } from './explainFate.ts';
import { wasEverOnline } from './supply.ts';
import { agentOf, type View } from './view.ts';

export interface AttemptTrail {
  readonly name: string;
  readonly template: string;
  readonly cluster: string;
  readonly phase: AgentJobPhase;
  readonly createdAt: EpochMs;
  /** Why it was retired or rolled back. */
  readonly reason?: string;
  /** What more was known of that then. */
  readonly detail?: string;
  /** What keeps or kept its agent from coming online. */
  readonly cause?: BootCause;
  /** The kubelet's or scheduler's own words for it. */
  readonly message?: string;
  /** How long that cause is borne, in ms, while it boots. */
  readonly causeLimitMs?: number;
  readonly exitCode?: number;
  /** The request that its agent holds now. */
  readonly holds?: number;
  /** The request that its agent has served; another one than its own where agents were exchanged. */
  readonly served?: number;
  /** The request that its agent held when its process was gone, and whether that was run again. */
  readonly lost?: { readonly requestId: number; readonly rerun: Rerun };
  readonly endedAt?: EpochMs;
  /** Its pod, while it is there to be looked at. */
  readonly pod?: string;
  /** The end of what its agent printed, where something went wrong with it. */
  readonly lastLines?: readonly string[];
  /** It counts against the next attempt: backoff, breaker, or it is being ended first. */
  readonly failed: boolean;
}

function causeOf(view: View, agentJob: AgentJob): BootCause | undefined {
  if (agentJob.served !== undefined || agentJob.phase === 'creating') return undefined;
  const agent = agentOf(view, agentJob);
  if (agent !== undefined && (view.reserved.has(agent.id) || wasEverOnline(agent))) return undefined;
  const cause = agentJob.phase === 'started' ? bootCause(agentJob) : agentJob.pod?.cause;
  return cause === 'none' ? undefined : cause;
}

function causeTrail(view: View, agentJob: AgentJob): Pick<AttemptTrail, 'cause' | 'message' | 'causeLimitMs'> {
  const cause = causeOf(view, agentJob);
  // What was written down when it was retired was seen then; a pod that is kept says no more than that.
  if (cause === undefined || agentJob.detail !== undefined) return {};
  const causeLimitMs = agentJob.phase === 'started' ? view.policy.bootLimits[cause] : undefined;
  return { cause, ...defined({ message: agentJob.pod?.message, causeLimitMs }) };
}

function attemptTrail({ view, provision, request }: Told, agentJob: AgentJob): AttemptTrail {
  const { name, template, cluster, phase, createdAt, reason, detail, pod, served } = agentJob;
  const agent = agentOf(view, agentJob);
  const holds = agent === undefined ? undefined : view.reserved.get(agent.id)?.id;
  const ended = isTombstone(agentJob) ? endedAt(agentJob) : undefined;
  return {
    name,
    template,
    cluster,
    phase,
    createdAt,
    ...defined({ reason, detail, exitCode: pod?.exitCode, holds, served, lost: lostTrail(agentJob), endedAt: ended }),
    ...defined({ pod: pod?.name }),
    ...causeTrail(view, agentJob),
    failed: isFailure(agentJob) || provision.shared.attempts.failed(request.id)?.name === name,
  };
}

const lostTrail = ({ lost, rerun = 'none' }: AgentJob): AttemptTrail['lost'] =>
  lost && { requestId: lost.requestId, rerun };

/** First to last; those made for others that had it come after its own. */
export function attemptTrails(told: Told): readonly AttemptTrail[] {
  const { view, provision, request } = told;
  const own = provision.shared.attempts.of(request.id);
  const others = view.agentJobs.filter(
    (agentJob) => !own.includes(agentJob) && [agentJob.lost?.requestId, agentJob.served].includes(request.id),
  );
  return [...own, ...others].map((agentJob) => attemptTrail(told, agentJob));
}
