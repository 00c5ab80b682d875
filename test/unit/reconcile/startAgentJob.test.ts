/** The last two steps of a creation: the Secret with the agent's files, and the start. */
import { describe, expect, it } from 'vitest';
import type { FaultKind } from '../../../infra/local/world/faults.ts';
import { createAgentJob } from '../../../shared/reconcile/createAgentJob.ts';
import { type Existing, namespace, nothing, Worlds } from '../../support/pass.ts';
import {
  action,
  aJobBy,
  allButStarted,
  creatingWithAgent,
  hang,
  lostAfter,
  lostBefore,
  name,
  ownAgent,
  type Row,
  rolledBack,
  started,
  status,
  table,
  withCluster,
} from './creation.ts';

describe('createAgentJob, storing the files', () => {
  const fails = (fault: FaultKind) => (worlds: Worlds) => worlds.fail('create secrets', fault);
  const undone = (title: string, fault: FaultKind, why: string): Row => ({
    name: `undoes Job and agent ${title}`,
    given: fails(fault),
    want: `undone: ${why}`,
    left: rolledBack(why),
    deleted: [ownAgent],
  });
  const foreignSecret = (worlds: Worlds): void => {
    worlds.world().create('secrets', namespace, { apiVersion: 'v1', kind: 'Secret', metadata: { name } });
  };
  table([
    undone('at 429', status(429), 'storing the agent files: throttled'),
    undone('at 403', status(403), 'storing the agent files: forbidden'),
    undone('at 422', status(422), 'storing the agent files: invalid'),
    undone('at 500 with no Secret to see', status(500), 'storing the agent files: unavailable'),
    undone('when the POST is lost', lostBefore, 'storing the agent files: unavailable'),
    undone('when nobody answers', hang, 'storing the agent files: timeout'),
    {
      name: 'goes on when the reply is lost and the Secret is its own',
      given: fails(lostAfter),
      want: 'done: agent 2',
      left: started,
    },
    {
      name: 'goes on when the name is taken by its own POST, sent twice',
      given: () => undefined,
      deps: (deps) =>
        withCluster(deps, (cluster) => ({
          createSecret: async (manifest) => {
            await cluster.createSecret(manifest);
            await cluster.createSecret(manifest);
          },
        })),
      want: 'done: agent 2',
      left: started,
    },
    {
      name: 'undoes Job and agent, not the Secret, when the name is taken by a Secret that is not its own',
      given: foreignSecret,
      want: 'undone: storing the agent files: conflict',
      left: { ...rolledBack('storing the agent files: conflict'), secrets: ['1001-1'] },
      deleted: [ownAgent],
    },
    {
      name: 'undoes all three when the reply is lost and the owner of the Secret cannot be read',
      given: (worlds) => {
        worlds.fail('create secrets', lostAfter);
        worlds.fail('get secrets', status(500));
      },
      want: 'undone: storing the agent files: unavailable',
      left: rolledBack('storing the agent files: unavailable'),
      deleted: [ownAgent],
    },
    {
      name: 'undoes Job and agent when the registration answers without credentials',
      given: () => undefined,
      deps: ({ pools }) => ({
        pools: { ...pools, addAgent: async (...given) => ({ id: (await pools.addAgent(...given)).id, name }) },
      }),
      want: 'undone: storing the agent files: unexpected',
      left: rolledBack('storing the agent files: unexpected'),
      deleted: [ownAgent],
    },
    {
      name: 'undoes all when the reply to the rollback is lost but the Job is seen rolled back',
      given: (worlds) => {
        worlds.fail('create secrets', status(403));
        worlds.fail('patch jobs', lostAfter);
      },
      want: 'undone: storing the agent files: forbidden',
      left: rolledBack('storing the agent files: forbidden'),
      deleted: [ownAgent],
    },
    {
      name: 'touches neither agent nor Secret while the Job is not rolled back for certain',
      given: (worlds) => {
        worlds.fail('create secrets', status(403));
        worlds.fail('patch jobs', lostBefore);
      },
      want: 'uncertain: storing the agent files: forbidden',
      left: creatingWithAgent,
    },
    {
      name: 'touches neither agent nor Secret when the Job cannot be read after a rollback without reply',
      given: (worlds) => {
        worlds.fail('create secrets', status(403));
        worlds.fail('patch jobs', lostAfter);
        worlds.fail('get jobs', status(503));
      },
      want: 'uncertain: storing the agent files: forbidden',
      left: { ...rolledBack('storing the agent files: forbidden'), agents: started.agents },
    },
  ]);
});

describe('createAgentJob, undoing', () => {
  const refused = 'storing the agent files: forbidden';
  const twiceLost = 'starting: unavailable';
  const undoing = (
    title: string,
    given: Row['given'],
    want: string,
    left: Existing,
    deleted: readonly number[],
  ): Row => ({
    name: `is uncertain, and says why, when ${title}`,
    given,
    want: `uncertain: ${want}`,
    left,
    deleted,
  });
  const withAgent = (why: string): Existing => ({ ...rolledBack(why), agents: started.agents });
  table([
    undoing(
      'the agent cannot be deleted',
      (worlds) => {
        worlds.fail('create secrets', status(403));
        worlds.fail('deleteAgent', status(500));
      },
      `${refused}; undoing: unavailable`,
      withAgent(refused),
      [],
    ),
    undoing(
      'the server refuses to delete the agent',
      (worlds) => {
        worlds.fail('create secrets', status(403));
        worlds.fail('deleteAgent', status(409));
      },
      `${refused}; undoing: conflict`,
      withAgent(refused),
      [],
    ),
    undoing(
      'nobody answers for the agent',
      (worlds) => {
        worlds.fail('create secrets', status(403));
        worlds.fail('deleteAgent', hang);
      },
      `${refused}; undoing: timeout`,
      withAgent(refused),
      [],
    ),
    undoing(
      'the Secret cannot be deleted',
      (worlds) => {
        worlds.fail('patch jobs', lostBefore, 2);
        worlds.fail('delete secrets', status(403));
      },
      `${twiceLost}; undoing: forbidden`,
      { ...rolledBack(twiceLost), secrets: ['1001-1'] },
      [ownAgent],
    ),
    undoing(
      'the owner of the Secret cannot be read',
      (worlds) => {
        worlds.fail('patch jobs', lostBefore, 2);
        worlds.fail('get secrets', status(503));
      },
      `${twiceLost}; undoing: unavailable`,
      { ...rolledBack(twiceLost), secrets: ['1001-1'] },
      [ownAgent],
    ),
    undoing(
      'neither can be deleted',
      (worlds) => {
        worlds.fail('patch jobs', lostBefore, 2);
        worlds.fail('deleteAgent', status(403));
        worlds.fail('delete secrets', status(500));
      },
      `${twiceLost}; undoing: forbidden`,
      { ...withAgent(twiceLost), secrets: ['1001-1'] },
      [],
    ),
  ]);

  it.each([
    { name: 'keeps the error that began it, with the time that the cluster asked for', also: false },
    { name: 'keeps it when the Secret cannot be looked up either', also: true },
  ])('$name', async ({ also }) => {
    const worlds = new Worlds();
    worlds.fail('create secrets', { kind: 'status', status: 503, retryAfterSeconds: 9 });
    if (also) worlds.fail('get secrets', status(403));
    const outcome = await worlds.until(createAgentJob(worlds.plane().deps, action));
    expect(outcome).toEqual({
      action: 'create',
      subject: name,
      kind: 'undone',
      detail: 'storing the agent files: unavailable',
      error: expect.objectContaining({ kind: 'unavailable', status: 503, retryAfterMs: 9000 }),
    });
  });
});

describe('createAgentJob, starting', () => {
  const fails =
    (fault: FaultKind, times = 1) =>
    (worlds: Worlds) =>
      worlds.fail('patch jobs', fault, times);
  const retried = (title: string, fault: FaultKind): Row => ({
    name: `tries once more ${title}`,
    given: fails(fault),
    want: 'done: agent 2',
    left: started,
  });
  const uncertain = (title: string, given: Row['given'], left: Existing): Row => ({
    name: `touches nothing ${title}`,
    given,
    want: 'uncertain: starting',
    left,
  });
  table([
    retried('when the patch is lost', lostBefore),
    retried('at 500', status(500)),
    retried('at 429', status(429)),
    retried('at 403', status(403)),
    retried('when nobody answers', hang),
    {
      name: 'undoes all when the second try is lost too',
      given: fails(lostBefore, 2),
      want: 'undone: starting: unavailable',
      left: rolledBack('starting: unavailable'),
      deleted: [ownAgent],
    },
    {
      name: 'leaves all three to the sweeps when not even the rollback is taken',
      given: fails(status(403), 9),
      want: 'uncertain: starting: forbidden',
      left: allButStarted,
    },
    {
      name: 'undoes agent and Secret when the Job was rolled back by another',
      given: (worlds) => worlds.meanwhile('patch jobs', () => worlds.movePhase(name, 'rolledBack')),
      want: 'undone: rolled back by another',
      left: { ...nothing, jobs: ['1001-1 rolledBack suspended'] },
      deleted: [ownAgent],
    },
    {
      name: 'counts as started when only the reply is lost',
      given: fails(lostAfter),
      want: 'done: agent 2, after a lost reply',
      left: started,
    },
    {
      name: 'counts as started when the reply is lost and the Job is being retired already',
      given: (worlds) => {
        worlds.fail('patch jobs', lostAfter);
        worlds.meanwhile('get jobs', () => worlds.movePhase(name, 'retiring'));
      },
      want: 'done: agent 2, after a lost reply',
      left: { ...started, jobs: ['1001-1 retiring agent=2'] },
    },
    uncertain(
      'when the reply is lost and the Job cannot be read',
      (worlds) => {
        worlds.fail('patch jobs', lostAfter);
        worlds.fail('get jobs', status(500));
      },
      started,
    ),
    uncertain(
      'when the patch is lost and the Job cannot be read',
      (worlds) => {
        worlds.fail('patch jobs', lostBefore);
        worlds.fail('get jobs', hang);
      },
      allButStarted,
    ),
    uncertain(
      'when the Job bears another UID now',
      (worlds) =>
        worlds.meanwhile('patch jobs', () => {
          worlds.world().delete('jobs', namespace, name, { propagationPolicy: 'Background' });
          aJobBy('another-0')(worlds);
        }),
      { ...creatingWithAgent, secrets: ['1001-1'] },
    ),
    uncertain(
      'when the Job is unreadable now',
      (worlds) => {
        worlds.fail('patch jobs', lostAfter);
        worlds.meanwhile('get jobs', () => worlds.movePhase(name, 'unreadable'));
      },
      { ...started, jobs: ['1001-1 unreadable agent=2'] },
    ),
    uncertain(
      'when the Job is gone',
      (worlds) =>
        worlds.meanwhile('patch jobs', () => {
          worlds.world().delete('jobs', namespace, name, { propagationPolicy: 'Background' });
        }),
      { ...started, jobs: [] },
    ),
  ]);
});
