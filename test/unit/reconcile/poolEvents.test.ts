/** Each failure of an agent, told in words on the control map of its pool; and what is kept of it for whoever looks. */
import { describe, expect, it } from 'vitest';
import { type PodStory, quickStory } from '../../../infra/local/kubernetes/podStory.ts';
import type { Temper } from '../../../infra/local/simulation/agentInPod.ts';
import type { FaultKind } from '../../../infra/local/world/faults.ts';
import { hoursMs, minutesMs, secondsMs } from '../../../shared/domain/instant.ts';
import type { RetireReason } from '../../../shared/domain/reasons.ts';
import { Secret } from '../../../shared/domain/secret.ts';
import { namespace, nothing, registrationToken, Worlds } from '../../support/pass.ts';
import { aPoolPolicy } from '../../support/policyBuilders.ts';
import { eventsIn, outcomesOf, sweeps, tellingPlane } from '../../support/reaping.ts';
import { status } from './creation.ts';
import { anIdleAgentJob, retire } from './retirement.ts';

const policy = aPoolPolicy();

/** One waiting request that somebody cancels as soon as its first agent has failed, so that no second one is made. */
async function aFailure(worlds: Worlds, forMs = minutesMs(14)): Promise<readonly string[]> {
  const requestId = worlds.queueJob(minutesMs(60));
  const plane = tellingPlane(worlds);
  await sweeps(worlds, plane, forMs, () => eventsIn(worlds).length > 0);
  const told = eventsIn(worlds);
  if (told.length > 0 && worlds.lost.length === 0) worlds.ado.cancelJob(requestId);
  return told;
}

describe('a failure of an agent', () => {
  interface Row {
    readonly name: string;
    readonly story?: Partial<PodStory>;
    readonly temper?: Temper;
    readonly given?: (worlds: Worlds) => void;
    readonly want: string;
  }
  const quota = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'none' }, spec: { hard: { pods: '0' } } };
  const rows: readonly Row[] = [
    {
      name: 'an image that there is none of',
      story: { pullFailure: { message: 'failed to resolve reference "registry.contoso.example/agent": not found' } },
      want: 'imagePull (there is no such image): ',
    },
    {
      name: 'a registry that refuses the credentials',
      story: { pullFailure: { message: 'failed to authorize: 401 Unauthorized' } },
      want: 'imagePull (the registry refuses the credentials): ',
    },
    {
      name: 'a registry that limits the rate',
      story: { pullFailure: { message: 'toomanyrequests: You have reached your pull rate limit' } },
      want: 'imagePull (the registry limits the rate): ',
    },
    {
      name: 'a pod that no node takes',
      story: { unschedulable: { message: '0/3 nodes are available: 3 Insufficient cpu.' } },
      want: 'unschedulable: 0/3 nodes are available: 3 Insufficient cpu.',
    },
    {
      name: 'a volume that does not attach',
      story: { mountFailure: { message: 'AttachVolume.Attach failed for volume "cache"' } },
      want: 'mount: ',
    },
    {
      name: 'a policy that admits no pod',
      given: (worlds) => worlds.world().denyPods('no privileged containers'),
      want: 'admission: ',
    },
    {
      name: 'a quota that leaves no room',
      given: (worlds) => void worlds.world().create('resourcequotas', namespace, quota),
      want: 'quota: ',
    },
    { name: 'an agent that never connects', temper: { kind: 'neverConnects' }, want: 'connecting' },
    { name: 'an agent that crashes at its start', temper: { kind: 'crashesAtStart' }, want: 'Error, exit code 1' },
  ];
  it.each(rows)('is told once, in the words of whoever knows: $name', async ({ story, temper, given, want }) => {
    const worlds = new Worlds({ ...(temper && { temper }), policy: { ...policy, clusters: ['primary'] } });
    worlds.story = { ...quickStory, ...story };
    given?.(worlds);
    const told = await aFailure(worlds);
    expect(told).toEqual([expect.stringContaining(`NeverStarted x1: linux agent 1001-1: ${want}`)]);
    await sweeps(worlds, tellingPlane(worlds), minutesMs(5));
    expect(eventsIn(worlds)).toEqual(told);
    expect((await worlds.agentJob(`mf-test-${policy.organisation.short}-7-1001-1`)).detail).toContain(want.trim());
  });

  const ordinary: readonly {
    readonly name: string;
    readonly reason: RetireReason;
    readonly want: readonly string[];
  }[] = [
    { name: 'one that is surplus', reason: 'surplus', want: [] },
    { name: 'one that another replaces', reason: 'replaced', want: [] },
    { name: 'one of a drained pool', reason: 'drained', want: [] },
    { name: 'one that has finished', reason: 'finished', want: [] },
    {
      name: 'one that the server does not use',
      reason: 'notAssignedByServer',
      want: ['NotAssignedByServer x1: linux agent 1001-1: notAssignedByServer'],
    },
    { name: 'one that went offline', reason: 'wentOffline', want: ['WentOffline x1: linux agent 1001-1: wentOffline'] },
    {
      name: 'one whose pod the cluster took',
      reason: 'disrupted',
      want: ['Disrupted x1: linux agent 1001-1: disrupted'],
    },
  ];
  it.each(ordinary)('is no ordinary end: $name', async ({ reason, want }) => {
    const worlds = await anIdleAgentJob();
    await retire(worlds, { reason });
    expect(eventsIn(worlds)).toEqual(want);
    // Whoever goes on with it says nothing again.
    await retire(worlds, { reason });
    expect(eventsIn(worlds)).toEqual(want);
  });

  it('is told by one of two control planes at once', async () => {
    const worlds = new Worlds({ temper: { kind: 'crashesAtStart' } });
    worlds.queueJob(minutesMs(60));
    const planes = ['a', 'b'].map((name) => tellingPlane(worlds, { name, latencyMs: 100 }));
    for (let look = 0; look < 6; look++) {
      await Promise.all(planes.map((plane) => outcomesOf(worlds, plane)));
      await worlds.clock.advance(secondsMs(2));
    }
    expect(eventsIn(worlds).filter((line) => line.includes('1001-1:'))).toEqual([
      'NeverStarted x1: linux agent 1001-1: Error, exit code 1',
    ]);
  });

  it.each<{ name: string; fault: FaultKind }>([
    { name: 'is refused', fault: status(403) },
    { name: 'fails', fault: status(500) },
    { name: 'hangs', fault: { kind: 'hang' } },
  ])('harms nothing when its telling $name', async ({ fault }) => {
    for (const verb of ['get events', 'create events']) {
      const worlds = await anIdleAgentJob();
      worlds.fail(verb, fault, 9);
      expect(await retire(worlds, { reason: 'wentOffline' })).toBe('waiting: wentOffline: the pod has not ended');
      expect([eventsIn(worlds), worlds.deletedAgents]).toEqual([[], [2]]);
      expect(worlds.log.map(({ level, event }) => `${level} ${event}`)).toContain('debug event.failed');
    }
  });

  it('tells nothing secret', async () => {
    const rsaParameters = new Secret('the private key of this agent');
    const key = { publicKey: { exponent: 'AQAB', modulus: 'M' }, rsaParameters };
    for (const registration of ['jit', 'initConfig'] as const) {
      const inPod = { ...policy, registration, hasRegistrationCredential: true };
      const worlds = new Worlds({ key, policy: inPod, temper: { kind: 'crashesAtStart' } });
      expect(await aFailure(worlds)).toHaveLength(1);
      const all = JSON.stringify([worlds.world().list('events', namespace).body, worlds.log]);
      for (const secret of ['the private key of this agent', registrationToken]) expect(all).not.toContain(secret);
    }
  });
});

describe('the pods of failed agents', () => {
  const failing = (keepFailed: { readonly forMs: number; readonly most: number }) =>
    new Worlds({ policy: { ...policy, keepFailed }, temper: { kind: 'crashesAtStart' } });

  /** Three requests whose agents crash, one after the other; then nobody wants them any more. */
  async function threeFailures(worlds: Worlds): Promise<void> {
    const plane = tellingPlane(worlds);
    const ids = [1, 2, 3].map(() => worlds.queueJob(minutesMs(60)));
    await sweeps(worlds, plane, secondsMs(20));
    for (const id of ids) worlds.ado.cancelJob(id);
  }

  it('are kept for as long and as many as is wanted, the newest first, then buried', async () => {
    const worlds = failing({ forMs: hoursMs(1), most: 2 });
    await threeFailures(worlds);
    const plane = tellingPlane(worlds);
    await sweeps(worlds, plane, policy.backoff.breakerWindowMs + minutesMs(1));
    expect(worlds.existing().pods).toHaveLength(2);
    expect(worlds.existing().secrets).toEqual([]);
    await worlds.clock.advance(minutesMs(30));
    await sweeps(worlds, plane, secondsMs(10));
    expect(worlds.existing().pods).toHaveLength(2);
    await worlds.clock.advance(minutesMs(30));
    await sweeps(worlds, plane, secondsMs(10));
    expect(worlds.existing()).toEqual(nothing);
  });

  it('go with the memory of them where nobody wants any', async () => {
    const worlds = failing({ forMs: 0, most: 0 });
    await threeFailures(worlds);
    await sweeps(worlds, tellingPlane(worlds), policy.backoff.breakerWindowMs + minutesMs(1));
    expect(worlds.existing()).toEqual(nothing);
  });
});
