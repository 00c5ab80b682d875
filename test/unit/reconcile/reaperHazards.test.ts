/** Hazards of reapers, found by reading this one as somebody who wants it to go wrong. */
import { describe, expect, it } from 'vitest';
import { hoursMs, minutesMs } from '../../../shared/domain/instant.ts';
import { annotationPointer, annotations } from '../../../shared/domain/names.ts';
import { unknown } from '../../../shared/domain/read.ts';
import { type PassReport, reconcilePool } from '../../../shared/reconcile/reconcilePool.ts';
import { anAgent, anObserved, nameFor, runningOn } from '../../support/builders.ts';
import { namespace, type Plane, placeholderLine, type Worlds } from '../../support/pass.ts';
import { actionsOf } from '../../support/plans.ts';
import { name } from './creation.ts';
import { anIdleAgentJob, retire } from './retirement.ts';

function pass(worlds: Worlds, plane: Plane): Promise<PassReport> {
  const deadlineAt = worlds.clock.now() + 60_000;
  return worlds.until(reconcilePool(plane.deps, { cause: 'sweep', correlationId: 'c-1', deadlineAt }));
}

/** Passes as the next looks have it, or every minute. */
async function passes(worlds: Worlds, plane: Plane, forMs: number): Promise<void> {
  for (const end = worlds.clock.now() + forMs; worlds.clock.now() < end; ) {
    const { nextLookAt, at } = await pass(worlds, plane);
    await worlds.clock.advance(nextLookAt === undefined ? 60_000 : Math.max(1000, nextLookAt - at));
  }
}

describe('a Job that names the agent of somebody else', () => {
  it('has it neither renamed nor deleted, though its own is gone', async () => {
    const worlds = await anIdleAgentJob();
    const { id } = worlds.ado.addAgent(7, { name: 'build-box', version: '5.278.0' });
    worlds.ado.deleteAgent(7, 2);
    worlds.patchJob(name, [{ op: 'replace', path: annotationPointer(annotations.agentId), value: String(id) }]);
    await retire(worlds);
    expect(worlds.existing().agents).toEqual([placeholderLine, `${id} build-box offline`]);
  });
});

describe('an agent that has received its request', () => {
  const seen = { agents: [anAgent()], requests: [runningOn(anAgent())] };
  it.each([
    {
      name: 'while the cluster of its Job does not answer',
      given: { ...seen, clusters: [{ name: 'primary', agentJobs: unknown('timeout'), quotas: { value: [] } }] },
    },
    { name: 'when its Job is gone', given: seen },
  ])('is disabled $name: it takes Azure DevOps alone to see that', ({ given }) => {
    expect(actionsOf(anObserved(given))).toEqual([`disable ${nameFor(1001)}`]);
  });
});

describe('an idle agent whose Job somebody deleted without its pod', () => {
  it('goes at last, with its pod and its Secret', async () => {
    const worlds = await anIdleAgentJob();
    worlds.world().delete('jobs', namespace, name, { propagationPolicy: 'Orphan' });
    await passes(worlds, worlds.plane(), hoursMs(3));
    expect(worlds.existing()).toEqual({ jobs: [], agents: [placeholderLine], secrets: [], pods: [] });
  }, 60_000);
});

describe('an agent that the server does not let go', () => {
  it('is tried again at sweeps only, once it is clear that seconds change nothing', async () => {
    const worlds = await anIdleAgentJob();
    worlds.fail('deleteAgent', { kind: 'status', status: 400 }, Number.POSITIVE_INFINITY);
    await worlds.clock.advance(minutesMs(2));
    await passes(worlds, worlds.plane(), minutesMs(60));
    worlds.journal.clear();
    await passes(worlds, worlds.plane(), minutesMs(5));
    expect(worlds.journal.calls.filter(({ door }) => door === 'azureDevOps').length).toBeLessThan(50);
  }, 60_000);
});
