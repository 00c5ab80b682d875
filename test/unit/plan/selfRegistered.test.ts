/** Agents that their pods register: written down when they are seen, and nobody's while two Jobs may have them. */
import { describe, expect, it } from 'vitest';
import type { Agent } from '../../../shared/domain/agent.ts';
import type { AgentJob, AgentPod } from '../../../shared/domain/agentJob.ts';
import type { JobRequest } from '../../../shared/domain/jobRequest.ts';
import { known, unknown } from '../../../shared/domain/read.ts';
import type { Action } from '../../../shared/plan/plan.ts';
import {
  aBootingAgent,
  aJobRequest,
  anAgent,
  anAgentJob,
  anObserved,
  aPod,
  minutesAgo,
  nameFor,
  runningOn,
  secondsAgo,
  withoutAgentId,
  withoutPod,
} from '../../support/builders.ts';
import { aTombstone, plan, told } from '../../support/plans.ts';

/** Its init container is at work since then, or has ended so. */
const registering = (since = secondsAgo(20), rest: Partial<AgentPod> = {}): AgentPod => ({
  name: 'pod',
  uid: 'pod-uid',
  phase: 'Pending',
  cause: 'init',
  createdAt: since,
  scheduledAt: since,
  terminating: false,
  ...rest,
});
/** Its main container is about to start. */
const registered = registering(secondsAgo(20), { initExitCode: 0 });
const lost = registering(secondsAgo(20), { phase: 'Failed', initExitCode: 30 });
const refused = registering(secondsAgo(20), { phase: 'Failed', initExitCode: 31 });
const overdue = registering(minutesAgo(6));
const running = aPod();
const died = aPod({ phase: 'Failed', exitCode: 1 });

const unnoted = (cluster: string, pod: AgentPod, rest: Partial<AgentJob> = {}): AgentJob =>
  withoutAgentId(anAgentJob({ cluster, uid: `${cluster}-uid`, pod, ...rest }));
const east = (pod: AgentPod, rest?: Partial<AgentJob>): AgentJob => unnoted('east', pod, rest);
const west = (pod: AgentPod, rest?: Partial<AgentJob>): AgentJob => unnoted('west', pod, rest);
const noted = (agentJob: AgentJob): AgentJob => ({ ...agentJob, agentId: 501 });

interface Seen {
  /** undefined = the cluster is out of reach. */
  readonly east?: readonly AgentJob[] | undefined;
  readonly west?: readonly AgentJob[] | undefined;
  readonly agents?: readonly Agent[];
  readonly requests?: readonly JobRequest[];
}

function tell(action: Action): string {
  if (!('agentJob' in action)) return told(action);
  const { kind, agentJob } = action;
  const words = [kind, agentJob.cluster, ...(kind === 'retire' ? [action.reason] : [])];
  return [...words, ...(kind === 'noteAgent' ? [action.agentId] : [])].join(' ');
}

/** The actions, and the alarms but that of the cluster out of reach. */
function decided(seen: Seen) {
  const { agents = [], requests = [aJobRequest()] } = seen;
  const clusters = (['east', 'west'] as const).map((name) => {
    const agentJobs = name in seen ? seen[name] : [];
    return { name, agentJobs: agentJobs ? known(agentJobs) : unknown('timeout' as const), quotas: { value: [] } };
  });
  const observed = anObserved({ agents, requests, clusters });
  const { actions, alarms } = plan(observed, { clusters: ['east', 'west'] });
  return { actions: actions.map(tell), alarms: alarms.filter(({ reason }) => reason !== 'clusterUnknown') };
}

interface Row extends Seen {
  readonly name: string;
  readonly want: readonly string[];
}

const table = (rows: readonly Row[]): void => {
  it.each(rows)('$name', ({ want, ...seen }) => {
    expect(decided(seen)).toEqual({ actions: want, alarms: [] });
  });
};

const booting = aBootingAgent();
const online = anAgent();
const received = runningOn(online);
const out = undefined;

describe('planPool: the agent that one pod has registered', () => {
  table([
    {
      name: 'is written down as soon as its pod has registered',
      east: [east(registered)],
      agents: [booting],
      want: ['noteAgent east 501'],
    },
    {
      name: 'is not written down before: it may be somebody else who took the name',
      east: [east(registering())],
      agents: [booting],
      want: [],
    },
    {
      name: 'is left alone where somebody else took the name: the Job has lost a race',
      east: [east(lost)],
      agents: [booting],
      want: ['retire east raced'],
    },
    {
      name: 'is written down when it is online',
      east: [east(running)],
      agents: [online],
      want: ['noteAgent east 501'],
    },
    { name: 'is written down once', east: [noted(east(running))], agents: [online], want: [] },
    { name: 'is waited for', east: [east(registering())], want: [] },
    {
      name: 'is waited for while another cluster is out of reach',
      east: [east(registering())],
      west: out,
      agents: [booting],
      want: [],
    },
    {
      name: 'is written down though another cluster is out of reach, when its pod has passed the registration',
      east: [east(running)],
      west: out,
      agents: [online],
      want: ['noteAgent east 501'],
    },
    {
      name: 'is disabled like any other when it has received its request, and written down',
      east: [east(running)],
      agents: [online],
      requests: [received],
      want: ['disable mf-test-jxhb-7-1001-1', 'noteAgent east 501'],
    },
    {
      name: 'is written down on a Job that is being retired, for whoever goes on',
      east: [east(running, { phase: 'retiring', reason: 'surplus' })],
      agents: [{ ...online, enabled: false }],
      requests: [],
      want: ['noteAgent east 501', 'retire east surplus'],
    },
    {
      name: 'is none when the registration was refused: the Job is retired as one that never started',
      east: [east(refused)],
      want: ['retire east neverStarted'],
    },
    {
      name: 'is none of another agent that bears the name: an id once written down holds',
      east: [{ ...east(running), agentId: 777 }],
      agents: [online],
      want: [],
    },
    {
      name: 'has never started when the registration takes longer than its limit',
      east: [east(overdue)],
      want: ['retire east neverStarted'],
    },
  ]);
});

describe('planPool: two Jobs of one name that register their agents', () => {
  table([
    {
      name: 'are left alone while either may have registered the agent',
      east: [east(registering())],
      west: [west(registering())],
      agents: [booting],
      want: [],
    },
    {
      name: 'are left alone however long that lasts',
      east: [east(overdue)],
      west: [west(overdue)],
      agents: [booting],
      want: [],
    },
    {
      name: 'are left alone while it is online and idle',
      east: [east(registering())],
      west: [west(registering())],
      agents: [anAgent({ createdAt: minutesAgo(60), statusChangedAt: minutesAgo(59) })],
      requests: [],
      want: [],
    },
    { name: 'are waited for while neither has', east: [east(registering())], west: [west(registering())], want: [] },
    {
      name: 'do not wait for each other when neither ever registers',
      east: [east(overdue)],
      west: [west(overdue)],
      want: ['retire east neverStarted', 'retire west neverStarted'],
    },
    {
      name: 'go each its own way: one in time, the other not',
      east: [east(overdue)],
      west: [west(registering())],
      want: ['retire east neverStarted'],
    },
    {
      name: 'are retired on when both have begun it and there is no agent',
      east: [east(registering(), { phase: 'retiring', reason: 'neverStarted' })],
      west: [west(registering(), { phase: 'retiring', reason: 'neverStarted' })],
      want: ['retire east neverStarted', 'retire west neverStarted'],
    },
    {
      name: 'are told apart when one pod has passed its registration: the agent is that one’s',
      east: [east(registering())],
      west: [west(running)],
      agents: [online],
      want: ['noteAgent west 501'],
    },
    {
      name: 'are told apart by the id that one bears',
      east: [east(registering())],
      west: [noted(west(running))],
      agents: [online],
      want: [],
    },
    {
      name: 'end apart then: the other has never started when its time is up',
      east: [east(overdue)],
      west: [noted(west(running))],
      agents: [online],
      want: ['retire east neverStarted'],
    },
    {
      name: 'end apart then: that of the agent goes when it has served',
      east: [east(registering())],
      west: [noted(west(running))],
      agents: [anAgent({ lastCompletedRequest: { id: 1001, finishedAt: secondsAgo(5) } })],
      requests: [],
      want: ['retire west finished'],
    },
    {
      name: 'are one when the other is over: then the agent can only be that one’s',
      east: [east(registered)],
      west: [withoutPod(west(running, { phase: 'tombstone', suspended: true, reason: 'neverStarted' }))],
      agents: [booting],
      want: ['noteAgent east 501'],
    },
  ]);
});

describe('planPool: a Job that was too late to register its agent', () => {
  table([
    {
      name: 'is retired as raced, and the agent is the other’s',
      east: [east(lost)],
      west: [west(running)],
      agents: [online],
      want: ['retire east raced', 'noteAgent west 501'],
    },
    {
      name: 'is retired as raced while the agent runs its job',
      east: [east(lost)],
      west: [noted(west(running))],
      agents: [{ ...online, enabled: false }],
      requests: [received],
      want: ['retire east raced'],
    },
    {
      name: 'is no job lost, though its pod ended while an agent of the name holds a request out of reach',
      east: [east(lost)],
      west: out,
      agents: [{ ...online, enabled: false }],
      requests: [received],
      want: ['retire east raced'],
    },
    {
      name: 'is retired on as raced',
      east: [east(lost, { phase: 'retiring', reason: 'raced' })],
      west: [noted(west(running))],
      agents: [{ ...online, enabled: false }],
      requests: [received],
      want: ['retire east raced'],
    },
    {
      name: 'stays as memory while its request lives',
      east: [withoutPod(east(lost, { phase: 'tombstone', suspended: true, reason: 'raced' }))],
      west: [noted(west(running))],
      agents: [online],
      want: [],
    },
    {
      name: 'is buried as soon as its request is gone: it was nobody’s fault',
      east: [withoutPod(east(lost, { phase: 'tombstone', suspended: true, reason: 'raced', phaseAt: secondsAgo(1) }))],
      requests: [],
      want: ['bury east'],
    },
    {
      name: 'makes its request wait for nothing: where no agent is left, the next number is made at once',
      east: [withoutPod(east(lost, { phase: 'tombstone', suspended: true, reason: 'raced', phaseAt: secondsAgo(1) }))],
      want: [`create ${nameFor(1001, 2)}`],
    },
  ]);

  it('is told of as lost mid-job where the other one dies', () => {
    const seen = { agents: [{ ...online, enabled: false }], requests: [received] };
    const { actions, alarms } = decided({ ...seen, east: [east(lost)], west: [noted(west(died))] });
    expect({ actions, alarms }).toEqual({
      actions: ['retire east raced', 'noteLost west'],
      alarms: [{ reason: 'lostMidJob', subject: nameFor(1001), detail: 'request 1001: its pod failed' }],
    });
  });

  it('opens no breaker, however many there are', () => {
    const raced = [1, 2, 3, 4].map((id) =>
      aTombstone(1, {
        reason: 'raced',
        cluster: 'east',
        purpose: { kind: 'request', requestId: 900 + id, attempt: 1 },
      }),
    );
    const { actions, alarms } = decided({ east: raced });
    expect({ made: actions.filter((action) => action.startsWith('create')), alarms }).toEqual({
      made: [`create ${nameFor(1001)}`],
      alarms: [],
    });
  });
});
