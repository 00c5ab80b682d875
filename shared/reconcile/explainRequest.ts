/** Looks at a pool as a pass would and explains one request of it; touches nothing. */
import { errorKind } from '../domain/errors.ts';
import { known } from '../domain/read.ts';
import { type Explanation, explain } from '../plan/explain.ts';
import type { AttemptTrail } from '../plan/explainAttempts.ts';
import { clusterOf } from './clusterOf.ts';
import type { ReconcileDeps } from './deps.ts';
import { lookAtAll } from './reconcilePool.ts';

/**
 * Absence from the list proves nothing: it shows unfinished requests only, so one that it lacks is asked for. Rejects
 * when that fails; a pool that cannot be read is an explanation.
 */
export async function explainRequest(deps: ReconcileDeps, requestId: number): Promise<Explanation> {
  const { observed } = await lookAtAll(deps);
  const explanation = explain(deps.policy, observed, requestId);
  if (explanation.fate.kind !== 'notInPool' || !observed.requests.known) return withLastLines(deps, explanation);
  const request = await deps.pools.getJobRequest(deps.policy.poolId, requestId);
  if (request === undefined) return explanation;
  const requests = known([...observed.requests.value, request]);
  return withLastLines(deps, explain(deps.policy, { ...observed, requests }, requestId));
}

/** Of an agent that did its work nobody wants to read the end. */
const isTelling = ({ failed, lost, detail, exitCode = 0 }: AttemptTrail): boolean =>
  failed || lost !== undefined || detail !== undefined || exitCode !== 0;

const linesTold = 20;
const podsAsked = 3;

async function withLastLines(deps: ReconcileDeps, explanation: Explanation): Promise<Explanation> {
  const { trail } = explanation;
  if (trail === undefined) return explanation;
  const asked = new Set(trail.attempts.filter((each) => each.pod !== undefined && isTelling(each)).slice(-podsAsked));
  const attempts = await Promise.all(
    trail.attempts.map(async (attempt) => {
      const lastLines = asked.has(attempt) ? await linesOf(deps, attempt) : undefined;
      return lastLines === undefined ? attempt : { ...attempt, lastLines };
    }),
  );
  return { ...explanation, trail: { ...trail, attempts } };
}

/** A log that cannot be read is none: whoever asks why a request waits wants the rest all the same. */
async function linesOf(
  deps: ReconcileDeps,
  { cluster, pod = '' }: AttemptTrail,
): Promise<readonly string[] | undefined> {
  try {
    const text = await clusterOf(deps, cluster).readPodLog(pod, linesTold);
    return text?.split('\n').filter((line) => line.trim() !== '');
  } catch (error) {
    deps.log.write('warn', 'podLog.unreadable', { pod, error: errorKind(error) });
    return undefined;
  }
}
