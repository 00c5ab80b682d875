/** Tags on runs, and their cancellation: once each, as far as the run itself remembers. */
import { hasErrorKind } from '../domain/errors.ts';
import { toldKey } from '../plan/observed.ts';
import type { RunOfRequest } from '../plan/plan.ts';
import type { PipelineRuns } from '../ports/runs.ts';
import type { ReconcileDeps } from './deps.ts';
import type { Outcome } from './outcome.ts';
import { type ActionOf, settle } from './settle.ts';

type Told = 'told' | 'told already' | 'no such run' | 'refused' | 'nobody to tell';

/** Remembered whatever came of it, or an identity without the right would try again at every look. */
export async function tagRun({ runs, memory }: ReconcileDeps, run: RunOfRequest, tag: string): Promise<Told> {
  const told = runs === undefined ? 'nobody to tell' : await setTag(runs, run, tag);
  memory.told?.add(toldKey(run.runId, tag));
  return told;
}

async function setTag(runs: PipelineRuns, { projectId, runId }: RunOfRequest, tag: string): Promise<Told> {
  try {
    const tags = await runs.getTags(projectId, runId);
    if (tags === undefined) return 'no such run';
    if (tags.includes(tag)) return 'told already';
    await runs.addTag(projectId, runId, tag);
    return 'told';
  } catch (error) {
    if (hasErrorKind(error, 'forbidden', 'unauthorized', 'notFound')) return 'refused';
    throw error;
  }
}

const outcomeOf = (told: Told): 'done' | 'failed' => (told === 'refused' ? 'failed' : 'done');

export function tellRun(deps: ReconcileDeps, { name, run, tag }: ActionOf<'tellRun'>): Promise<Outcome> {
  return settle('tellRun', name, async () => {
    const told = await tagRun(deps, run, tag);
    return [outcomeOf(told), `run ${run.runId}, ${tag}: ${told}`];
  });
}

/** The tag is set first: a run that is cancelled without a word why would be worse than one that is not. */
export function cancelRun(deps: ReconcileDeps, { name, run, tag }: ActionOf<'cancelRun'>): Promise<Outcome> {
  return settle('cancelRun', name, async () => {
    const told = await tagRun(deps, run, tag);
    if (told !== 'told' || deps.runs === undefined) return [outcomeOf(told), `run ${run.runId}: ${told}`];
    const answer = await deps.runs.cancelRun(run.projectId, run.runId);
    return [answer === 'refused' ? 'failed' : 'done', `run ${run.runId}: ${answer}`];
  });
}
