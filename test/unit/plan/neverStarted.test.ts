import { describe, expect, it } from 'vitest';
import type { AgentJob, AgentPod, BootCause } from '../../../shared/domain/agentJob.ts';
import {
  aBootingAgent,
  anAgent,
  anAgentJob,
  anObserved,
  aPod,
  minutesAgo,
  nameFor,
  policy,
  secondsAgo,
  withoutPod,
} from '../../support/builders.ts';
import { actionsOf, aTombstone, plan } from '../../support/plans.ts';

const first = nameFor(1001);
const old = { createdAt: minutesAgo(60), phaseAt: minutesAgo(60) };

/** Pending for an hour, kept by `cause`. */
const keptBy = (cause: BootCause, rest: Partial<AgentPod> = {}): AgentJob => {
  const { mainStartedAt: _, ...pod } = aPod({ phase: 'Pending', cause, createdAt: minutesAgo(60), ...rest });
  return anAgentJob({ ...old, pod });
};

/** A pod that is over; `mainStartedAt` = undefined where its main container never ran. */
const over = (rest: Partial<AgentPod>, hasRun = true): AgentJob => {
  const { mainStartedAt, ...pod } = aPod({ phase: 'Failed', ...rest });
  return anAgentJob({ pod: hasRun && mainStartedAt !== undefined ? { ...pod, mainStartedAt } : pod });
};

describe('planPool: why an agent never started', () => {
  it.each<{ name: string; given: AgentJob; want: string }>([
    {
      name: 'an image that does not exist',
      given: keptBy('imagePull', { message: 'manifest unknown', pullTrouble: 'notFound' }),
      want: 'neverStarted imagePull (there is no such image): manifest unknown',
    },
    {
      name: 'an image that the registry does not give to it',
      given: keptBy('imagePull', { message: '401', pullTrouble: 'unauthorized' }),
      want: 'neverStarted imagePull (the registry refuses the credentials): 401',
    },
    {
      name: 'a registry that limits the rate',
      given: keptBy('imagePull', { message: 'toomanyrequests', pullTrouble: 'rateLimited' }),
      want: 'neverStarted imagePull (the registry limits the rate): toomanyrequests',
    },
    {
      name: 'no node for it, with the resource or taint in the words of the scheduler',
      given: keptBy('unschedulable', { message: '0/3 nodes are available: 3 Insufficient cpu.' }),
      want: 'neverStarted unschedulable: 0/3 nodes are available: 3 Insufficient cpu.',
    },
    { name: 'an init container that hangs', given: keptBy('init'), want: 'neverStarted init' },
    {
      name: 'a volume that cannot be mounted',
      given: keptBy('mount', { message: 'secret "x" not found' }),
      want: 'neverStarted mount: secret "x" not found',
    },
    {
      name: 'a policy of the cluster that refuses the pod',
      given: withoutPod(
        anAgentJob({ ...old, trouble: { cause: 'admission', message: 'denied the request: no root' } }),
      ),
      want: 'neverStarted admission: denied the request: no root',
    },
    {
      name: 'a quota that is used up for longer than its limit',
      given: withoutPod(anAgentJob({ ...old, trouble: { cause: 'quota', message: 'exceeded quota: pods=10' } })),
      want: 'neverStarted quota: exceeded quota: pods=10',
    },
    { name: 'no pod at all', given: withoutPod(anAgentJob(old)), want: 'neverStarted noPod' },
    {
      name: 'an agent that runs and never connects',
      given: anAgentJob({ ...old, pod: aPod({ createdAt: minutesAgo(60), mainStartedAt: minutesAgo(59) }) }),
      want: 'neverStarted connecting',
    },
    {
      name: 'an init container that failed',
      given: over({ cause: 'init', exitCode: 31, message: 'the server refuses the credential' }, false),
      want: 'neverStarted init: the server refuses the credential (exit code 31)',
    },
    {
      name: 'an init container that failed without a word',
      given: over({ cause: 'init', exitCode: 20, message: 'register exited with code 20 (Error)' }, false),
      want: 'neverStarted init: register exited with code 20 (Error)',
    },
    {
      name: 'an init container that had more to say than is kept',
      given: over({ cause: 'init', exitCode: 33, message: 'a'.repeat(400) }, false),
      want: `neverStarted init: ${'a'.repeat(300)} (exit code 33)`,
    },
    {
      name: 'a process that was killed for its memory before it registered',
      given: over({ exitCode: 137, reason: 'OOMKilled' }),
      want: 'neverStarted OOMKilled, exit code 137',
    },
    { name: 'a process that crashed', given: over({ exitCode: 2 }), want: 'neverStarted exit code 2' },
    {
      name: 'a pod that was evicted before pick-up',
      given: over({ disruption: 'EvictionByEvictionAPI', message: 'drained' }),
      want: 'disrupted EvictionByEvictionAPI: drained',
    },
    {
      name: 'a pod that is gone with its node',
      given: withoutPod(anAgentJob({ condition: 'Failed' })),
      want: 'disrupted its pod is gone',
    },
  ])('$name', ({ given, want }) => {
    const agents = [aBootingAgent({ createdAt: given.createdAt })];
    expect(actionsOf(anObserved({ agents, agentJobs: [given] }))).toEqual([`retire ${first} ${want}`]);
  });

  it('gives each cause its own limit', () => {
    const causes = ['imagePull', 'unschedulable', 'init', 'mount', 'pulling', 'none'] as const;
    const waits = causes.map((cause) => {
      const limit = policy.bootLimits[cause];
      const at = (age: number): string[] => {
        const { mainStartedAt: _, ...pod } = aPod({ phase: 'Pending', cause, createdAt: anObserved().at - age });
        const agentJob = anAgentJob({ ...old, pod });
        return actionsOf(anObserved({ agents: [aBootingAgent()], agentJobs: [agentJob] }));
      };
      return [at(limit).length, at(limit + 1).length];
    });
    expect(waits).toEqual(causes.map(() => [0, 1]));
  });

  it('waits while a quota refuses the pod, inside its limit', () => {
    const refused = withoutPod(
      anAgentJob({ phaseAt: minutesAgo(9), trouble: { cause: 'quota', message: 'exceeded quota' } }),
    );
    expect(actionsOf(anObserved({ agents: [aBootingAgent()], agentJobs: [refused] }))).toEqual([]);
  });

  it('opens no breaker over pods that the cluster took', () => {
    const taken = [1, 2, 3, 4].map((id) =>
      aTombstone(1, {
        reason: 'disrupted',
        phaseAt: secondsAgo(60),
        purpose: { kind: 'request', requestId: id, attempt: 1 },
      }),
    );
    expect(plan(anObserved({ agentJobs: taken })).alarms).toEqual([]);
  });

  it('calls the end of an agent that was online and idle neither', () => {
    const ended = over({ disruption: 'EvictionByEvictionAPI' });
    expect(actionsOf(anObserved({ agents: [anAgent({ online: false })], agentJobs: [ended] }))).toEqual([
      `retire ${first} endedIdle EvictionByEvictionAPI`,
    ]);
  });
});
