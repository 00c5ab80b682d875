import { describe, expect, it } from 'vitest';
import type { FaultKind } from '../../../infra/local/world/faults.ts';
import type { JsonObject } from '../../../shared/domain/json.ts';
import { annotations } from '../../../shared/domain/names.ts';
import { createAgentJob } from '../../../shared/reconcile/createAgentJob.ts';
import { policy } from '../../support/builders.ts';
import { isWrite, namespace, nothing, outcomeLine, placeholderLine, Worlds } from '../../support/pass.ts';
import {
  action,
  aJobBy,
  allButStarted,
  create,
  creating,
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
  tooLate,
} from './creation.ts';

describe('createAgentJob', () => {
  it('makes the Job, the agent and the Secret and starts the Job, in four calls', async () => {
    const { worlds, outcome } = await create({ given: () => undefined });
    expect(outcome).toBe('done: agent 2');
    expect(worlds.calls()).toEqual(['create jobs', 'addAgent', 'create secrets', 'patch jobs']);
    expect(worlds.calls().every(isWrite)).toBe(true);
    expect(worlds.existing()).toEqual(started);
  });

  it('keeps the pod from existing until the phase is started', async () => {
    const worlds = new Worlds();
    const seen: unknown[] = [];
    worlds.meanwhile('patch jobs', () => seen.push(worlds.existing()));
    const { deps } = worlds.plane({ latencyMs: 20_000 });
    await worlds.until(createAgentJob(deps, action));
    expect(seen).toEqual([allButStarted]);
    await worlds.clock.advance(5000);
    expect(worlds.existing()).toEqual({
      ...started,
      agents: [placeholderLine, '2 1001-1 online'],
      pods: ['1001-1 Running'],
    });
  });

  it('writes its instants down as Azure DevOps has them when they happen', async () => {
    const worlds = new Worlds();
    worlds.ado.setSkew(-40_000);
    const at = worlds.ado.now();
    await worlds.until(createAgentJob(worlds.plane({ latencyMs: 1000 }).deps, action));
    const { metadata } = worlds.world().get('jobs', namespace, name).body;
    expect((metadata as JsonObject)['annotations']).toEqual({
      [annotations.phase]: 'started',
      [annotations.phaseAt]: `${at + 3000}`,
      [annotations.creator]: 'plane-0',
      [annotations.createdAt]: `${at}`,
      [annotations.createBy]: `${at + policy.createByMs}`,
      [annotations.image]: policy.templates[0]?.image,
      [annotations.agentId]: '2',
    });
  });

  it('gives the Secret to the Job of its UID, immutable, with the four files', async () => {
    const { worlds } = await create({ given: () => undefined });
    const { body } = worlds.world().get('secrets', namespace, name);
    const { uid } = await worlds.agentJob(name);
    const owner = { apiVersion: 'batch/v1', kind: 'Job', name, uid, controller: false, blockOwnerDeletion: false };
    expect({
      immutable: body['immutable'],
      owners: (body['metadata'] as { ownerReferences: unknown }).ownerReferences,
      files: Object.keys(body['data'] as object).sort(),
    }).toEqual({
      immutable: true,
      owners: [owner],
      files: ['.agent', '.capabilities', '.credentials', '.credentials_rsaparams'],
    });
  });

  it('gives the creation until create-by, from the time of the look', async () => {
    const { worlds } = await create({ given: () => undefined });
    const { createBy, creator } = await worlds.agentJob(name);
    expect({ createBy, creator }).toEqual({ createBy: worlds.ado.now() + policy.createByMs, creator: 'plane-0' });
  });

  it('fails without a call when the cluster of the plan is not configured', async () => {
    const worlds = new Worlds();
    const outcome = await createAgentJob(worlds.plane().deps, { ...action, cluster: 'elsewhere' });
    expect([outcomeLine(outcome), worlds.calls()]).toEqual(['failed: no cluster elsewhere', []]);
  });
});

describe('createAgentJob, creating the Job', () => {
  const fails = (fault: FaultKind) => (worlds: Worlds) => worlds.fail('create jobs', fault);
  const unavailable = 'uncertain: creating the Job: unavailable';
  table([
    { name: 'fails at 403', given: fails(status(403)), want: 'failed: forbidden', left: nothing },
    { name: 'fails at 429', given: fails(status(429)), want: 'failed: throttled', left: nothing },
    { name: 'fails at 422', given: fails(status(422)), want: 'failed: invalid', left: nothing },
    { name: 'is uncertain at 500 with no Job to see', given: fails(status(500)), want: unavailable, left: nothing },
    { name: 'is uncertain when the POST is lost', given: fails(lostBefore), want: unavailable, left: nothing },
    {
      name: 'is uncertain when nobody answers',
      given: fails(hang),
      want: 'uncertain: creating the Job: timeout',
      left: nothing,
    },
    {
      name: 'goes on when the reply is lost and the Job bears its nonce',
      given: fails(lostAfter),
      want: 'done: agent 2',
      left: started,
    },
    {
      name: 'goes on when the answer comes too late and the Job bears its nonce',
      given: fails(tooLate),
      want: 'done: agent 2',
      left: { ...started, pods: [] },
    },
    {
      name: 'goes on after a body that breaks off',
      given: fails({ kind: 'truncated' }),
      want: 'done: agent 2',
      left: started,
    },
    {
      name: 'goes on when the name is taken by its own POST, sent twice',
      given: aJobBy('plane-0'),
      want: 'done: agent 2',
      left: started,
    },
    {
      name: 'is raced by a Job of another creator, and leaves it alone',
      given: aJobBy('another-0'),
      want: 'raced: the Job exists',
      left: creating,
    },
    {
      name: 'is raced when the POST is lost and another creator has the name meanwhile',
      given: (worlds) => {
        worlds.fail('create jobs', lostBefore);
        worlds.meanwhile('get jobs', () => aJobBy('another-0')(worlds));
      },
      want: 'raced: the Job exists',
      left: creating,
    },
    {
      name: 'touches nothing when the reply is lost and the Job cannot be read',
      given: (worlds) => {
        worlds.fail('create jobs', lostAfter);
        worlds.fail('get jobs', status(500));
      },
      want: unavailable,
      left: creating,
    },
    {
      name: 'undoes all when its own Job was rolled back before its reply was known',
      given: (worlds) => {
        worlds.fail('create jobs', tooLate);
        worlds.meanwhile('get jobs', () => worlds.movePhase(name, 'rolledBack'));
      },
      want: 'undone: rolled back by another',
      left: { ...nothing, jobs: ['1001-1 rolledBack suspended'] },
      deleted: [ownAgent],
    },
  ]);

  it('touches nothing when the name is taken by a Job of another label schema', async () => {
    const { worlds } = await create({
      given: (given) => {
        aJobBy('another-0')(given);
        given.patchJob(name, [{ op: 'replace', path: '/metadata/labels/mayfly.dev~1schema', value: '2' }]);
      },
    });
    expect([worlds.existing(), worlds.calls().filter(isWrite)]).toEqual([creating, ['create jobs (409)']]);
  });
});

describe('createAgentJob, registering the agent', () => {
  const fails = (fault: FaultKind) => (worlds: Worlds) => worlds.fail('addAgent', fault);
  const row = (title: string, fault: FaultKind, kind: string): Row => ({
    name: `rolls the Job back ${title}`,
    given: fails(fault),
    want: `undone: registering: ${kind}`,
    left: rolledBack(`registering: ${kind}`),
  });
  const ghost = (title: string, fault: FaultKind, kind: string): Row => {
    const undone = row(`and touches no agent ${title}`, fault, kind);
    return { ...undone, left: { ...undone.left, agents: started.agents } };
  };
  table([
    row('at 500', status(500), 'unavailable'),
    row('at 429', status(429), 'throttled'),
    row('at 403', status(403), 'forbidden'),
    row('at 401', status(401), 'unauthorized'),
    row('at a sign-in page', { kind: 'signInPage' }, 'unauthorized'),
    row('when the POST is lost', lostBefore, 'unavailable'),
    row('when nobody answers', hang, 'timeout'),
    ghost('when the reply is lost', lostAfter, 'unavailable'),
    ghost('when the reply comes too late', tooLate, 'timeout'),
    ghost('when the reply breaks off', { kind: 'truncated' }, 'unexpected'),
    {
      name: 'rolls the Job back and touches no agent when the name is registered already',
      given: (worlds) => {
        worlds.ado.addAgent(policy.poolId, { name, version: '5.278.0' });
      },
      want: 'undone: registering: conflict',
      left: { ...rolledBack('registering: conflict'), agents: started.agents },
    },
    {
      name: 'rolls the Job back when no key could be made',
      given: () => undefined,
      deps: () => ({ keys: { generate: () => Promise.reject(new RangeError('no entropy')) } }),
      want: 'undone: registering: unexpected',
      left: rolledBack('registering: unexpected'),
    },
    {
      name: 'leaves the Job to the sweeps when it cannot be rolled back',
      given: (worlds) => {
        worlds.fail('addAgent', lostAfter);
        worlds.fail('patch jobs', status(500));
      },
      want: 'uncertain: registering: unavailable',
      left: creatingWithAgent,
    },
  ]);

  it('is sent once, whatever becomes of it', async () => {
    const { worlds } = await create({ given: (given) => given.fail('addAgent', status(500), 9) });
    expect(worlds.calls()).toEqual(['create jobs', 'addAgent (500)', 'patch jobs']);
  });
});

describe('two creators of one name', () => {
  /** How long each call of the first and of the second takes, in ms. */
  const speeds = [1, 10, 19, 40, 400].flatMap((first) => [1, 10, 19, 40, 400].map((second) => ({ first, second })));
  it.each(speeds)('start one agent job, and the other is raced ($first and $second ms)', async ({ first, second }) => {
    const worlds = new Worlds();
    const planes = [
      worlds.plane({ name: 'first', latencyMs: first }),
      worlds.plane({ name: 'second', latencyMs: second }),
    ];
    const outcomes = await worlds.until(Promise.all(planes.map(({ deps }) => createAgentJob(deps, action))));
    const winner = first <= second ? 'first' : 'second';
    const { creator } = await worlds.agentJob(name);
    expect({ outcomes: outcomes.map(outcomeLine).sort(), creator, deleted: worlds.deletedAgents }).toEqual({
      outcomes: ['done: agent 2', 'raced: the Job exists'],
      creator: `${winner}-0`,
      deleted: [],
    });
    expect({ ...worlds.existing(), pods: [], agents: [] }).toEqual({ ...started, agents: [] });
    expect(worlds.ado.listAgents(policy.poolId)).toHaveLength(2);
  });

  it('hold the name by the Job alone: the raced one registers nothing', async () => {
    const worlds = new Worlds();
    aJobBy('another-0')(worlds);
    await createAgentJob(worlds.plane().deps, action);
    expect(worlds.calls()).toEqual(['create jobs (409)', 'get jobs', 'list pods']);
    expect((await worlds.agentJob(name)).phase).toBe('creating');
  });
});
