import type { RunnablePipeline } from '../pipelineRuns.ts';
import { WireRefusal } from './refusal.ts';
import { requireUser } from './rights.ts';
import type { WireContext } from './wire.ts';

/** A project that an identity may not see does not exist for it. */
export function requireProject(c: WireContext, pipeline: RunnablePipeline): void {
  const wanted = (c.req.param('project') ?? '').toLowerCase();
  const { id, name } = pipeline.project;
  const seen = requireUser(c).rights.projects !== false && [id, name.toLowerCase()].includes(wanted);
  if (!seen) throw new WireRefusal(404, 'ProjectDoesNotExistWithNameException', `There is no project ${wanted}.`);
}
