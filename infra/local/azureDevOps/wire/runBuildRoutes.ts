/**
 * The builds of runs that the Runs API started: status, cancellation, timeline and logs. A build that no such run stands
 * behind is left to the routes after these.
 */
import type { Next } from 'hono';
import type { PipelineRuns, RunView } from '../pipelineRuns.ts';
import { objectBody, stringMember } from './body.ts';
import { notModelled, WireRefusal } from './refusal.ts';
import { requireUser } from './rights.ts';
import { buildJson, logOf, timelineJson } from './runJson.ts';
import { requireProject } from './runProject.ts';
import type { Wire, WireApp, WireContext } from './wire.ts';
import { listOf } from './wireJson.ts';

type Answer = (c: WireContext, run: RunView) => Response | Promise<Response>;
type Route = (c: WireContext, next: Next) => Promise<Response | undefined>;

function ofStarted(runs: PipelineRuns, answer: Answer): Route {
  return async (c, next) => {
    requireUser(c);
    const run = runs.get(Number(c.req.param('buildId')));
    if (run === undefined) {
      await next();
      return undefined;
    }
    requireProject(c, run.pipeline);
    return answer(c, run);
  };
}

/** Lines are counted from 1, the last one included (build.json 7.1); without this Accept plain text is sent. */
function logLines(c: WireContext, run: RunView): Response {
  if (!c.req.header('accept')?.includes('application/json')) throw notModelled('a log as plain text');
  const { startLine = '1', endLine } = c.req.query();
  const lines = logOf(run).slice(Number(startLine) - 1, endLine === undefined ? undefined : Number(endLine));
  return c.json(listOf(lines.map((line) => `2026-01-05T08:00:00.0000000Z ${line}`)));
}

async function cancel(c: WireContext, wire: Wire, run: RunView): Promise<Response> {
  if (stringMember(await objectBody(c), 'status')?.toLowerCase() !== 'cancelling') {
    throw notModelled('any change of a build but its cancellation');
  }
  wire.pipelineRuns.cancel(run.id);
  return c.json(buildJson(wire, wire.pipelineRuns.get(run.id) ?? run));
}

export function runBuildRoutes(app: WireApp, wire: Wire): void {
  const { pipelineRuns: runs, world } = wire;
  const build = '/:project/_apis/build/builds/:buildId';
  app.get(
    build,
    ofStarted(runs, (c, run) => c.json(buildJson(wire, run))),
  );
  app.get(
    `${build}/timeline`,
    ofStarted(runs, (c, run) => c.json(timelineJson(run))),
  );
  app.get(
    `${build}/logs`,
    ofStarted(runs, (c, run) => c.json(listOf([{ id: 4, lineCount: logOf(run).length }]))),
  );
  app.get(`${build}/logs/:logId`, ofStarted(runs, logLines));
  app.patch(
    build,
    ofStarted(runs, (c, run) => cancel(c, wire, run)),
    (c, next) => {
      const id = Number(c.req.param('buildId'));
      if (world.getRun(id) !== undefined) return next();
      throw new WireRefusal(404, 'BuildNotFoundException', `The requested build ${id} could not be found.`);
    },
  );
}
