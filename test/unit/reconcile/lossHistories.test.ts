/** Random losses under two control planes with failing calls and deaths: what holds in all of them. */
import { describe, expect, it } from 'vitest';
import { CallCounter } from '../../../infra/local/simulation/mortal.ts';
import type { FaultKind } from '../../../infra/local/world/faults.ts';
import { type Random, seededRandom } from '../../../infra/local/world/random.ts';
import { minutesMs, secondsMs } from '../../../shared/domain/instant.ts';
import { scopeOf } from '../../../shared/plan/view.ts';
import { reconcilePool } from '../../../shared/reconcile/reconcilePool.ts';
import { namespace, Worlds } from '../../support/pass.ts';
import { aPoolPolicy } from '../../support/policyBuilders.ts';
import { queueIn, tagsOf, tellingPlane } from '../../support/reaping.ts';

const policy = aPoolPolicy({ runs: { tellAfterMs: minutesMs(2), rerunLost: true } });
const { poolId } = policy;
const faults: readonly FaultKind[] = [
  { kind: 'status', status: 503 },
  { kind: 'status', status: 403 },
  { kind: 'lostBefore' },
  { kind: 'lostAfter' },
  { kind: 'slow', ms: 20_000 },
  { kind: 'hang' },
];
const forMs = minutesMs(60);

/** A control plane that may die at some call, and is followed by another that may. */
function keepPassing(worlds: Worlds, random: Random, name: string, count = 0): void {
  const crash = { atCall: random.between(0, 800), when: 'after' } as const;
  const counter = new CallCounter();
  const latencyMs = (): number => random.between(0, 600);
  const { deps, mortal } = tellingPlane(worlds, { name: `${name}${count}`, latencyMs, counter, crash });
  const look = (): void => {
    if (!mortal.alive) {
      keepPassing(worlds, random, name, count + 1);
      return;
    }
    // Nobody waits for it: the dead answer nobody.
    void reconcilePool(deps, { cause: 'sweep', correlationId: 'c', deadlineAt: worlds.clock.now() + 60_000 });
    worlds.clock.after(secondsMs(random.between(5, 20)), look);
  };
  look();
}

/** Evicts some pod, and notes whose request it takes with it. */
function harm(worlds: Worlds, random: Random, harmed: Set<number>): void {
  const pods = worlds.podNames();
  if (pods.length === 0) return;
  const pod = random.pick(pods);
  for (const { id, reservedAgent } of worlds.ado.listUnfinishedRequests(poolId))
    if (reservedAgent !== undefined && pod.startsWith(`${reservedAgent.name}-`)) harmed.add(id);
  worlds.world().evictByNode(namespace, pod);
}

async function history(seed: number) {
  const random = seededRandom(seed);
  const worlds = new Worlds({ policy });
  const durationMs = minutesMs(30);
  const first = queueIn(worlds, { stage: 'Build', jobName: 'A', durationMs });
  queueIn(worlds, { stage: 'Build', jobName: 'B', runId: first.runId, durationMs });
  queueIn(worlds, { stage: 'Test', jobName: 'C', runId: first.runId, durationMs });
  const harmed = new Set<number>();
  const attempts: number[] = [];
  worlds.ado.onEvent((event) => {
    if (event.kind === 'requestQueued') attempts.push(worlds.ado.getJobRequest(poolId, event.requestId).attempt);
  });
  for (let index = 0; index < 60; index++) {
    const fault = random.pick(faults);
    worlds.clock.after(random.between(0, forMs), () => void worlds.faults.add(fault, () => random.chance(0.3)));
  }
  for (let index = 0; index < 5; index++)
    worlds.clock.after(random.between(secondsMs(20), minutesMs(45)), () => harm(worlds, random, harmed));
  for (const name of ['a', 'b']) keepPassing(worlds, random, name);
  await worlds.clock.advance(forMs);
  const noted = (await worlds.cluster().listAgentJobs(scopeOf(policy))).some(({ lost }) => lost !== undefined);
  return {
    again: attempts.filter((attempt) => attempt === 2).length,
    thirdTries: attempts.filter((attempt) => attempt > 2),
    lostByUs: worlds.lost.filter((id) => !harmed.has(id)),
    isTold: !noted || tagsOf(worlds, first).includes('mayfly-agent-lost'),
  };
}

describe('losses in any order', () => {
  it('are told, run again once for each stage, and never caused by us', { timeout: 60_000 }, async () => {
    let reruns = 0;
    for (let seed = 1; seed <= 4; seed++) {
      const { again, ...rest } = await history(seed);
      expect({ seed, ...rest }).toEqual({ seed, thirdTries: [], lostByUs: [], isTold: true });
      reruns += again;
    }
    expect(reruns).toBeGreaterThan(3);
  });
});
