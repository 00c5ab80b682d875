/** The in-process door to runs: the port PipelineRuns directly over the world. */
import type { UpstreamErrorKind } from '../../../shared/domain/errors.ts';
import { hasErrorKind } from '../../../shared/domain/errors.ts';
import type { PipelineRuns, RunStage } from '../../../shared/ports/runs.ts';
import type { InProcessOptions } from './inProcessCall.ts';
import { InProcessCalls } from './inProcessCall.ts';
import type { StageRecord } from './records.ts';
import type { AzureDevOpsWorld } from './world.ts';
import { runNotFound } from './worldError.ts';

export function inProcessPipelineRuns(world: AzureDevOpsWorld, options: InProcessOptions): PipelineRuns {
  const calls = new InProcessCalls(options);
  /** A run of another project does not exist there. */
  const call = <T>(verb: keyof PipelineRuns, projectId: string, runId: number, effect: () => T): Promise<T> =>
    calls.call({ verb, operation: gerunds[verb], target: `${runId}` }, () => {
      if (world.getRun(runId)?.project.id !== projectId) throw runNotFound(runId);
      return effect();
    });
  return {
    getTags: (projectId, runId) =>
      unless(
        ['notFound'],
        undefined,
        call('getTags', projectId, runId, () => world.runs.tags(runId)),
      ),
    addTag: (projectId, runId, tag) => call('addTag', projectId, runId, () => void world.runs.addTag(runId, tag)),
    cancelRun: async (projectId, runId) => {
      const asked = call('cancelRun', projectId, runId, () => {
        const isOver = world.getRun(runId)?.finishedAt !== undefined;
        world.runs.cancel(runId);
        return isOver ? ('over' as const) : ('asked' as const);
      });
      return unless(['forbidden'], 'refused', unless(['conflict', 'invalid', 'notFound'], 'over', asked));
    },
    listStages: (projectId, runId) =>
      unless(
        ['notFound'],
        undefined,
        call('listStages', projectId, runId, () => world.runs.stages(runId).map(stageOf)),
      ),
    retryStage: (projectId, runId, stage) => {
      const asked = call('retryStage', projectId, runId, () => {
        world.runs.retryStage(runId, stage);
        return 'asked' as const;
      });
      return unless(['forbidden', 'conflict', 'invalid', 'notFound'], 'refused', asked);
    },
  };
}

const gerunds: Readonly<Record<keyof PipelineRuns, string>> = {
  getTags: 'getting the tags of a run',
  addTag: 'tagging a run',
  cancelRun: 'cancelling a run',
  listStages: 'reading the timeline of a run',
  retryStage: 'retrying a stage',
};

const states = { pending: 'pending', inProgress: 'running', completed: 'completed' } as const;

const stageOf = ({ name, state, result, jobs }: StageRecord): RunStage => ({
  name,
  state: states[state],
  ...(result !== undefined && { result }),
  jobs: jobs.map((job) => ({ jobId: job.jobId, name: job.name })),
});

async function unless<T, const V>(kinds: readonly UpstreamErrorKind[], value: V, call: Promise<T>): Promise<T | V> {
  try {
    return await call;
  } catch (error) {
    if (hasErrorKind(error, ...kinds)) return value;
    throw error;
  }
}
