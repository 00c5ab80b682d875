import { describe, expect, it } from 'vitest';
import type { FaultKind } from '../../../infra/local/world/faults.ts';
import { placeholderName } from '../../../shared/domain/names.ts';
import { placeholderCapabilities } from '../../../shared/domain/offer.ts';
import { scopeOf } from '../../../shared/plan/view.ts';
import type { ReconcileDeps } from '../../../shared/reconcile/deps.ts';
import type { Outcome } from '../../../shared/reconcile/outcome.ts';
import {
  createPlaceholder,
  deletePlaceholder,
  noteControl,
  repairPlaceholder,
} from '../../../shared/reconcile/placeholderActions.ts';
import { policy, template } from '../../support/builders.ts';
import { type Existing, isWrite, nothing, outcomeLine, placeholderLine, Worlds } from '../../support/pass.ts';
import { aPoolPolicy } from '../../support/policyBuilders.ts';

const { poolId } = policy;
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

describe('createPlaceholder', () => {
  const name = placeholderName(scopeOf(policy), template.name);
  const action = { kind: 'createPlaceholder', name, template } as const;
  const none: Existing = { ...nothing, agents: [] };
  const add = (fault: FaultKind) => (worlds: Worlds) => worlds.fail('addAgent', fault);
  const rows: readonly Row[] = [
    { name: 'registers it', want: 'done', left: nothing },
    { name: 'fails at 403', given: add(status(403)), want: 'failed: forbidden', left: none },
    { name: 'fails at 500', given: add(status(500)), want: 'failed: unavailable', left: none },
    {
      name: 'fails when the reply is lost',
      given: add({ kind: 'lostAfter' }),
      want: 'failed: unavailable',
      left: nothing,
    },
    {
      name: 'is raced by one that exists, and leaves it alone',
      given: (worlds) => {
        worlds.ado.addAgent(poolId, { name, enabled: false });
      },
      want: 'raced: it exists',
      left: { ...none, agents: [`${placeholderLine} disabled`] },
    },
  ];
  it.each(rows)('$name', async (row) => {
    const worlds = new Worlds({ placeholder: false });
    row.given?.(worlds);
    const found = await seen(worlds, (deps) => createPlaceholder(deps, action));
    expect(found).toEqual({ outcome: row.want, left: row.left });
  });

  it('gives it what the template offers and no key, so that nothing can connect as it', async () => {
    const worlds = new Worlds({ placeholder: false });
    await createPlaceholder(worlds.plane().deps, action);
    const [agent] = worlds.ado.listAgents(poolId);
    expect(agent).toMatchObject({
      version: template.agentVersion,
      systemCapabilities: placeholderCapabilities(template),
      enabled: true,
    });
    expect([agent?.clientId, agent?.publicKey]).toEqual([undefined, undefined]);
  });
});

describe('repairPlaceholder', () => {
  const better = { ...template, agentVersion: '5.300.0', capabilities: { docker: '27' } };
  const name = placeholderName(scopeOf(policy), template.name);
  const action = { kind: 'repairPlaceholder', name, agentId: 1, template: better } as const;

  it('enables it and brings version and capabilities to what the template offers', async () => {
    const worlds = new Worlds();
    worlds.ado.updateAgent(poolId, 1, { enabled: false, systemCapabilities: { stale: '1' } });
    const found = await seen(worlds, (deps) => repairPlaceholder(deps, action));
    const { systemCapabilities, version } = worlds.ado.getAgent(poolId, 1);
    expect({ ...found, systemCapabilities, version }).toEqual({
      outcome: 'done',
      left: nothing,
      systemCapabilities: placeholderCapabilities(better),
      version: '5.300.0',
    });
  });

  it('fails when it is gone, and registers nothing', async () => {
    const worlds = new Worlds({ placeholder: false });
    const found = await seen(worlds, (deps) => repairPlaceholder(deps, action));
    expect(found).toEqual({ outcome: 'failed: notFound', left: { ...nothing, agents: [] } });
  });
});

describe('deletePlaceholder', () => {
  const name = placeholderName(scopeOf(policy), 'gone');
  const action = { kind: 'deletePlaceholder', name, agentId: 2 } as const;
  const kept: Existing = { ...nothing, agents: [placeholderLine, '2 placeholder offline'] };
  const anyKey = { exponent: 'AQAB', modulus: 'AA' };
  const rows: readonly (Row & { readonly asksServer?: true })[] = [
    { name: 'deletes it', want: 'done', left: nothing, asksServer: true },
    {
      name: 'is done when it is gone already',
      given: (worlds) => worlds.ado.deleteAgent(poolId, 2),
      want: 'done: gone already',
      left: nothing,
    },
    {
      name: 'keeps an agent that bears another name under the id',
      given: (worlds) => worlds.ado.updateAgent(poolId, 2, { name: 'build-server' }),
      want: 'waiting: it is no placeholder any more',
      left: { ...nothing, agents: [placeholderLine, '2 build-server offline'] },
    },
    {
      name: 'keeps one that somebody connects as',
      given: (worlds) => {
        worlds.ado.replaceAgent(poolId, 2, { name, publicKey: anyKey });
        worlds.ado.openSession(poolId, 2, { ownerName: name, attached: true });
      },
      want: 'waiting: it is no placeholder any more',
      left: { ...nothing, agents: [placeholderLine, '2 placeholder online'] },
    },
    {
      name: 'leaves it when the server refuses',
      given: (worlds) => worlds.fail('deleteAgent', status(400)),
      want: 'waiting: refused',
      left: kept,
      asksServer: true,
    },
    {
      name: 'keeps it when it cannot be read',
      given: (worlds) => worlds.fail('getAgent', status(500)),
      want: 'failed: unavailable',
      left: kept,
    },
  ];
  it.each(rows)('$name', async (row) => {
    const worlds = new Worlds();
    worlds.ado.addAgent(poolId, { name });
    row.given?.(worlds);
    const found = await seen(worlds, (deps) => deletePlaceholder(deps, action));
    expect(found).toEqual({ outcome: row.want, left: row.left });
    expect(worlds.calls().filter(isWrite)).toHaveLength(row.asksServer === true ? 1 : 0);
  });
});

describe('noteControl', () => {
  const twoClusters = aPoolPolicy({ clusters: ['east', 'west'] });
  const action = (changes: Readonly<Record<string, string | undefined>>) =>
    ({ kind: 'noteControl', name: `mayfly-pool-${poolId}`, changes }) as const;

  it('writes and removes what it was told to, and leaves what people wrote', async () => {
    const worlds = new Worlds();
    worlds.setControl({ paused: 'true', 'mayfly.absent.abc123': '5', 'mayfly.generation': '1' });
    const changes = { 'mayfly.absent.abc123': undefined, 'mayfly.generation': '2', 'mayfly.absent.def456': '7' };
    const { outcome } = await seen(worlds, (deps) => noteControl(deps, action(changes)));
    expect([outcome, worlds.control()]).toEqual([
      'done',
      { paused: 'true', 'mayfly.generation': '2', 'mayfly.absent.def456': '7' },
    ]);
  });

  it('writes to the map of the first cluster, and makes it where there is none', async () => {
    const worlds = new Worlds({ policy: twoClusters, control: false });
    const { outcome } = await seen(worlds, (deps) => noteControl(deps, action({ 'mayfly.generation': '2' })));
    expect([outcome, worlds.control('east')]).toEqual(['done', { 'mayfly.generation': '2' }]);
  });

  it('makes the map of every other cluster where there is none, with nothing in it', async () => {
    const worlds = new Worlds({ policy: twoClusters, control: false });
    const { outcome } = await seen(worlds, (deps) => noteControl(deps, action({ 'mayfly.generation': '2' })));
    expect([outcome, worlds.control('east'), worlds.control('west')]).toEqual([
      'done',
      { 'mayfly.generation': '2' },
      {},
    ]);
  });

  it('removes keys from the maps of all clusters, and writes to the first alone', async () => {
    const worlds = new Worlds({ policy: twoClusters });
    const stale = { 'mayfly.absent.abc123': '5', 'mayfly.generation': '1' };
    worlds.setControl({ ...stale, paused: 'true' }, 'east');
    worlds.setControl({ ...stale, drained: 'true' }, 'west');
    const changes = { 'mayfly.absent.abc123': undefined, 'mayfly.generation': '2' };
    const { outcome } = await seen(worlds, (deps) => noteControl(deps, action(changes)));
    expect([outcome, worlds.control('east'), worlds.control('west')]).toEqual([
      'done',
      { paused: 'true', 'mayfly.generation': '2' },
      { drained: 'true', 'mayfly.generation': '1' },
    ]);
  });

  it('makes the map of the one cluster of a pool though nothing is to be written', async () => {
    const worlds = new Worlds({ control: false });
    const { outcome } = await seen(worlds, (deps) => noteControl(deps, action({})));
    expect([outcome, worlds.control()]).toEqual(['done', {}]);
  });

  it('fails when a map cannot be written', async () => {
    const worlds = new Worlds();
    worlds.fail('patch configmaps', status(403));
    const { outcome } = await seen(worlds, (deps) => noteControl(deps, action({ 'mayfly.generation': '2' })));
    expect([outcome, worlds.control()]).toEqual(['failed: forbidden', {}]);
  });
});
