/**
 * What goes wrong with agents, over the whole system on virtual time: a node is lost, an image does not exist, a process
 * hangs, agents crash. Nothing is lost through us, everybody is told, and nothing stays.
 */
import { describe, expect, it } from 'vitest';
import { inProcessAgentPools } from '../../infra/local/azureDevOps/inProcess.ts';
import { list, nameOf } from '../../infra/local/kubernetes/object.ts';
import type { PodStory } from '../../infra/local/kubernetes/podStory.ts';
import type { Temper } from '../../infra/local/simulation/agentInPod.ts';
import { Faults, Journal } from '../../infra/local/world/faults.ts';
import { hoursMs, minutesMs, secondsMs } from '../../shared/domain/instant.ts';
import type { JsonObject } from '../../shared/domain/json.ts';
import type { Explanation } from '../../shared/plan/explain.ts';
import { explainRequest } from '../../shared/reconcile/explainRequest.ts';
import { aScalingWorld, poolId, type ScalingOptions, type ScalingWorld, scalingPolicy } from '../support/scaling.ts';

const namespace = 'mayfly-agents';
const runs = { tellAfterMs: minutesMs(2), rerunLost: true };
const policy = scalingPolicy({ runs });

interface Watched {
  readonly world: ScalingWorld;
  /** "noteLost done: request 1001", and when. */
  readonly done: { readonly what: string; readonly at: number }[];
}

async function aWorld(options: ScalingOptions = {}): Promise<Watched> {
  const done: Watched['done'][number][] = [];
  const world = await aScalingWorld({
    policies: [policy],
    tellsRuns: true,
    sweepMs: secondsMs(5),
    ...options,
    onReport: ({ outcomes, at }) => {
      for (const { action, kind, detail = '' } of outcomes)
        if (kind !== 'waiting') done.push({ what: `${action} ${kind}: ${detail}`, at });
    },
  });
  return { world, done };
}

const items = (world: ScalingWorld, resource: 'events' | 'pods'): readonly JsonObject[] =>
  list(world.kubernetes.list(resource, namespace).body, 'items') as readonly JsonObject[];

/** "LostMidJob: agent ... was gone ...": what `kubectl describe` shows of the control map. */
const told = (world: ScalingWorld): readonly string[] =>
  items(world, 'events').flatMap(({ reportingComponent, reason, message }) =>
    reportingComponent === 'mayfly' && typeof reason === 'string' && typeof message === 'string'
      ? [`${reason}: ${message}`]
      : [],
  );

const tags = ({ ado }: ScalingWorld, requestId: number): readonly string[] => {
  const { run } = ado.getJobRequest(poolId, requestId);
  return ado.runs.tags(run.id);
};

const timesDone = ({ done }: Watched, what: string): readonly number[] =>
  done.filter((each) => each.what.startsWith(what)).map(({ at }) => at);

/** What anybody who asks is told. */
async function explained(world: ScalingWorld, requestId: number, policyNow = policy): Promise<Explanation> {
  const { clock, random, ado } = world;
  const [journal, faults] = [new Journal(), new Faults()];
  const nobody = (): never => {
    throw new Error('an explanation creates nothing');
  };
  let explanation: Explanation | undefined;
  void explainRequest(
    {
      policy: policyNow,
      pools: inProcessAgentPools(ado, { caller: 'explain', journal, faults, clock, random }),
      clusters: [world.clusterFor('explain')],
      clock,
      memory: {},
      keys: { generate: nobody },
      nonces: { next: nobody },
      log: { write: () => undefined },
      namespaces: new Map(),
    },
    requestId,
  ).then((answer) => {
    explanation = answer;
  });
  await world.until(() => explanation !== undefined, secondsMs(30));
  if (explanation === undefined) throw new Error('nobody answered');
  return explanation;
}

describe('a node that is lost under a busy agent', { timeout: 60_000 }, () => {
  it('costs its job one more try, which everybody is told of', async () => {
    const watched = await aWorld();
    const { world } = watched;
    const [requestId = 0] = world.queue(1, { durationMs: minutesMs(20) });
    await world.until(() => world.count.busy === 1);
    let givenUpAt: number | undefined;
    world.ado.onEvent((event) => {
      if (event.kind === 'finished' && event.lost) givenUpAt ??= event.at;
    });
    world.kubernetes.loseNode('east-1');
    await world.until(() => givenUpAt !== undefined);
    const [notedAt = Number.NaN] = timesDone(watched, 'noteLost done');
    expect(notedAt).toBeLessThan(givenUpAt ?? 0);
    expect(told(world)).toEqual([
      expect.stringMatching(/^LostMidJob: agent \S+ was gone while it ran request 1001: its pod is gone$/),
    ]);
    expect(tags(world, requestId)).toEqual(['mayfly-agent-lost']);
    await world.until(() => world.count.ran.size === 1, minutesMs(40));
    expect(await world.settle(hoursMs(8))).toEqual([]);
    expect([timesDone(watched, 'noteLost done').length, timesDone(watched, 'rerun done').length]).toEqual([1, 1]);
    expect(tags(world, requestId)).toEqual(['mayfly-agent-lost', 'mayfly-rerun-__default']);
    expect([[...world.count.ran.keys()], world.count.jobs.length]).toEqual([[requestId + 1], 2]);
    expect(world.ado.getRun(world.ado.getJobRequest(poolId, requestId).run.id)?.result).toBe('succeeded');
  });
});

describe('an image that there is none of', { timeout: 60_000 }, () => {
  it('is named to whoever asks, told to the run after three failures, and tried less and less often', async () => {
    const message = 'failed to resolve reference "registry.contoso.example/agent:27": not found';
    const broken: Partial<PodStory> = { pullFailure: { message } };
    let story: Partial<PodStory> = broken;
    const { world } = await aWorld({ story: () => story });
    const [requestId = 0] = world.queue(1);
    const failed = (): number => told(world).filter((line) => line.startsWith('NeverStarted')).length;
    await world.until(() => failed() === 2, hoursMs(1));
    expect(tags(world, requestId)).toEqual([]);
    await world.until(() => tags(world, requestId).length > 0, hoursMs(1));
    expect([failed(), tags(world, requestId)]).toEqual([3, ['mayfly-agent-cannot-start']]);
    const words = /^NeverStarted: linux agent \S+: imagePull \(there is no such image\): .*not found/;
    expect(told(world).every((line) => words.test(line))).toBe(true);
    const { trail } = await explained(world, requestId);
    expect(trail?.attempts.map(({ reason, detail }) => `${reason}: ${detail}`)).toEqual(
      Array.from({ length: 3 }, () => expect.stringContaining('neverStarted: imagePull (there is no such image): ')),
    );
    await world.until(() => failed() === 5, hoursMs(2));
    const gaps = world.count.jobs
      .slice(1)
      .map(({ createdAt }, index) => createdAt - (world.count.jobs[index]?.createdAt ?? 0));
    expect(gaps.toSorted((a, b) => a - b)).toEqual(gaps);
    story = {};
    await world.until(() => world.count.ran.size === 1, hoursMs(1));
    expect([[...world.count.ran.keys()], tags(world, requestId)]).toEqual([[requestId], ['mayfly-agent-cannot-start']]);
    expect(await world.settle(hoursMs(8))).toEqual([]);
  });
});

describe('processes that hang after their jobs', { timeout: 60_000 }, () => {
  it.each([0, hoursMs(5)])('are gone within minutes, their agents online for %d ms more', async (onlineMs) => {
    const { world } = await aWorld({ temper: () => ({ kind: 'hangsAfterJob', onlineMs }) });
    world.queue(5);
    await world.until(() => world.count.ran.size === 5);
    expect(world.count.live).toBe(5);
    const ms = await world.until(() => world.count.live === 0);
    expect(ms).toBeLessThanOrEqual(2 * policy.endGraceMs + secondsMs(45));
    expect(await world.settle()).toEqual([]);
    expect(world.count.trouble).toEqual([]);
  });
});

describe('agents that crash at their start', { timeout: 60_000 }, () => {
  it('leave their newest pods for a while, and their last lines to whoever asks', async () => {
    const keepFailed = { forMs: hoursMs(2), most: 2 };
    const keeping = scalingPolicy({ runs, keepFailed });
    let temper: Temper = { kind: 'crashesAtStart' };
    const { world } = await aWorld({ policies: [keeping], temper: () => temper });
    world.kubernetes.onEvent((event) => {
      if (event.kind === 'mainStarted')
        world.kubernetes.log(namespace, event.pod, `no space left, says ${event.pod}\n`);
    });
    const [requestId = 0] = world.queue(1);
    await world.until(() => world.count.jobs.length === 4, hoursMs(1));
    const { trail } = await explained(world, requestId, keeping);
    const lines = trail?.attempts
      .slice(0, 3)
      .map(({ pod, lastLines }) => lastLines?.at(-1) === `no space left, says ${pod}`);
    expect(lines).toEqual([true, true, true]);
    temper = { kind: 'sound' };
    await world.until(() => world.count.ran.size === 1, hoursMs(1));
    await world.advance(minutesMs(40));
    const crashed = world.count.jobs.filter(({ reason }) => reason === 'neverStarted').map(({ name }) => name);
    const kept = items(world, 'pods').map((pod) => nameOf(pod).replace(/-[^-]+$/, ''));
    expect(kept.toSorted((a, b) => a.localeCompare(b))).toEqual(crashed.slice(-2));
    await world.advance(hoursMs(2));
    expect(items(world, 'pods')).toEqual([]);
    expect(await world.settle()).toEqual([]);
  });
});
