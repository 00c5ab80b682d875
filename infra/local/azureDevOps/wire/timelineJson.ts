/** Stages of a run as the records of its timeline: a Stage holds Phases, and each of these one Job here. */
import type { StageRecord } from '../records.ts';
import { guidOf } from '../state.ts';
import type { Json } from './wireJson.ts';

export function timelineJson(runId: number, stages: readonly StageRecord[]): Json {
  return { id: guidOf(`timeline:${runId}`), changeId: 1, records: stages.flatMap(recordsOf) };
}

function recordsOf(stage: StageRecord): readonly Json[] {
  const stageId = guidOf(`stage:${stage.name}`);
  const { name, state, result } = stage;
  const jobs = stage.jobs.flatMap((job, index) => {
    const identifier = `${name}.${job.name}`;
    const phaseId = guidOf(`phase:${identifier}`);
    const common = { name: job.name, state: job.state, result: job.result, attempt: job.attempt, order: index + 1 };
    return [
      { ...common, id: phaseId, parentId: stageId, type: 'Phase', identifier },
      { ...common, id: job.jobId, parentId: phaseId, type: 'Job', identifier: `${identifier}.__default` },
    ];
  });
  const attempt = Math.max(...stage.jobs.map((job) => job.attempt));
  return [{ id: stageId, type: 'Stage', name, identifier: name, state, result, attempt }, ...jobs];
}
