/**
 * What only Events tell: why a Job has no pod, and that a volume cannot be mounted. They are asked for only where a Job
 * or pod has been silent for some time, because they are many, and gone after an hour.
 */
import type { AgentJob } from '../../domain/agentJob.ts';
import type { EpochMs } from '../../domain/instant.ts';
import { minutesMs, secondsMs } from '../../domain/instant.ts';
import { withAutoscaler } from './autoscaler.ts';
import { listEvents, newest, type Place, type Told } from './events.ts';
import type { OwnedPod } from './pods.ts';
import { unlessKind } from './reading.ts';

/** Longer than the Job controller takes for a pod that nothing keeps it from. */
const podlessMs = secondsMs(5);
/** The first attempts often fail in passing: a Secret that the kubelet has not seen yet, a disk still attached elsewhere. */
const passingMs = secondsMs(30);
/** The kubelet tries again at least every two minutes, and client-go passes on one Event every five at the least. */
const freshMs = minutesMs(6);

/**
 * The agent jobs with what Events add to them. Costs one request where any of them needs it, else none, and two more
 * where one has no node for long. Rejects where Events cannot be had: a Job that waits for its quota must not look like one
 * that nothing is known of.
 */
export async function explained(
  place: Place,
  agentJobs: readonly AgentJob[],
  pods: readonly OwnedPod[],
): Promise<readonly AgentJob[]> {
  const podless = agentJobs.some((agentJob) => isPodless(agentJob, place.now));
  const stuck = new Map(
    pods.flatMap(({ pod, stuckSince = place.now }) =>
      place.now - stuckSince > passingMs ? [[pod.uid, stuckSince] as const] : [],
    ),
  );
  const placed = await withAutoscaler(place, agentJobs);
  if (!podless && stuck.size === 0) return placed;
  const kinds = [...(podless ? ['Job'] : []), ...(stuck.size > 0 ? ['Pod'] : [])];
  const warnings = await newestWarnings(place, kinds);
  return placed.map((agentJob) => {
    const since = stuck.get(agentJob.pod?.uid ?? '');
    if (since !== undefined) return withMountTrouble(agentJob, warnings, { since, now: place.now });
    return isPodless(agentJob, place.now) ? withTrouble(agentJob, warnings.get(agentJob.uid)) : agentJob;
  });
}

/** It was let go, and nothing has come of it; of one that cannot be read nothing is known anyway. */
function isPodless({ pod, phase, suspended, condition, phaseAt, createdAt }: AgentJob, now: EpochMs): boolean {
  const waits = pod === undefined && phase !== 'unreadable' && !suspended && condition === undefined;
  return waits && now - (phaseAt ?? createdAt) > podlessMs;
}

async function newestWarnings(place: Place, kinds: readonly string[]): Promise<ReadonlyMap<string, Told>> {
  const about = kinds.length === 1 ? `involvedObject.kind=${kinds[0]},` : '';
  // A Role of before this was read: then nothing is known of it, as before.
  const events = await unlessKind('forbidden', [], listEvents(place, `${about}type=Warning`));
  // Those that only say that something was tried again do not count.
  return newest(events.filter(({ reason }) => telling.has(reason)));
}

const volumes = new Set(['FailedMount', 'FailedAttachVolume', 'FailedMapVolume']);
const telling: ReadonlySet<string> = new Set(['FailedCreate', ...volumes]);

function withTrouble(agentJob: AgentJob, warning: Told | undefined): AgentJob {
  if (warning?.reason !== 'FailedCreate') return agentJob;
  return { ...agentJob, trouble: { cause: causeOf(warning.message), message: warning.message } };
}

/**
 * "exceeded quota" passes when something else ends; "failed quota" (a quota wants limits that the pod does not set)
 * passes never, and counts as refused. What is neither may be the API server's own trouble.
 */
function causeOf(message: string): 'quota' | 'admission' | 'noPod' {
  if (/exceeded quota/i.test(message)) return 'quota';
  return /forbidden|denied the request|webhook|is invalid|violates/i.test(message) ? 'admission' : 'noPod';
}

interface Stuck {
  /** By the cluster's clock. */
  readonly since: EpochMs;
  readonly now: EpochMs;
}

/** A volume fails for good when it still fails some time after its pod got its node, and has done so lately. */
function withMountTrouble(agentJob: AgentJob, warnings: ReadonlyMap<string, Told>, { since, now }: Stuck): AgentJob {
  const { pod } = agentJob;
  const warning = pod && warnings.get(pod.uid);
  if (pod === undefined || warning === undefined || !volumes.has(warning.reason)) return agentJob;
  if (warning.at - since < passingMs || now - warning.at > freshMs) return agentJob;
  return { ...agentJob, pod: { ...pod, cause: 'mount', message: warning.message } };
}
