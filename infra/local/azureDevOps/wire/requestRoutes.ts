/**
 * Job requests of a pool as they are read from outside. The list has three shapes (kedacore/keda-docs
 * azure-pipelines 2.21; kedacore/keda#6819): all of it, `$top` newest ones without matchedAgents and in pages, or the
 * unfinished ones and so many finished.
 */
import type { RequestQuery, RequestRecord } from '../records.ts';
import { idList, idOf, isTrue } from './body.ts';
import { notModelled } from './refusal.ts';
import { requireRead, requireUser } from './rights.ts';
import type { Wire, WireApp, WireContext } from './wire.ts';
import { listOf, requestJson } from './wireJson.ts';

const requests = '/_apis/distributedtask/pools/:poolId/jobrequests';

/** Without api-version and with it alike: the resource is undocumented, KEDA sends none (kedacore/keda). */
function queryOf(c: WireContext): RequestQuery {
  const { completedRequestCount, agentId, agentIds, planId, jobId } = c.req.query();
  const count = completedRequestCount === undefined ? undefined : idOf(completedRequestCount, 'completedRequestCount');
  const ids = agentId ?? agentIds;
  return {
    ...(count !== undefined && { completedRequestCount: count }),
    ...(ids !== undefined && ids !== '' && { agentIds: idList(ids, 'agentIds') }),
    ...(planId !== undefined && { planId }),
    ...(jobId !== undefined && { jobId }),
  };
}

interface Page {
  readonly requests: readonly RequestRecord[];
  readonly continuation?: string;
}

/** The token is the last id of the page before: requests are listed newest first and ids grow. */
function pageOf(wire: Wire, poolId: number, top: number, token: string | undefined): Page {
  const before = token === undefined ? Number.POSITIVE_INFINITY : idOf(token, 'continuationToken');
  const size = Math.min(top, wire.world.limits.maxTop);
  const newest = wire.world.snapshot(poolId).requests.toReversed();
  const left = newest.filter((request) => request.id < before);
  const page = left.slice(0, size);
  const last = page.at(-1);
  return left.length > size && last !== undefined
    ? { requests: page, continuation: String(last.id) }
    : { requests: page };
}

export function requestRoutes(app: WireApp, wire: Wire): void {
  const { world } = wire;
  const shown = (request: RequestRecord) => requestJson(request, world.organisation.url);

  app.get(requests, (c) => {
    const poolId = idOf(c.req.param('poolId'), 'poolId');
    requireRead(c, poolId);
    const { $top, continuationToken } = c.req.query();
    if ($top === undefined) return c.json(listOf(world.listJobRequests(poolId, queryOf(c)).map(shown)));
    const page = pageOf(wire, poolId, idOf($top, '$top'), continuationToken);
    if (page.continuation !== undefined) c.header('x-ms-continuationtoken', page.continuation);
    return c.json(listOf(page.requests.map(shown)));
  });

  app.get(`${requests}/:requestId`, (c) => {
    const poolId = idOf(c.req.param('poolId'), 'poolId');
    requireRead(c, poolId);
    const requestId = idOf(c.req.param('requestId'), 'requestId');
    return c.json(shown(world.getJobRequest(poolId, requestId, isTrue(c.req.query('includeStatus')))));
  });

  app.get('/_apis/distributedtask/resourceusage', (c) => {
    requireUser(c);
    const { parallelismTag = 'Private', poolIsHosted = 'false', includeRunningRequests } = c.req.query();
    if (isTrue(poolIsHosted)) throw notModelled('the usage of Microsoft-hosted agents');
    const usage = world.getResourceUsage(parallelismTag.toLowerCase() === 'public' ? 'public' : 'private');
    return c.json({
      resourceLimit: {
        isHosted: false,
        isPremium: true,
        parallelismTag,
        totalCount: usage.totalCount,
        resourceLimitsData: {},
      },
      usedCount: usage.usedCount,
      usedMinutes: 0,
      runningRequests: isTrue(includeRunningRequests) ? usage.runningRequests.map(shown) : [],
    });
  });
}
