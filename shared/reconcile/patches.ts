/** The JSON Patches that move an agent job from phase to phase. The `test` of the phase is what makes exactly one win. */
import type { AgentJob, AgentJobPhase, LostWork, Rerun } from '../domain/agentJob.ts';
import type { EpochMs } from '../domain/instant.ts';
import type { JsonPatch } from '../domain/json.ts';
import { annotationPointer, annotations } from '../domain/names.ts';

type Identity = Pick<AgentJob, 'uid'>;

const testUid = (agentJob: Identity) => ({ op: 'test', path: '/metadata/uid', value: agentJob.uid }) as const;
const set = (annotation: string, value: string) => ({ op: 'add', path: annotationPointer(annotation), value }) as const;

function phaseChange(agentJob: Identity, from: AgentJobPhase, to: AgentJobPhase, at: EpochMs): JsonPatch {
  const path = annotationPointer(annotations.phase);
  return [
    testUid(agentJob),
    { op: 'test', path, value: from },
    { op: 'replace', path, value: to },
    set(annotations.phaseAt, String(at)),
  ];
}

/** `agentId` = undefined where the agent registers itself. */
export function startPatch(agentJob: Identity, agentId: number | undefined, at: EpochMs): JsonPatch {
  return [
    ...phaseChange(agentJob, 'creating', 'started', at),
    { op: 'replace', path: '/spec/suspend', value: false },
    ...(agentId === undefined ? [] : [set(annotations.agentId, String(agentId))]),
  ];
}

/** Only in the phase in which it was seen: a Job that has ended meanwhile is somebody's memory. */
export function noteAgentPatch(agentJob: Pick<AgentJob, 'uid' | 'phase'>, agentId: number): JsonPatch {
  return [
    testUid(agentJob),
    { op: 'test', path: annotationPointer(annotations.phase), value: agentJob.phase },
    set(annotations.agentId, String(agentId)),
  ];
}

export function rollBackPatch(agentJob: Identity, reason: string, at: EpochMs): JsonPatch {
  return [...phaseChange(agentJob, 'creating', 'rolledBack', at), set(annotations.reason, reason)];
}

export function retirePatch(agentJob: Identity, reason: string, detail: string | undefined, at: EpochMs): JsonPatch {
  return [
    ...phaseChange(agentJob, 'started', 'retiring', at),
    set(annotations.reason, reason),
    ...(detail === undefined ? [] : [set(annotations.detail, detail)]),
  ];
}

/** `open` is what exactly one of those that want to run it again will find. */
export function lostPatch(agentJob: Identity, lost: LostWork): JsonPatch {
  return [
    testUid(agentJob),
    set(annotations.lost, JSON.stringify(lost)),
    set(annotations.rerun, 'open' satisfies Rerun),
  ];
}

/** Decides, once and for all, whether what was lost is run again. */
export function rerunPatch(agentJob: Identity, decision: Exclude<Rerun, 'open'>): JsonPatch {
  const path = annotationPointer(annotations.rerun);
  return [
    testUid(agentJob),
    { op: 'test', path, value: 'open' satisfies Rerun },
    { op: 'replace', path, value: decision },
  ];
}

/** The one patch that ends a pod whose agent is at work. */
export function overAgePatch(agentJob: Pick<AgentJob, 'uid' | 'phase'>, requestId: number): JsonPatch {
  return [
    testUid(agentJob),
    { op: 'test', path: annotationPointer(annotations.phase), value: agentJob.phase },
    set(annotations.overAge, String(requestId)),
    { op: 'replace', path: '/spec/suspend', value: true },
  ];
}

export function tombstonePatch(agentJob: Identity, at: EpochMs): JsonPatch {
  return phaseChange(agentJob, 'retiring', 'tombstone', at);
}

export function servedPatch(agentJob: Identity, requestId: number): JsonPatch {
  return [testUid(agentJob), set(annotations.served, String(requestId))];
}

/** Ends the pod, and says whose the name is now. */
export function nameLockPatch(agentJob: Identity, agentId: number): JsonPatch {
  return [
    testUid(agentJob),
    { op: 'test', path: annotationPointer(annotations.phase), value: 'retiring' satisfies AgentJobPhase },
    set(annotations.agentId, String(agentId)),
    { op: 'replace', path: '/spec/suspend', value: true },
  ];
}

/** For a process that has made too much of its grace; in seconds. */
export const lastGraceSeconds = 30;

export function suspendPatch(agentJob: Identity): JsonPatch {
  return [testUid(agentJob), { op: 'replace', path: '/spec/suspend', value: true }];
}
