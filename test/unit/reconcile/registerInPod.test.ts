/** A creation where an init container registers the agent: the control plane gives it a credential, and no more. */
import { describe, expect, it } from 'vitest';
import type { FaultKind } from '../../../infra/local/world/faults.ts';
import { UpstreamError } from '../../../shared/domain/errors.ts';
import type { JsonObject } from '../../../shared/domain/json.ts';
import { annotations } from '../../../shared/domain/names.ts';
import { createAgentJob } from '../../../shared/reconcile/createAgentJob.ts';
import type { ReconcileDeps } from '../../../shared/reconcile/deps.ts';
import { policy } from '../../support/builders.ts';
import { type Existing, namespace, nothing, placeholderLine, registrationToken, Worlds } from '../../support/pass.ts';
import {
  aJobBy,
  create,
  creating,
  hang,
  inPod,
  lostAfter,
  lostBefore,
  name,
  type Row,
  rolledBack,
  status,
  tooLate,
  withCluster,
} from './creation.ts';

const started: Existing = { ...nothing, jobs: ['1001-1 started'], secrets: ['1001-1'] };
const allButStarted: Existing = { ...creating, secrets: ['1001-1'] };
const done = 'done: registers itself';
const doneAfterAll = 'done: registers itself, after a lost reply';

/** A test per row. In none of them is anything asked of Azure DevOps. */
function table(rows: readonly Row[]): void {
  it.each(rows)('$name', async (row) => {
    const { worlds, outcome } = await create(row, inPod);
    const asked = worlds.journal.calls.filter(({ door }) => !door.startsWith('kubernetes')).map(({ verb }) => verb);
    const seen = { outcome, left: worlds.existing(), deleted: worlds.deletedAgents, asked };
    expect(seen).toEqual({ outcome: row.want, left: row.left, deleted: [], asked: [] });
  });
}

const fails =
  (verb: string, fault: FaultKind, times = 1) =>
  (worlds: Worlds): void =>
    worlds.fail(verb, fault, times);

const rejecting = (kind: 'throttled' | 'unauthorized') => async (): Promise<never> => {
  throw new UpstreamError({ upstream: 'azureDevOps', operation: 'a token', kind, retryAfterMs: 9000 });
};

function withoutCredential(deps: ReconcileDeps): ReconcileDeps {
  const { registrationToken: _, ...rest } = deps;
  return rest;
}

describe('createAgentJob with an init container that registers', () => {
  it('makes the Job and the Secret and starts the Job, in three calls', async () => {
    const { worlds, outcome } = await create({ given: () => undefined }, inPod);
    expect([outcome, worlds.calls(), worlds.existing()]).toEqual([
      done,
      ['create jobs', 'create secrets', 'patch jobs'],
      started,
    ]);
  });

  it('writes no agent on the Job: there is none yet', async () => {
    const worlds = new Worlds();
    const at = worlds.ado.now();
    await worlds.until(createAgentJob(worlds.plane({ latencyMs: 1000 }).deps, inPod));
    const { metadata } = worlds.world().get('jobs', namespace, name).body;
    expect((metadata as JsonObject)['annotations']).toEqual({
      [annotations.phase]: 'started',
      [annotations.phaseAt]: `${at + 2000}`,
      [annotations.creator]: 'plane-0',
      [annotations.createdAt]: `${at}`,
      [annotations.createBy]: `${at + policy.createByMs}`,
      [annotations.image]: policy.templates[0]?.image,
    });
  });

  it('gives the Secret to the Job of its UID, immutable, with the credential and the capabilities', async () => {
    const { worlds } = await create({ given: () => undefined }, inPod);
    const { body } = worlds.world().get('secrets', namespace, name);
    const { uid } = await worlds.agentJob(name);
    const owner = { apiVersion: 'batch/v1', kind: 'Job', name, uid, controller: false, blockOwnerDeletion: false };
    expect({
      immutable: body['immutable'],
      owners: (body['metadata'] as { ownerReferences: unknown }).ownerReferences,
      files: Object.keys(body['data'] as object).toSorted(),
      token: (body['data'] as JsonObject)['token'],
    }).toEqual({
      immutable: true,
      owners: [owner],
      files: ['.capabilities', 'token'],
      token: btoa(registrationToken),
    });
  });

  it('shows the credential nowhere but in the Secret', async () => {
    const { worlds } = await create({ given: fails('patch jobs', status(403), 9) }, inPod);
    const told = JSON.stringify([worlds.world().get('jobs', namespace, name).body, worlds.log, worlds.journal.calls]);
    expect([told.includes(registrationToken), told.includes(btoa(registrationToken))]).toEqual([false, false]);
  });

  it('leaves the registration to the pod, which then comes online under the name of its Job', async () => {
    const { worlds } = await create({ given: () => undefined }, inPod);
    await worlds.clock.advance(15_000);
    expect(worlds.existing()).toEqual({
      ...started,
      agents: [placeholderLine, '2 1001-1 online'],
      pods: ['1001-1 Running'],
    });
  });
});

describe('createAgentJob, asking for the credential first', () => {
  it.each([
    {
      name: 'none is configured',
      deps: withoutCredential,
      want: { kind: 'unauthorized', operation: 'reading the registration credential' },
    },
    {
      name: 'its source is throttled',
      deps: (deps: ReconcileDeps) => ({ ...deps, registrationToken: rejecting('throttled') }),
      want: { kind: 'throttled', retryAfterMs: 9000 },
    },
    {
      name: 'its source refuses',
      deps: (deps: ReconcileDeps) => ({ ...deps, registrationToken: rejecting('unauthorized') }),
      want: { kind: 'unauthorized' },
    },
  ])('fails before anything exists when $name', async ({ deps, want }) => {
    const worlds = new Worlds();
    const plane = worlds.plane();
    const outcome = await createAgentJob({ ...deps(plane.deps), serverNow: plane.deps.serverNow }, inPod);
    expect({ outcome, calls: worlds.calls(), left: worlds.existing() }).toEqual({
      outcome: {
        action: 'create',
        subject: name,
        kind: 'failed',
        detail: `reading the registration credential: ${want.kind}`,
        error: expect.objectContaining(want),
      },
      calls: [],
      left: nothing,
    });
  });
});

describe('createAgentJob with an init container, creating the Job', () => {
  table([
    { name: 'fails at 403', given: fails('create jobs', status(403)), want: 'failed: forbidden', left: nothing },
    {
      name: 'goes on when the reply is lost and the Job bears its nonce',
      given: fails('create jobs', lostAfter),
      want: done,
      left: started,
    },
    {
      name: 'is raced by a Job of another creator, and leaves it alone',
      given: aJobBy('another-0'),
      want: 'raced: the Job exists',
      left: creating,
    },
    {
      name: 'undoes Job and Secret when its own Job was rolled back before its reply was known',
      given: (worlds) => {
        worlds.fail('create jobs', tooLate);
        worlds.meanwhile('get jobs', () => worlds.movePhase(name, 'rolledBack'));
      },
      want: 'undone: rolled back by another',
      left: { ...nothing, jobs: ['1001-1 rolledBack suspended'] },
    },
  ]);
});

describe('createAgentJob with an init container, storing the credential', () => {
  const why = (kind: string): string => `storing the registration credential: ${kind}`;
  const undone = (title: string, fault: FaultKind, kind: string): Row => ({
    name: `undoes the Job ${title}`,
    given: fails('create secrets', fault),
    want: `undone: ${why(kind)}`,
    left: rolledBack(why(kind)),
  });
  table([
    undone('at 429', status(429), 'throttled'),
    undone('at 403', status(403), 'forbidden'),
    undone('at 422', status(422), 'invalid'),
    undone('at 500 with no Secret to see', status(500), 'unavailable'),
    undone('when the POST is lost', lostBefore, 'unavailable'),
    undone('when nobody answers', hang, 'timeout'),
    {
      name: 'goes on when the reply is lost and the Secret is its own',
      given: fails('create secrets', lostAfter),
      want: done,
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
      want: done,
      left: started,
    },
    {
      name: 'undoes the Job, not the Secret, when the name is taken by a Secret that is not its own',
      given: (worlds) => {
        worlds.world().create('secrets', namespace, { apiVersion: 'v1', kind: 'Secret', metadata: { name } });
      },
      want: `undone: ${why('conflict')}`,
      left: { ...rolledBack(why('conflict')), secrets: ['1001-1'] },
    },
    {
      name: 'undoes both when the reply is lost and the owner of the Secret cannot be read',
      given: (worlds) => {
        worlds.fail('create secrets', lostAfter);
        worlds.fail('get secrets', status(500));
      },
      want: `undone: ${why('unavailable')}`,
      left: rolledBack(why('unavailable')),
    },
    {
      name: 'leaves the Secret alone while the Job is not rolled back for certain',
      given: (worlds) => {
        worlds.fail('create secrets', lostAfter);
        worlds.fail('get secrets', status(500));
        worlds.fail('patch jobs', lostBefore);
      },
      want: `uncertain: ${why('unavailable')}`,
      left: allButStarted,
    },
  ]);
});

describe('createAgentJob with an init container, starting', () => {
  const retried = (title: string, fault: FaultKind): Row => ({
    name: `tries once more ${title}`,
    given: fails('patch jobs', fault),
    want: done,
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
    retried('at 422', status(422)),
    retried('at 500', status(500)),
    retried('when nobody answers', hang),
    {
      name: 'undoes Job and Secret when the second try is lost too',
      given: fails('patch jobs', lostBefore, 2),
      want: 'undone: starting: unavailable',
      left: rolledBack('starting: unavailable'),
    },
    {
      name: 'undoes Job and Secret when the second try is refused too',
      given: fails('patch jobs', status(422), 2),
      want: 'undone: starting: invalid',
      left: rolledBack('starting: invalid'),
    },
    {
      name: 'leaves both to the sweeps when not even the rollback is taken',
      given: fails('patch jobs', status(403), 9),
      want: 'uncertain: starting: forbidden',
      left: allButStarted,
    },
    {
      name: 'undoes the Secret when the Job was rolled back by another',
      given: (worlds) => worlds.meanwhile('patch jobs', () => worlds.movePhase(name, 'rolledBack')),
      want: 'undone: rolled back by another',
      left: { ...nothing, jobs: ['1001-1 rolledBack suspended'] },
    },
    {
      name: 'is uncertain, and says why, when the Secret cannot be deleted',
      given: (worlds) => {
        worlds.fail('patch jobs', lostBefore, 2);
        worlds.fail('delete secrets', status(403));
      },
      want: 'uncertain: starting: unavailable; undoing: forbidden',
      left: { ...rolledBack('starting: unavailable'), secrets: ['1001-1'] },
    },
    {
      name: 'counts when only the reply is lost',
      given: fails('patch jobs', lostAfter),
      want: doneAfterAll,
      left: started,
    },
    {
      name: 'counts when the reply is lost and the Job is being retired already',
      given: (worlds) => {
        worlds.fail('patch jobs', lostAfter);
        worlds.meanwhile('get jobs', () => worlds.movePhase(name, 'retiring'));
      },
      want: doneAfterAll,
      left: { ...started, jobs: ['1001-1 retiring'] },
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
      allButStarted,
    ),
  ]);
});
