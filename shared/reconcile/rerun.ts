/**
 * Runs what was lost with its pod again: at most once for each loss, and at most once for each stage of a run. The first is
 * decided by a patch of the Job that only one control plane wins, the second by a tag on the run.
 */
import type { AgentJob, LostWork } from '../domain/agentJob.ts';
import { isUnfinished, type JobRequest, type TaskResult } from '../domain/jobRequest.ts';
import type { PipelineRuns, RunStage } from '../ports/runs.ts';
import { clusterOf } from './clusterOf.ts';
import type { ReconcileDeps } from './deps.ts';
import type { Outcome } from './outcome.ts';
import { rerunPatch } from './patches.ts';
import { tellPool } from './poolEvents.ts';
import { type ActionOf, movedOn, type Result, settle, unlessMoved } from './settle.ts';

type Findable = LostWork & { readonly projectId: string; readonly runId: number };

const isFindable = (lost: LostWork): lost is Findable => lost.projectId !== undefined && lost.runId !== undefined;

type Verdict = { readonly kind: 'wait' | 'never' } | { readonly kind: 'again'; readonly stage: string };

const wait: Verdict = { kind: 'wait' };
const never: Verdict = { kind: 'never' };

/** The first two: it was not lost after all. `canceled`: somebody did not want it any more. */
const notAgain: ReadonlySet<TaskResult | undefined> = new Set(['succeeded', 'succeededWithIssues', 'canceled']);

function ofRequest(request: JobRequest | undefined): Verdict | undefined {
  if (request === undefined) return undefined;
  if (notAgain.has(request.result)) return never;
  return isUnfinished(request) ? wait : undefined;
}

function ofStage(stage: RunStage | undefined): Verdict {
  if (stage === undefined) return never;
  if (stage.state !== 'completed') return wait;
  return stage.result === 'failed' ? { kind: 'again', stage: stage.name } : never;
}

/** On the run, so that a second loss of what was run again finds it. */
const rerunTag = (stage: string): string => `mayfly-rerun-${stage}`.replaceAll(/[^\w-]/g, '-').slice(0, 100);

async function verdictOn(deps: ReconcileDeps, runs: PipelineRuns, lost: Findable): Promise<Verdict> {
  const early = ofRequest(await deps.pools.getJobRequest(deps.policy.poolId, lost.requestId));
  if (early !== undefined) return early;
  const stages = await runs.listStages(lost.projectId, lost.runId);
  const verdict = ofStage(stages?.find(({ jobs }) => jobs.some(({ jobId }) => jobId === lost.jobId)));
  if (verdict.kind !== 'again') return verdict;
  const tags = await runs.getTags(lost.projectId, lost.runId);
  return tags?.includes(rerunTag(verdict.stage)) === false ? verdict : never;
}

async function askFor(runs: PipelineRuns, lost: Findable, stage: string): Promise<Result> {
  await runs.addTag(lost.projectId, lost.runId, rerunTag(stage));
  const answer = await runs.retryStage(lost.projectId, lost.runId, stage);
  return [answer === 'asked' ? 'done' : 'failed', `stage ${stage} of run ${lost.runId}: ${answer}`];
}

async function runAgain(deps: ReconcileDeps, agentJob: AgentJob, lost: LostWork): Promise<Result> {
  const { runs } = deps;
  if (runs === undefined || !isFindable(lost)) return ['waiting', 'its run is not known'];
  const verdict = await verdictOn(deps, runs, lost);
  if (verdict.kind === 'wait') return ['waiting', 'its stage has not ended'];
  const cluster = clusterOf(deps, agentJob.cluster);
  const again = verdict.kind === 'again';
  // Decided before the request is sent: run twice would be worse than not at all.
  const decided = cluster.patchAgentJob(agentJob.name, rerunPatch(agentJob, again ? 'asked' : 'none'));
  if (await unlessMoved(decided)) return movedOn;
  if (!again) return ['done', 'not run again'];
  const result = await askFor(runs, lost, verdict.stage);
  const message = `request ${lost.requestId} was lost with agent ${agentJob.name}; ${result[1] ?? ''}`;
  await tellPool(deps, cluster, { reason: 'RunAgain', message, type: 'Normal', subject: agentJob.name });
  return result;
}

export function rerun(deps: ReconcileDeps, { agentJob, lost }: ActionOf<'rerun'>): Promise<Outcome> {
  return settle('rerun', agentJob.name, () => runAgain(deps, agentJob, lost));
}
