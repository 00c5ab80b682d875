/** Objects of ours that belong to nobody: asked for now and then, each asked about by name before it goes. */
import { describe, expect, it } from 'vitest';
import type { Leftover } from '../../../shared/domain/leftover.ts';
import { agentJobLabels, buildAgentJobManifest } from '../../../shared/plan/manifest.ts';
import { scopeOf } from '../../../shared/plan/view.ts';
import { explainRequest } from '../../../shared/reconcile/explainRequest.ts';
import { deleteLeftover } from '../../../shared/reconcile/leftovers.ts';
import { observePool } from '../../../shared/reconcile/observe.ts';
import { nameFor, policy, template } from '../../support/builders.ts';
import { namespace, nothing, outcomeLine, type Plane, Worlds } from '../../support/pass.ts';
import { aBusyAgent, outcomesOf, sweeps, tellingPlane } from '../../support/reaping.ts';
import { status } from './creation.ts';

const name = nameFor(900);
const purpose = { kind: 'request', requestId: 900, attempt: 1 } as const;
const minutes = (count: number): number => count * 60_000;

/** A Secret that bears our marks; `owner` = the UID of the Job that owned it, when there was one. */
function leaveSecret(worlds: Worlds, owner?: string, cluster?: string): void {
  const ownerReferences = owner === undefined ? [] : [{ apiVersion: 'batch/v1', kind: 'Job', name, uid: owner }];
  const metadata = { name, labels: agentJobLabels({ policy, template, purpose }), ownerReferences };
  worlds.world(cluster).create('secrets', namespace, { apiVersion: 'v1', kind: 'Secret', metadata });
}

function job(worlds: Worlds): void {
  const createdAt = worlds.ado.now();
  const times = { createdAt, createBy: createdAt + policy.createByMs };
  const spec = { policy, template, name, purpose, creator: 'somebody', namespace, ...times };
  worlds.world().create('jobs', namespace, buildAgentJobManifest(spec));
}

const lists = (worlds: Worlds): number => worlds.journal.calls.filter(({ verb }) => verb === 'list secrets').length;

describe('objects of ours that belong to nobody', () => {
  it('are asked for every ten minutes and removed once their grace has passed', async () => {
    const worlds = new Worlds();
    leaveSecret(worlds);
    const { outcomes } = await sweeps(worlds, tellingPlane(worlds), minutes(21));
    expect(outcomes).toEqual(['deleteLeftover done']);
    expect([worlds.existing(), lists(worlds)]).toEqual([nothing, 3]);
  });

  it('are not asked for again at once when nobody answers', async () => {
    const worlds = new Worlds();
    worlds.fail('list secrets', status(503), 99);
    await sweeps(worlds, tellingPlane(worlds), minutes(9));
    const tried = lists(worlds);
    await sweeps(worlds, tellingPlane(worlds), 1);
    // A read is tried a few times; another process asks for itself.
    expect(lists(worlds)).toBe(2 * tried);
  });

  it.each([
    {
      name: 'somebody who only asks why a request waits',
      look: (plane: Plane) => explainRequest(plane.deps, 1001),
    },
    { name: 'a look at the pool for its licence group', look: (plane: Plane) => observePool(plane.deps, {}) },
  ])('are not lost to $name', async ({ look }) => {
    const worlds = new Worlds();
    leaveSecret(worlds);
    await worlds.clock.advance(minutes(11));
    const plane = tellingPlane(worlds);
    await worlds.until<unknown>(look(plane));
    expect(await outcomesOf(worlds, plane)).toEqual(['deleteLeftover done']);
  });

  it('are not those of an agent job that works', async () => {
    const worlds = new Worlds();
    await aBusyAgent(worlds);
    const { outcomes } = await sweeps(worlds, tellingPlane(worlds), minutes(31));
    expect(outcomes.filter((line) => line.startsWith('deleteLeftover'))).toEqual([]);
    expect(worlds.existing().secrets).toEqual(['1001-1']);
  });

  it('go in the cluster that lost their Job, not where it lives', async () => {
    const worlds = new Worlds({ policy: { ...policy, clusters: ['east', 'west'] } });
    leaveSecret(worlds, undefined, 'east');
    await worlds.clock.advance(minutes(11));
    expect(await outcomesOf(worlds, tellingPlane(worlds))).toEqual(['deleteLeftover done']);
    expect(worlds.existing().secrets).toEqual([]);
  });
});

describe('deleteLeftover', () => {
  interface Row {
    readonly name: string;
    /** The owner that the object tells: its own Job, one that is gone, or none. */
    readonly owner?: 'own' | 'gone';
    readonly given: (worlds: Worlds) => void;
    readonly want: string;
    readonly isLeft: boolean;
  }
  const rows: readonly Row[] = [
    { name: 'removes what nobody owns', given: () => undefined, want: 'done', isLeft: false },
    {
      name: 'removes what a Job owned that is gone',
      owner: 'gone',
      given: () => undefined,
      want: 'done',
      isLeft: false,
    },
    {
      name: 'keeps what a Job of its name may yet own',
      given: job,
      want: 'waiting: its Job lives',
      isLeft: true,
    },
    {
      name: 'keeps what its Job owns, also when that is memory only',
      owner: 'own',
      given: (worlds) => worlds.movePhase(name, 'tombstone'),
      want: 'waiting: its Job lives',
      isLeft: true,
    },
    {
      name: 'removes what bears the name of a tombstone that does not own it',
      owner: 'gone',
      given: (worlds) => {
        job(worlds);
        worlds.movePhase(name, 'tombstone');
      },
      want: 'done',
      isLeft: false,
    },
    {
      name: 'leaves another object alone that bears the name now',
      given: (worlds) =>
        worlds.meanwhile('delete secrets', () => {
          worlds.world().delete('secrets', namespace, name);
          leaveSecret(worlds);
        }),
      want: 'raced',
      isLeft: true,
    },
    {
      name: 'has nothing to do when somebody else was quicker',
      given: (worlds) => void worlds.world().delete('secrets', namespace, name),
      want: 'done',
      isLeft: false,
    },
    {
      name: 'keeps it while nobody answers for its Job',
      given: (worlds) => worlds.fail('get jobs', status(503), 9),
      want: 'failed: unavailable',
      isLeft: true,
    },
    {
      name: 'keeps it while its Job cannot be understood',
      given: (worlds) => {
        job(worlds);
        worlds.movePhase(name, 'unreadable');
      },
      want: 'waiting: its Job lives',
      isLeft: true,
    },
    {
      name: 'fails when it may not delete it',
      given: (worlds) => worlds.fail('delete secrets', status(403)),
      want: 'failed: forbidden',
      isLeft: true,
    },
  ];
  it.each(rows)('$name', async ({ owner, given, want, isLeft }) => {
    const worlds = new Worlds();
    if (owner === 'own') job(worlds);
    leaveSecret(worlds, owner === 'own' ? (await worlds.agentJob(name)).uid : owner);
    const [leftover] = await worlds.cluster().listLeftovers(scopeOf(policy));
    if (leftover === undefined) throw new Error('nothing is left over');
    given(worlds);
    const action = { kind: 'deleteLeftover', name, cluster: 'primary', leftover } as const;
    const outcome = await worlds.until(deleteLeftover(worlds.plane().deps, action));
    expect([outcomeLine(outcome), worlds.existing().secrets.length > 0]).toEqual([want, isLeft]);
  });

  it('asks for every Job that is named as an owner', async () => {
    const worlds = new Worlds();
    job(worlds);
    const { uid } = await worlds.agentJob(name);
    const owners = [
      { kind: 'Job', name: nameFor(901), uid: 'gone' },
      { kind: 'Job', name, uid },
    ];
    const leftover: Leftover = { kind: 'PersistentVolumeClaim', name: 'cache', uid: 'u', createdAt: 1, owners };
    const action = { kind: 'deleteLeftover', name: 'cache', cluster: 'primary', leftover } as const;
    const outcome = await worlds.until(deleteLeftover(worlds.plane().deps, action));
    expect(outcomeLine(outcome)).toBe('waiting: its Job lives');
  });
});
