/**
 * What the runs of requests are told. The developer who waits sees the run, not our log: a request that can never be
 * served puts a tag on it, once, and where an administrator wants it so the run is cancelled.
 */
import { minutesMs } from '../domain/instant.ts';
import type { JobRequest } from '../domain/jobRequest.ts';
import type { SkipReason } from '../domain/reasons.ts';
import { isFailure } from './backoff.ts';
import { toldKey } from './observed.ts';
import type { Action, RunOfRequest, Skip } from './plan.ts';
import type { View } from './view.ts';

/** Nothing but another pipeline or another configuration helps. */
const permanent: Readonly<Partial<Record<SkipReason, string>>> = {
  unparsableDemand: 'mayfly-demand-not-understood',
  noTemplate: 'mayfly-no-template-for-demands',
  unknownParameter: 'mayfly-parameter-not-offered',
  contradictoryParameters: 'mayfly-parameters-contradict',
};

export const cannotStartTag = 'mayfly-agent-cannot-start';
export const cancelledTag = 'mayfly-cancelled';
export const lostTag = 'mayfly-agent-lost';

/** So many agents have failed for one request that its developer should know. */
const failuresToTell = 3;
/** After that nobody looks for the reason any more. */
const tellLostWithinMs = minutesMs(60);
/** Of a pass: ten thousand requests that cannot be served are no reason to keep anybody else waiting. */
const tellingsPerPass = 10;

function runOf({ id, projectId, run, planType }: JobRequest): RunOfRequest | undefined {
  // Only builds: what else queues requests numbers its runs in its own way.
  if (projectId === undefined || run === undefined || planType !== 'Build') return undefined;
  return { requestId: id, projectId, runId: run.id };
}

/** Requests whose agents failed again and again. */
function failing({ agentJobs }: View): ReadonlySet<number> {
  const failed = agentJobs.filter(isFailure).flatMap(({ purpose }) => (purpose.kind === 'request' ? [purpose] : []));
  const perRequest = Map.groupBy(failed, ({ requestId }) => requestId);
  return new Set([...perRequest].filter(([, all]) => all.length >= failuresToTell).map(([requestId]) => requestId));
}

interface Telling {
  readonly request: JobRequest;
  readonly tag: string;
  readonly isPermanent: boolean;
}

function tellings(view: View, skips: readonly Skip[]): readonly Telling[] {
  const requests = new Map(view.requests.map((request) => [request.id, request]));
  const failingIds = failing(view);
  return skips.flatMap(({ requestId, reason }): readonly Telling[] => {
    const request = requests.get(requestId);
    const tag = permanent[reason] ?? (failingIds.has(requestId) ? cannotStartTag : undefined);
    return request === undefined || tag === undefined
      ? []
      : [{ request, tag, isPermanent: permanent[reason] !== undefined }];
  });
}

function actionsFor({ request, tag, isPermanent }: Telling, { policy, now, observed }: View): readonly Action[] {
  const run = runOf(request);
  if (run === undefined) return [];
  const { tellAfterMs, cancelAfterMs } = policy.runs;
  const waitedMs = now - request.queuedAt;
  const isTold = (each: string): boolean => observed.told?.has(toldKey(run.runId, each)) === true;
  const name = `request ${request.id}`;
  const tells = waitedMs > tellAfterMs && !isTold(tag);
  const cancels = isPermanent && cancelAfterMs !== undefined && waitedMs > cancelAfterMs && !isTold(cancelledTag);
  return [
    ...(tells ? [{ kind: 'tellRun', name, run, tag } as const] : []),
    ...(cancels ? [{ kind: 'cancelRun', name, run, tag: cancelledTag } as const] : []),
  ];
}

/** What was lost is told of when it is noted; where that failed, or whoever noted it died, it still has to be. */
function lostTellings({ agentJobs, observed, now }: View): readonly Action[] {
  return agentJobs.flatMap(({ name, lost }): readonly Action[] => {
    if (lost?.projectId === undefined || lost.runId === undefined || now - lost.at > tellLostWithinMs) return [];
    if (observed.told?.has(toldKey(lost.runId, lostTag)) === true) return [];
    const { requestId, projectId, runId } = lost;
    return [{ kind: 'tellRun', name, run: { requestId, projectId, runId }, tag: lostTag }];
  });
}

/** One run may have many requests: each of its tags is told once. */
export function planTellings(view: View, skips: readonly Skip[]): readonly Action[] {
  const planned = new Set<string>();
  return [...lostTellings(view), ...tellings(view, skips).flatMap((telling) => actionsFor(telling, view))]
    .filter((action) => {
      const key = 'tag' in action ? `${action.kind}/${toldKey(action.run.runId, action.tag)}` : '';
      const isNew = !planned.has(key);
      planned.add(key);
      return isNew;
    })
    .slice(0, tellingsPerPass);
}
