import { describe, expect, it } from 'vitest';
import type { AgentJob } from '../../../shared/domain/agentJob.ts';
import type { Leftover } from '../../../shared/domain/leftover.ts';
import { unknown } from '../../../shared/domain/read.ts';
import { anAgentJob, anObserved, minutesAgo, nameFor } from '../../support/builders.ts';
import { aTombstone, plan } from '../../support/plans.ts';

const first = nameFor(1001);
const job = { kind: 'Job', name: first, uid: 'job-uid' };
const secret = (rest: Partial<Leftover> = {}): Leftover => ({
  kind: 'Secret',
  name: first,
  uid: 'secret-uid',
  createdAt: minutesAgo(11),
  owners: [job],
  ...rest,
});

function deleted(leftover: Leftover, agentJobs: readonly AgentJob[] = [], isKnown = true): boolean {
  const observed = anObserved({ agentJobs });
  const clusters = observed.clusters.map((cluster) => ({
    ...cluster,
    leftovers: [leftover],
    agentJobs: isKnown ? cluster.agentJobs : unknown('timeout'),
  }));
  return plan({ ...observed, clusters }).actions.some(({ kind }) => kind === 'deleteLeftover');
}

describe('planPool: objects of ours beside Jobs', () => {
  it.each<{ name: string; given: Parameters<typeof deleted>; want: boolean }>([
    { name: 'go when their Job is gone', given: [secret()], want: true },
    { name: 'go when nobody owns them', given: [secret({ owners: [] })], want: true },
    { name: 'go whatever their kind', given: [secret({ kind: 'PersistentVolumeClaim' })], want: true },
    { name: 'stay while their Job lives', given: [secret(), [anAgentJob()]], want: false },
    { name: 'stay while a Job of their name lives', given: [secret({ owners: [] }), [anAgentJob()]], want: false },
    { name: 'stay while their Job is remembered', given: [secret(), [aTombstone(1)]], want: false },
    {
      name: 'go when only the memory of another Job bears their name',
      given: [secret({ owners: [] }), [aTombstone(1)]],
      want: true,
    },
    { name: 'stay inside the grace', given: [secret({ createdAt: minutesAgo(9) })], want: false },
    {
      name: "stay when somebody else's object owns them",
      given: [secret({ owners: [{ ...job, kind: 'Pod' }] })],
      want: false,
    },
    { name: 'stay while the Jobs of the cluster are unknown', given: [secret(), [], false], want: false },
  ])('$name', ({ given, want }) => {
    expect(deleted(...given)).toBe(want);
  });
});
