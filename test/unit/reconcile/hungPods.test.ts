/** Processes that go on after their agent has finished: gone in a known time, and never while an agent holds a request. */
import { describe, expect, it } from 'vitest';
import { quickStory } from '../../../infra/local/kubernetes/podStory.ts';
import { minutesMs, secondsMs } from '../../../shared/domain/instant.ts';
import { nameFor, policy } from '../../support/builders.ts';
import { nothing, placeholderLine, Worlds } from '../../support/pass.ts';
import { aPoolPolicy, aTemplate } from '../../support/policyBuilders.ts';
import { aBusyAgent, eventsIn, sweeps, tellingPlane, timesDone } from '../../support/reaping.ts';

const { endGraceMs } = policy;
const sweepMs = secondsMs(5);
/** Twice the grace, the pod's last grace, and a sweep for each step. */
const goneWithinMs = 2 * endGraceMs + secondsMs(30) + 2 * sweepMs;

const noPods = (worlds: Worlds) => (): boolean => worlds.podNames().length === 0;

describe('a pod whose process hangs after its job', () => {
  it.each([
    { name: 'its agent offline', onlineMs: 0 },
    { name: 'its agent online for ever', onlineMs: minutesMs(600) },
  ])('is gone within twice the grace and half a minute, $name', async ({ onlineMs }) => {
    const worlds = new Worlds({ temper: { kind: 'hangsAfterJob', onlineMs } });
    const plane = tellingPlane(worlds);
    await aBusyAgent(worlds, { durationMs: secondsMs(20) });
    await sweeps(worlds, plane, secondsMs(30), () => worlds.ran.length > 0);
    const { ms, outcomes } = await sweeps(worlds, plane, minutesMs(20), noPods(worlds));
    expect(ms).toBeGreaterThanOrEqual(2 * endGraceMs);
    expect(ms).toBeLessThanOrEqual(goneWithinMs);
    expect(timesDone(worlds, 'delete pods')).toBeGreaterThan(0);
    await sweeps(worlds, plane, secondsMs(20));
    expect(worlds.existing()).toEqual(nothing);
    // It served its request: nothing to tell anybody.
    expect([eventsIn(worlds), outcomes.filter((line) => line.startsWith('noteLost'))]).toEqual([[], []]);
  });

  it('keeps nobody else waiting: the next request has an agent long before', async () => {
    const worlds = new Worlds({ temper: { kind: 'hangsAfterJob', onlineMs: minutesMs(600) } });
    const plane = tellingPlane(worlds);
    await aBusyAgent(worlds, { durationMs: secondsMs(20) });
    await sweeps(worlds, plane, secondsMs(30), () => worlds.ran.length > 0);
    worlds.temper = { kind: 'sound' };
    const requestId = worlds.queueJob(secondsMs(10));
    const { ms } = await sweeps(worlds, plane, minutesMs(5), () => worlds.ran.includes(requestId));
    expect(ms).toBeLessThan(minutesMs(1));
  });

  it('is not hurried while it ends by itself', async () => {
    const worlds = new Worlds();
    const plane = tellingPlane(worlds);
    await aBusyAgent(worlds, { durationMs: secondsMs(20) });
    await sweeps(worlds, plane, minutesMs(10));
    expect([worlds.existing(), timesDone(worlds, 'delete pods')]).toEqual([nothing, 0]);
  });

  it('is gone although only a sidecar runs on', async () => {
    const sidecar = { name: 'proxy', image: 'registry.contoso.example/proxy:1' };
    const templates = [aTemplate({ pod: { spec: { containers: [sidecar] } } })];
    const worlds = new Worlds({ policy: aPoolPolicy({ templates }) });
    worlds.story = { ...quickStory, sidecarsStay: true };
    const plane = tellingPlane(worlds);
    worlds.queueJob(secondsMs(20));
    await sweeps(worlds, plane, minutesMs(2), () => worlds.ran.length > 0);
    const { ms } = await sweeps(worlds, plane, minutesMs(20), noPods(worlds));
    expect(ms).toBeLessThanOrEqual(goneWithinMs);
    expect(timesDone(worlds, 'delete pods')).toBe(0);
  });
});

describe('a pod whose agent holds a request', () => {
  it('is ended by nothing, for hours and whatever its retiring mark', async () => {
    const worlds = new Worlds();
    const plane = tellingPlane(worlds);
    await aBusyAgent(worlds);
    await sweeps(worlds, plane, secondsMs(10));
    worlds.movePhase(nameFor(1001), 'retiring');
    await sweeps(worlds, plane, minutesMs(40));
    expect(worlds.existing().agents).toEqual([placeholderLine, '2 1001-1 online disabled request=1001']);
    expect(worlds.existing().pods).toEqual(['1001-1 Running']);
    expect([timesDone(worlds, 'delete pods'), timesDone(worlds, 'deleteAgent')]).toEqual([0, 0]);
    expect((await worlds.agentJob(nameFor(1001))).suspended).toBe(false);
  });

  it('is not ended when the agent is given a request after the plan was made', async () => {
    const worlds = new Worlds();
    const plane = tellingPlane(worlds);
    const requestId = worlds.queueJob(minutesMs(60));
    await sweeps(worlds, plane, secondsMs(5));
    worlds.ado.cancelJob(requestId);
    await worlds.clock.advance(secondsMs(30));
    // Idle, and surplus as soon as it is old enough: the job comes between the look and the end.
    worlds.meanwhile('patch jobs', () => void worlds.queueJob(minutesMs(60)));
    await sweeps(worlds, plane, minutesMs(20));
    expect(worlds.existing().agents.at(1)).toContain('request=1002');
    expect([worlds.lost, worlds.podNames().length]).toEqual([[], 1]);
  });
});
