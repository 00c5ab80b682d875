/**
 * The builds of the runs that bring job requests: whether they are over, tags, cancellation, timeline and the retry of a
 * stage. A run of a pipeline is a build, and bears its id.
 */
import type { EpochMs } from '../../../../shared/domain/instant.ts';
import type { Run } from '../records.ts';
import { runNotFound } from '../worldError.ts';
import { booleanMember, idOf, objectBody, stringMember } from './body.ts';
import { accessDenied, badArgument, notModelled, WireRefusal } from './refusal.ts';
import { requireUser } from './rights.ts';
import { timelineJson } from './timelineJson.ts';
import type { Wire, WireApp, WireContext } from './wire.ts';
import type { Json } from './wireJson.ts';
import { listOf } from './wireJson.ts';

const iso = (at: EpochMs): string => new Date(at).toISOString();

function statusOf({ finishedAt, cancelling }: Run): string {
  if (finishedAt !== undefined) return 'completed';
  return cancelling ? 'cancelling' : 'inProgress';
}

/** Status and result as the Build interfaces of azure-devops-node-api 17.0.1 list them. */
function buildJson(run: Run): Json {
  return {
    id: run.id,
    buildNumber: run.name,
    status: statusOf(run),
    result: run.result,
    queueTime: iso(run.queuedAt),
    finishTime: run.finishedAt === undefined ? undefined : iso(run.finishedAt),
    definition: { id: run.pipeline.id, name: run.pipeline.name },
    project: { id: run.project.id, name: run.project.name },
  };
}

/** A project is named by its id or, whatever the case, its name; one that an identity may not see does not exist for it. */
function requireRun(c: WireContext, { world }: Wire): Run {
  const { rights } = requireUser(c);
  const wanted = c.req.param('project') ?? '';
  const named = (project: Run['project']): boolean =>
    [project.id, project.name.toLowerCase()].includes(wanted.toLowerCase());
  if (rights.projects === false || !world.listProjects().some(named)) {
    throw new WireRefusal(404, 'ProjectDoesNotExistWithNameException', `There is no project ${wanted}.`);
  }
  const buildId = idOf(c.req.param('buildId'), 'buildId');
  const run = world.getRun(buildId);
  if (run !== undefined && named(run.project)) return run;
  throw runNotFound(buildId);
}

/** `permission` by the name that people see (learn.microsoft.com, Permissions reference, Build). */
function requireChange(c: WireContext, wire: Wire, permission: string): Run {
  const run = requireRun(c, wire);
  const { rights, name } = requireUser(c);
  if (rights.changeBuilds !== false) return run;
  const message = `TF215106: Access denied. ${name} needs ${permission} permissions for build pipeline`;
  throw accessDenied(`${message} ${run.pipeline.name} in team project ${run.project.name} to perform the action.`);
}

async function cancel(c: WireContext, wire: Wire): Promise<Response> {
  const run = requireChange(c, wire, 'Stop builds');
  if (stringMember(await objectBody(c), 'status')?.toLowerCase() !== 'cancelling') {
    throw notModelled('any change of a build but its cancellation');
  }
  wire.world.runs.cancel(run.id);
  return c.json(buildJson(run));
}

/** Answers nothing (Azure DevOps Server 2022, BuildStagesController; 204 as browsers record it). */
async function updateStage(c: WireContext, wire: Wire): Promise<Response> {
  const run = requireChange(c, wire, 'Queue builds');
  const body = await objectBody(c);
  if (stringMember(body, 'state')?.toLowerCase() !== 'retry') throw notModelled('any change of a stage but its retry');
  if (booleanMember(body, 'forceRetryAllJobs') === true) throw notModelled('the retry of jobs that succeeded');
  if (booleanMember(body, 'retryDependencies') !== false) throw notModelled('the retry of what depends on a stage');
  wire.world.runs.retryStage(run.id, c.req.param('stage') ?? '');
  return new Response(null, { status: 204 });
}

export function buildRoutes(app: WireApp, wire: Wire): void {
  const { runs } = wire.world;
  const build = '/:project/_apis/build/builds/:buildId';
  app.get(build, (c) => c.json(buildJson(requireRun(c, wire))));
  app.patch(build, (c) => cancel(c, wire));
  app.get(`${build}/tags`, (c) => c.json(listOf(runs.tags(requireRun(c, wire).id))));
  app.put(`${build}/tags/:tag`, (c) => {
    const { id } = requireChange(c, wire, 'Update build information');
    const tag = c.req.param('tag');
    // ASP.NET takes these for an attack wherever they stand in a path.
    if (/[<>*%&:\\?]/.test(tag)) throw badArgument('A potentially dangerous Request.Path value was detected.');
    return c.json(listOf(runs.addTag(id, tag)));
  });
  app.get(`${build}/timeline`, (c) => {
    const { id } = requireRun(c, wire);
    const stages = runs.stages(id);
    return stages.length === 0 ? new Response(null, { status: 204 }) : c.json(timelineJson(id, stages));
  });
  app.patch(`${build}/stages/:stage`, (c) => updateStage(c, wire));
}
