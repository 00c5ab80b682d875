/** Whether somebody is making a node for a pod that has none: cluster-autoscaler and Karpenter say so in Events. */
import type { AgentJob } from '../../domain/agentJob.ts';
import { secondsMs } from '../../domain/instant.ts';
import { listEvents, newest, type Place, type Told } from './events.ts';

/** An autoscaler looks about every ten seconds; what it finds to do is worth asking for only after that. */
const lookedAtMs = secondsMs(30);

/** TriggeredScaleUp and NotTriggerScaleUp of the one, Nominated and FailedScheduling of the other. */
const autoscalers = ['cluster-autoscaler', 'karpenter'] as const;

/** Adds what they say to the scheduler's own words. Words only, so nothing is rejected where they cannot be had. */
export async function withAutoscaler(place: Place, agentJobs: readonly AgentJob[]): Promise<readonly AgentJob[]> {
  if (!agentJobs.some((agentJob) => isUnplaced(agentJob, place.now))) return agentJobs;
  const said = await Promise.all(autoscalers.map((source) => saidBy(place, source)));
  const last = newest(said.flat());
  return agentJobs.map((agentJob) => {
    const { pod } = agentJob;
    const words = last.get(pod?.uid ?? '')?.message;
    if (pod === undefined || words === undefined || !isUnplaced(agentJob, place.now)) return agentJob;
    const message = [pod.message, `autoscaler: ${words}`].filter((part) => part !== undefined).join('; ');
    return { ...agentJob, pod: { ...pod, message } };
  });
}

const isUnplaced = ({ pod }: AgentJob, now: number): boolean =>
  pod?.cause === 'unschedulable' && now - pod.createdAt > lookedAtMs;

async function saidBy(place: Place, source: string): Promise<readonly Told[]> {
  try {
    return await listEvents(place, `involvedObject.kind=Pod,source=${source}`);
  } catch {
    return [];
  }
}
