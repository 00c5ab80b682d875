/**
 * Starting runs by the Pipelines API, reading one, and listing builds by their definition.
 */
import type { PipelineRuns, RunnablePipeline } from '../pipelineRuns.ts';
import { idOf, objectBody, objectMember, stringMap, stringMember } from './body.ts';
import { accessDenied, badArgument, notModelled, WireRefusal } from './refusal.ts';
import { requireUser } from './rights.ts';
import { buildJson, runJson } from './runJson.ts';
import { requireProject } from './runProject.ts';
import type { Wire, WireApp, WireContext } from './wire.ts';
import type { Json } from './wireJson.ts';
import { listOf } from './wireJson.ts';

function requirePipeline(c: WireContext, runs: PipelineRuns): RunnablePipeline {
  const id = idOf(c.req.param('pipelineId'), 'pipelineId');
  requireUser(c);
  const pipeline = runs.pipeline(id);
  if (pipeline === undefined) throw new WireRefusal(404, 'PipelineNotFoundException', `There is no pipeline ${id}.`);
  requireProject(c, pipeline);
  return pipeline;
}

async function startRun(c: WireContext, wire: Wire, runs: PipelineRuns): Promise<Response> {
  const pipeline = requirePipeline(c, runs);
  const { rights, name } = requireUser(c);
  if (rights.queueBuilds === false) {
    // The words that clients of the real service report.
    throw accessDenied(
      `TF215106: Access denied. ${name} needs Queue builds permissions for pipeline ${pipeline.name}.`,
    );
  }
  const body = await objectBody(c);
  for (const member of ['variables', 'stagesToSkip', 'yamlOverride', 'previewRun']) {
    if (body[member] !== undefined) throw notModelled(`${member} of a run`);
  }
  const given = stringMap(body, 'templateParameters') ?? {};
  const unknown = Object.keys(given).find((parameter) => !pipeline.parameters.includes(parameter));
  if (unknown !== undefined) {
    throw new WireRefusal(
      400,
      'PipelineValidationException',
      `/azure-pipelines.yml: Unexpected parameter '${unknown}'`,
    );
  }
  const repositories = objectMember(objectMember(body, 'resources') ?? {}, 'repositories') ?? {};
  const refName = stringMember(objectMember(repositories, 'self') ?? {}, 'refName') ?? 'refs/heads/main';
  return c.json(runJson(wire, runs.start(pipeline, refName, given)));
}

function listBuilds(c: WireContext, wire: Wire, runs: PipelineRuns): readonly Json[] {
  const { definitions, minTime, queryOrder, $top } = c.req.query();
  if (definitions === undefined) throw notModelled('a list of builds without definitions');
  if (queryOrder !== undefined && queryOrder !== 'queueTimeDescending') throw notModelled(`queryOrder ${queryOrder}`);
  const since = minTime === undefined ? 0 : Date.parse(minTime);
  if (Number.isNaN(since)) throw badArgument('minTime is no time.');
  const wanted = new Set(definitions.split(',').map(Number));
  const listed = runs.list().filter((run) => wanted.has(run.pipeline.id) && run.queuedAt >= since);
  for (const id of wanted) {
    const pipeline = runs.pipeline(id);
    if (pipeline !== undefined) requireProject(c, pipeline);
  }
  return listed.slice(0, Number($top ?? 1000)).map((run) => buildJson(wire, run));
}

export function runRoutes(app: WireApp, wire: Wire): void {
  const { pipelineRuns: runs } = wire;
  const pipeline = '/:project/_apis/pipelines/:pipelineId';
  app.post(`${pipeline}/runs`, (c) => startRun(c, wire, runs));
  app.get(`${pipeline}/runs/:runId`, (c) => {
    const { id } = requirePipeline(c, runs);
    const run = runs.get(idOf(c.req.param('runId'), 'runId'));
    if (run?.pipeline.id === id) return c.json(runJson(wire, run));
    throw new WireRefusal(404, 'RunNotFoundException', `There is no run ${c.req.param('runId')}.`);
  });
  app.get('/:project/_apis/build/builds', (c) => c.json(listOf(listBuilds(c, wire, runs))));
}
