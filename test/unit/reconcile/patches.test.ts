import { describe, expect, it } from 'vitest';
import {
  noteAgentPatch,
  retirePatch,
  rollBackPatch,
  servedPatch,
  startPatch,
  suspendPatch,
  tombstonePatch,
} from '../../../shared/reconcile/patches.ts';
import { anAgentJob } from '../../support/builders.ts';

const agentJob = anAgentJob({ uid: 'uid-1' });
const at = 1_772_452_800_000;
const path = (annotation: string): string => `/metadata/annotations/mayfly.dev~1${annotation}`;
const ofUid = { op: 'test', path: '/metadata/uid', value: 'uid-1' };
const set = (annotation: string, value: string) => ({ op: 'add', path: path(annotation), value });
const suspended = (value: boolean) => ({ op: 'replace', path: '/spec/suspend', value });
const moved = (from: string, to: string) => [
  ofUid,
  { op: 'test', path: path('phase'), value: from },
  { op: 'replace', path: path('phase'), value: to },
  set('phase-at', '1772452800000'),
];

describe('the patches of an agent job', () => {
  it.each([
    {
      name: 'start it with the agent that was registered for it',
      given: startPatch(agentJob, 412, at),
      want: [...moved('creating', 'started'), suspended(false), set('agent-id', '412')],
    },
    {
      name: 'start it without an agent where its pod registers one',
      given: startPatch(agentJob, undefined, at),
      want: [...moved('creating', 'started'), suspended(false)],
    },
    {
      name: 'write the agent down in the phase in which it was seen: started',
      given: noteAgentPatch(agentJob, 412),
      want: [ofUid, { op: 'test', path: path('phase'), value: 'started' }, set('agent-id', '412')],
    },
    {
      name: 'write the agent down in the phase in which it was seen: retiring',
      given: noteAgentPatch({ ...agentJob, phase: 'retiring' }, 412),
      want: [ofUid, { op: 'test', path: path('phase'), value: 'retiring' }, set('agent-id', '412')],
    },
    {
      name: 'roll it back while it is being created, with the reason',
      given: rollBackPatch(agentJob, 'starting: timeout', at),
      want: [...moved('creating', 'rolledBack'), set('reason', 'starting: timeout')],
    },
    {
      name: 'retire it once it is started, with the reason',
      given: retirePatch(agentJob, 'surplus', undefined, at),
      want: [...moved('started', 'retiring'), set('reason', 'surplus')],
    },
    { name: 'make it memory', given: tombstonePatch(agentJob, at), want: moved('retiring', 'tombstone') },
    { name: 'tell what it served', given: servedPatch(agentJob, 1001), want: [ofUid, set('served', '1001')] },
    { name: 'suspend it', given: suspendPatch(agentJob), want: [ofUid, suspended(true)] },
  ])('$name', ({ given, want }) => {
    expect(given).toEqual(want);
  });
});
