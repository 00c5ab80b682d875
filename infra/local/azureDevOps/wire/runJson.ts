/** Runs that the Runs API started, as that API and as the Build API tell them. */
import type { RunView } from '../pipelineRuns.ts';
import type { Wire } from './wire.ts';
import type { Json } from './wireJson.ts';

const iso = (at: number | undefined): string | undefined => (at === undefined ? undefined : new Date(at).toISOString());

function webLink(wire: Wire, run: RunView): Json {
  const { url } = wire.world.organisation;
  return { web: { href: `${url}/${run.pipeline.project.id}/_build/results?buildId=${run.id}` } };
}

/** Lists tell no templateParameters (vsts-rest-api-specs#579, 2022-11); the spec's Build has them (build.json 7.1). */
export function buildJson(wire: Wire, run: RunView): Json {
  return {
    _links: webLink(wire, run),
    id: run.id,
    buildNumber: `20260105.${run.id}`,
    status: run.status,
    result: run.result,
    queueTime: iso(run.queuedAt),
    startTime: iso(run.startedAt),
    finishTime: iso(run.finishedAt),
    reason: 'manual',
    sourceBranch: run.refName,
    definition: { id: run.pipeline.id, name: run.pipeline.name },
    project: run.pipeline.project,
  };
}

/** The Runs API knows no `partiallySucceeded` (pipelines.json 7.2); which of its own results it tells then is inferred. */
export function runJson(wire: Wire, run: RunView): Json {
  const result = run.result === 'partiallySucceeded' ? 'succeeded' : run.result;
  return {
    _links: webLink(wire, run),
    id: run.id,
    name: `20260105.${run.id}`,
    state: run.status === 'completed' ? 'completed' : 'inProgress',
    result,
    createdDate: iso(run.queuedAt),
    finishedDate: iso(run.finishedAt),
    templateParameters: run.templateParameters,
    pipeline: { id: run.pipeline.id, name: run.pipeline.name, revision: 1, folder: '\\' },
  };
}

/** A failed task fails its job, stage and run with it: all of them are records. */
export function timelineJson(run: RunView): Json {
  const result = run.result === 'partiallySucceeded' ? 'succeededWithIssues' : run.result;
  const common = {
    state: run.status === 'completed' ? 'completed' : 'inProgress',
    result,
    finishTime: iso(run.finishedAt),
  };
  const issues = run.result === 'failed' ? [{ type: 'error', message: 'Bash exited with code 1.' }] : [];
  return {
    id: `00000000-0000-0000-0000-${String(run.id).padStart(12, '0')}`,
    records: [
      { ...common, type: 'Stage', name: '__default', log: null },
      { ...common, type: 'Job', name: 'build', log: { id: 2, type: 'Container' } },
      { ...common, type: 'Task', name: 'Checkout', result: 'succeeded', log: { id: 3, type: 'Container' } },
      { ...common, type: 'Task', name: 'Build and push', log: { id: 4, type: 'Container' }, issues },
    ],
  };
}

export const logOf = (run: RunView): readonly string[] => run.pipeline.log ?? ['Starting: Build and push'];
