/** One build, as far as it tells whether a run is over. A run of a pipeline is a build, and bears its id. */
import type { EpochMs } from '../../../../shared/domain/instant.ts';
import type { Run } from '../records.ts';
import { idOf } from './body.ts';
import { WireRefusal } from './refusal.ts';
import { requireUser } from './rights.ts';
import type { Wire, WireApp } from './wire.ts';
import type { Json } from './wireJson.ts';

const iso = (at: EpochMs): string => new Date(at).toISOString();

/** Status and result as the Build interfaces of azure-devops-node-api 17.0.1 list them. */
function buildJson(run: Run): Json {
  return {
    id: run.id,
    buildNumber: run.name,
    status: run.finishedAt === undefined ? 'inProgress' : 'completed',
    result: run.result,
    queueTime: iso(run.queuedAt),
    finishTime: run.finishedAt === undefined ? undefined : iso(run.finishedAt),
    definition: { id: run.pipeline.id, name: run.pipeline.name },
    project: { id: run.project.id, name: run.project.name },
  };
}

export function buildRoutes(app: WireApp, wire: Wire): void {
  const { world } = wire;

  /** A project is named by its id or, whatever the case, its name. */
  app.get('/:project/_apis/build/builds/:buildId', (c) => {
    const { rights } = requireUser(c);
    const wanted = c.req.param('project');
    const named = (project: Run['project']): boolean =>
      [project.id, project.name.toLowerCase()].includes(wanted.toLowerCase());
    // A project that an identity may not see does not exist for it, like a pool.
    if (rights.projects === false || !world.listProjects().some(named)) {
      throw new WireRefusal(404, 'ProjectDoesNotExistWithNameException', `There is no project ${wanted}.`);
    }
    const buildId = idOf(c.req.param('buildId'), 'buildId');
    const run = world.getRun(buildId);
    if (run !== undefined && named(run.project)) return c.json(buildJson(run));
    throw new WireRefusal(404, 'BuildNotFoundException', `The requested build ${buildId} could not be found.`);
  });
}
