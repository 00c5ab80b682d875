/** Jobs of one name in two clusters: what two control planes leave that each saw only one of them. */
import { describe, expect, it } from 'vitest';
import type { AgentJob } from '../../../shared/domain/agentJob.ts';
import { known } from '../../../shared/domain/read.ts';
import type { Observed } from '../../../shared/plan/observed.ts';
import {
  aJobRequest,
  anAgent,
  anAgentJob,
  anObserved,
  nameFor,
  withoutAgentId,
  withoutPod,
} from '../../support/builders.ts';
import { plan } from '../../support/plans.ts';

const inBoth = (jobs: readonly AgentJob[], given: Parameters<typeof anObserved>[0]): readonly Observed[] => {
  const clusters = jobs.map((agentJob) => ({
    name: agentJob.cluster,
    agentJobs: known([agentJob]),
    quotas: { value: [] },
  }));
  return [clusters, clusters.toReversed()].map((listed) => anObserved({ ...given, clusters: listed }));
};

const own = anAgentJob();
const other = anAgentJob({ cluster: 'secondary', uid: 'other-uid', agentId: 900 });
const requests = [aJobRequest({ id: 1001 }), aJobRequest({ id: 1002 })];

describe('two Jobs of one name', () => {
  const table = [
    {
      name: 'the agent belongs to the one that bears its id, though the other is being retired',
      jobs: [own, { ...other, phase: 'retiring' as const }],
      agents: [anAgent()],
      want: [[1001, nameFor(1001)]],
    },
    {
      name: 'the agent is given up where the one that bears its id is being retired',
      jobs: [{ ...own, phase: 'retiring' as const }, withoutAgentId(other)],
      agents: [anAgent()],
      want: [],
    },
    {
      name: 'an agent that may belong to either is not given up for the end of one',
      jobs: [withoutAgentId(own), withoutAgentId({ ...other, phase: 'retiring' as const })],
      agents: [anAgent()],
      want: [[1001, nameFor(1001)]],
    },
    {
      name: 'two that are being created come to one agent, because only one can register the name',
      jobs: [own, other].map((each) => withoutAgentId(withoutPod({ ...each, phase: 'creating', suspended: true }))),
      agents: [],
      want: [[1001, nameFor(1001)]],
    },
  ];

  it.each(table)('$name', ({ jobs, agents, want }) => {
    for (const observed of inBoth(jobs, { requests, agents })) {
      const { served } = plan(observed, { clusters: ['primary', 'secondary'] });
      expect([...served]).toEqual(want);
    }
  });
});
