import { describe, expect, it } from 'vitest';
import type { FaultKind } from '../../../infra/local/world/faults.ts';
import type { AgentJob, AgentJobPhase, AgentJobPurpose } from '../../../shared/domain/agentJob.ts';
import { agentJobName, annotationPointer, annotations } from '../../../shared/domain/names.ts';
import { agentVersionOf, promisedCapabilities } from '../../../shared/domain/offer.ts';
import { buildAgentJobManifest } from '../../../shared/plan/manifest.ts';
import type { Action } from '../../../shared/plan/plan.ts';
import { scopeOf } from '../../../shared/plan/view.ts';
import { deleteGhost } from '../../../shared/reconcile/deleteGhost.ts';
import type { ReconcileDeps } from '../../../shared/reconcile/deps.ts';
import type { Outcome } from '../../../shared/reconcile/outcome.ts';
import { bury, disableAgent } from '../../../shared/reconcile/smallActions.ts';
import { nameFor, policy, template } from '../../support/builders.ts';
import {
  type Existing,
  isWrite,
  namespace,
  nothing,
  outcomeLine,
  placeholderLine,
  Worlds,
} from '../../support/pass.ts';
import { aPoolPolicy } from '../../support/policyBuilders.ts';

const { poolId } = policy;
const anyKey = { exponent: 'AQAB', modulus: 'AA' };
const status = (code: number): FaultKind => ({ kind: 'status', status: code });

interface Row {
  readonly name: string;
  readonly given?: (worlds: Worlds) => void;
  readonly want: string;
  readonly left: Existing;
}

interface Seen {
  readonly outcome: string;
  readonly left: Existing;
}

async function seen(worlds: Worlds, run: (deps: ReconcileDeps) => Promise<Outcome>): Promise<Seen> {
  const outcome = await worlds.until(run(worlds.plane().deps));
  return { outcome: outcomeLine(outcome), left: worlds.existing() };
}

/** A Job with its Secret, as some creator left them. */
async function anAgentJobIn(
  worlds: Worlds,
  given: { readonly phase: AgentJobPhase; readonly purpose: AgentJobPurpose; readonly cluster?: string },
): Promise<AgentJob> {
  const { purpose, phase, cluster } = given;
  const name = agentJobName(scopeOf(policy), purpose, template.name);
  const createdAt = worlds.ado.now();
  const createBy = createdAt + policy.createByMs;
  const spec = { policy, template, name, purpose, creator: 'creator-0', createdAt, createBy, namespace };
  worlds.world(cluster).create('jobs', namespace, buildAgentJobManifest(spec));
  worlds.movePhase(name, phase, cluster);
  const { uid } = await worlds.agentJob(name, cluster);
  const ownerReferences = [{ apiVersion: 'batch/v1', kind: 'Job', name, uid }];
  worlds
    .world(cluster)
    .create('secrets', namespace, { apiVersion: 'v1', kind: 'Secret', metadata: { name, ownerReferences } });
  return worlds.agentJob(name, cluster);
}

describe('disableAgent', () => {
  const action = { kind: 'disable', agentId: 2, name: nameFor(1001), requestId: 9 } as const;
  const rows: readonly Row[] = [
    {
      name: 'disables it',
      want: 'done: request 9',
      left: { ...nothing, agents: [placeholderLine, '2 1001-1 offline disabled'] },
    },
    {
      name: 'fails at 403',
      given: (worlds) => worlds.fail('updateAgent', status(403)),
      want: 'failed: forbidden',
      left: { ...nothing, agents: [placeholderLine, '2 1001-1 offline'] },
    },
    {
      name: 'fails when it is gone',
      given: (worlds) => worlds.ado.deleteAgent(poolId, 2),
      want: 'failed: notFound',
      left: nothing,
    },
  ];
  it.each(rows)('$name', async (row) => {
    const worlds = new Worlds();
    worlds.ado.addAgent(poolId, { name: nameFor(1001) });
    row.given?.(worlds);
    const found = await seen(worlds, (deps) => disableAgent(deps, action));
    expect(found).toEqual({ outcome: row.want, left: row.left });
  });
});

describe('bury', () => {
  const request = { kind: 'request', requestId: 1001, attempt: 1 } as const;
  const warm = { kind: 'warm', slot: 3, minute: 29_460_480 } as const;
  const kept: Existing = { ...nothing, jobs: ['1001-1 tombstone suspended'], secrets: ['1001-1'] };
  interface BuryRow extends Row {
    readonly purpose?: AgentJobPurpose;
  }
  const queue = (worlds: Worlds): void => {
    worlds.queueJob();
  };
  const rows: readonly BuryRow[] = [
    { name: 'deletes Job and Secret when the request is not known', want: 'done', left: nothing },
    {
      name: 'deletes Job and Secret when the request is over',
      given: (worlds) => {
        worlds.ado.cancelJob(worlds.queueJob());
      },
      want: 'done',
      left: nothing,
    },
    {
      name: 'keeps both while a single read shows the request alive',
      given: queue,
      want: 'waiting: its request lives',
      left: kept,
    },
    {
      name: 'keeps both when the request cannot be read',
      given: (worlds) => worlds.fail('getJobRequest', status(500)),
      want: 'failed: unavailable',
      left: kept,
    },
    {
      name: 'keeps both when nobody answers for the request',
      given: (worlds) => worlds.fail('getJobRequest', { kind: 'nullBody' }),
      want: 'failed: unexpected',
      left: kept,
    },
    {
      name: 'keeps a Secret that the Job does not own',
      given: (worlds) => {
        worlds.world().delete('secrets', namespace, nameFor(1001));
        worlds
          .world()
          .create('secrets', namespace, { apiVersion: 'v1', kind: 'Secret', metadata: { name: nameFor(1001) } });
      },
      want: 'done',
      left: { ...nothing, secrets: ['1001-1'] },
    },
    {
      name: 'keeps the Job when the Secret cannot be deleted',
      given: (worlds) => worlds.fail('delete secrets', status(500)),
      want: 'failed: unavailable',
      left: kept,
    },
    {
      name: 'is raced by another Job of that name, and keeps it',
      given: (worlds) =>
        worlds.meanwhile('delete jobs', () => {
          worlds.world().delete('jobs', namespace, nameFor(1001), { propagationPolicy: 'Background' });
          const spec = {
            policy,
            template,
            name: nameFor(1001),
            purpose: request,
            creator: 'x',
            createdAt: 1,
            createBy: 1,
            namespace,
          };
          worlds.world().create('jobs', namespace, buildAgentJobManifest(spec));
        }),
      want: 'raced',
      left: { ...nothing, jobs: ['1001-1 creating suspended'] },
    },
    {
      name: 'asks for no request where the agent job was a warm one',
      purpose: warm,
      given: queue,
      want: 'done',
      left: nothing,
    },
  ];
  it.each(rows)('$name', async (row) => {
    const worlds = new Worlds();
    const agentJob = await anAgentJobIn(worlds, { phase: 'tombstone', purpose: row.purpose ?? request });
    row.given?.(worlds);
    const found = await seen(worlds, (deps) => bury(deps, { kind: 'bury', agentJob }));
    expect(found).toEqual({ outcome: row.want, left: row.left });
  });
});

describe('deleteGhost', () => {
  const twoClusters = aPoolPolicy({ clusters: ['east', 'west'] });
  const name = nameFor(1001);
  const action: Extract<Action, { kind: 'deleteGhost' }> = { kind: 'deleteGhost', agentId: 2, name };
  const purpose = { kind: 'request', requestId: 1001, attempt: 1 } as const;
  const ghost = '2 1001-1 offline';
  interface GhostRow {
    readonly name: string;
    readonly given?: (worlds: Worlds) => unknown;
    readonly want: string;
    /** The ghost's line afterwards; absent = it is gone. */
    readonly left?: string;
    /** What it changes of agents: it is disabled before the one DELETE. */
    readonly writes?: readonly string[];
  }
  const behind = (phase: AgentJobPhase) => (worlds: Worlds) =>
    anAgentJobIn(worlds, { phase, purpose, cluster: 'west' });
  /** A retiring Job of the name in the second cluster that tells this agent id. */
  const behindAgent = (agentId: number) => async (worlds: Worlds) => {
    await behind('retiring')(worlds);
    const path = annotationPointer(annotations.agentId);
    worlds.patchJob(name, [{ op: 'add', path, value: `${agentId}` }], 'west');
  };
  const lives = (phase: AgentJobPhase): GhostRow => ({
    name: `keeps it while the second cluster has its Job in phase ${phase}`,
    given: behind(phase),
    want: 'waiting: its Job lives',
    left: ghost,
  });
  const unread = (title: string, fault: FaultKind, kind: string): GhostRow => ({
    name: `keeps it when a cluster ${title}`,
    given: (worlds) => worlds.faults.add(fault, (call) => call.verb === 'get jobs' && call.door.endsWith('west')),
    want: `failed: ${kind}`,
    left: ghost,
  });
  const agentFails = (fault: FaultKind) => (worlds: Worlds) => worlds.fail('getAgent', fault);
  const noSecret = 'delete secrets (404)';
  const writes = ['updateAgent', noSecret, noSecret, 'deleteAgent'];
  /** What hangs on a Job of the name in the second cluster is that Job's. */
  const inFirst = ['updateAgent', noSecret, 'deleteAgent'];
  const connects = (worlds: Worlds): void => {
    worlds.ado.openSession(poolId, 2, { ownerName: name, attached: true });
  };
  const afterDisabling = (verb: string, step: (worlds: Worlds) => void) => (worlds: Worlds) =>
    worlds.meanwhile('updateAgent', () => worlds.meanwhile(verb, () => step(worlds)));
  const rows: readonly GhostRow[] = [
    { name: 'deletes it when every cluster denies its Job', want: 'done', writes },
    { name: 'deletes it when its Job is rolled back', given: behind('rolledBack'), want: 'done', writes: inFirst },
    { name: 'deletes it when its Job is a tombstone', given: behind('tombstone'), want: 'done', writes: inFirst },
    {
      name: 'deletes one that is disabled already, without disabling it again',
      given: (worlds) => worlds.ado.updateAgent(poolId, 2, { enabled: false }),
      want: 'done',
      writes: [noSecret, noSecret, 'deleteAgent'],
    },
    {
      name: 'keeps one that comes online before it is disabled',
      given: (worlds) => worlds.meanwhile('updateAgent', () => connects(worlds)),
      want: 'waiting: it lives',
      left: '2 1001-1 online disabled',
      writes: ['updateAgent'],
    },
    {
      name: 'keeps one that comes online between disabling and the second look',
      given: afterDisabling('getAgent', connects),
      want: 'waiting: it lives',
      left: '2 1001-1 online disabled',
      writes: ['updateAgent'],
    },
    {
      name: 'keeps one that was given a request before it was disabled, though it is offline again',
      given: (worlds) =>
        worlds.meanwhile('updateAgent', () => {
          const session = worlds.ado.openSession(poolId, 2, { ownerName: name, attached: true });
          worlds.queueJob();
          worlds.ado.closeSession(session.id);
        }),
      want: 'waiting: it lives',
      left: '2 1001-1 offline disabled request=1001',
      writes: ['updateAgent'],
    },
    {
      name: 'is done when somebody deletes it after it was disabled',
      given: afterDisabling('getAgent', (worlds) => worlds.ado.deleteAgent(poolId, 2)),
      want: 'done: gone already',
      writes: ['updateAgent'],
    },
    {
      name: 'keeps it when it cannot be disabled',
      given: (worlds) => worlds.fail('updateAgent', status(403)),
      want: 'failed: forbidden',
      left: ghost,
      writes: ['updateAgent (403)'],
    },
    {
      name: 'keeps it when it cannot be read after it was disabled',
      given: (worlds) => worlds.meanwhile('updateAgent', () => worlds.fail('getAgent', status(500))),
      want: 'failed: unavailable',
      left: `${ghost} disabled`,
      writes: ['updateAgent'],
    },
    lives('creating'),
    lives('started'),
    lives('retiring'),
    lives('unreadable'),
    {
      name: 'keeps it while the second cluster has a Job of its id',
      given: behindAgent(2),
      want: 'waiting: its Job lives',
      left: ghost,
    },
    {
      name: 'deletes it when the only Job of its name has another agent',
      given: behindAgent(9),
      want: 'done',
      writes: inFirst,
    },
    unread('answers 500', status(500), 'unavailable'),
    unread('answers 403', status(403), 'forbidden'),
    unread('does not answer', { kind: 'hang' }, 'timeout'),
    unread('answers with a page', { kind: 'signInPage' }, 'unexpected'),
    {
      name: 'is done when it is gone already',
      given: (worlds) => worlds.ado.deleteAgent(poolId, 2),
      want: 'done: gone already',
    },
    {
      name: 'keeps an agent that bears another name under the id',
      given: (worlds) => worlds.ado.updateAgent(poolId, 2, { name: 'build-server' }),
      want: 'waiting: it lives',
      left: '2 build-server offline',
    },
    {
      name: 'keeps it when it is online',
      given: (worlds) => worlds.ado.openSession(poolId, 2, { ownerName: name, attached: true }),
      want: 'waiting: it lives',
      left: '2 1001-1 online',
    },
    {
      name: 'keeps it when a request reserves it, though it is offline',
      given: (worlds) => {
        const session = worlds.ado.openSession(poolId, 2, { ownerName: name, attached: true });
        worlds.queueJob();
        worlds.ado.closeSession(session.id);
      },
      want: 'waiting: it lives',
      left: '2 1001-1 offline request=1001',
    },
    {
      name: 'keeps it when it cannot be read',
      given: agentFails(status(500)),
      want: 'failed: unavailable',
      left: ghost,
    },
    { name: 'keeps it when nobody answers', given: agentFails({ kind: 'hang' }), want: 'failed: timeout', left: ghost },
    {
      name: 'leaves it when the server refuses',
      given: (worlds) => worlds.fail('deleteAgent', status(400)),
      want: 'waiting: refused',
      left: `${ghost} disabled`,
      writes: ['updateAgent', noSecret, noSecret, 'deleteAgent (400)'],
    },
    {
      name: 'fails when the deletion is forbidden',
      given: (worlds) => worlds.fail('deleteAgent', status(403)),
      want: 'failed: forbidden',
      left: `${ghost} disabled`,
      writes: ['updateAgent', noSecret, noSecret, 'deleteAgent (403)'],
    },
  ];
  it.each(rows)('$name', async (row) => {
    const worlds = new Worlds({ policy: twoClusters });
    const version = agentVersionOf(template);
    worlds.ado.addAgent(poolId, {
      name,
      version,
      systemCapabilities: promisedCapabilities(template),
      publicKey: anyKey,
    });
    await row.given?.(worlds);
    const outcome = await worlds.until(deleteGhost(worlds.plane().deps, action));
    const agents = row.left === undefined ? [placeholderLine] : [placeholderLine, row.left];
    const found = { agents: worlds.existing().agents, writes: worlds.calls().filter(isWrite) };
    expect({ outcome: outcomeLine(outcome), ...found }).toEqual({
      outcome: row.want,
      agents,
      writes: row.writes ?? [],
    });
  });
});
