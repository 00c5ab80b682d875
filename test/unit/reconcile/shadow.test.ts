import { describe, expect, it } from 'vitest';
import { minutesMs } from '../../../shared/domain/instant.ts';
import { placeholderName } from '../../../shared/domain/names.ts';
import { scopeOf } from '../../../shared/plan/view.ts';
import { reconcilePool } from '../../../shared/reconcile/reconcilePool.ts';
import { policy } from '../../support/builders.ts';
import { isWrite, type Plane, Worlds } from '../../support/pass.ts';
import { aPoolPolicy } from '../../support/policyBuilders.ts';

const intent = (worlds: Worlds) => ({
  cause: 'sweep',
  correlationId: 'c-1',
  deadlineAt: worlds.clock.now() + 60_000,
});

const pass = (worlds: Worlds, { deps }: Plane) => worlds.until(reconcilePool(deps, intent(worlds)));

/** The same worlds, looked at by a plane in shadow mode. */
const inShadow = ({ deps, mortal }: Plane): Plane => ({
  mortal,
  deps: { ...deps, policy: { ...deps.policy, mode: 'shadow' } },
});

describe('reconcilePool in shadow mode', () => {
  it('reads, plans and tells, and touches nothing', async () => {
    const worlds = new Worlds({ placeholder: false });
    const active = worlds.plane({ name: 'active' });
    await pass(worlds, active);
    worlds.queueJob();
    await pass(worlds, active);
    worlds.queueJob();
    worlds.ado.addAgent(policy.poolId, { name: placeholderName(scopeOf(policy), 'gone') });
    await worlds.clock.advance(minutesMs(1));
    const before = worlds.existing();
    const shadow = inShadow(worlds.plane({ name: 'shadow' }));
    const report = await pass(worlds, shadow);
    const told = report.outcomes.map(({ action, kind, subject }) => `${action}.${kind} ${worlds.short(subject)}`);
    expect({
      told,
      writes: worlds.calls('shadow').filter(isWrite),
      left: worlds.existing(),
      kinds: report.plan.actions.map(({ kind }) => kind),
      remaining: report.remaining,
    }).toEqual({
      told: ['create.shadowed 1002-1', `disable.shadowed 1001-1`, `noteControl.shadowed mayfly-pool-${policy.poolId}`],
      writes: [],
      left: before,
      kinds: ['create', 'disable', 'noteControl'],
      remaining: false,
    });
    expect(worlds.log.slice(-4).map(({ level, event }) => `${level} ${event}`)).toEqual([
      'info create.shadowed',
      'info disable.shadowed',
      'info noteControl.shadowed',
      'info pool.reconciled',
    ]);
    expect(worlds.log.at(-1)?.fields).toMatchObject({ 'create.shadowed': 1, 'disable.shadowed': 1 });
  });

  it('leaves nothing to a fresh intent where the limit of a pass cut it: it would plan the same again', async () => {
    const worlds = new Worlds({ policy: aPoolPolicy({ maxCreationsPerPass: 1, mode: 'shadow' }) });
    worlds.queueJob();
    worlds.queueJob();
    const report = await pass(worlds, worlds.plane());
    expect([report.outcomes.map(({ kind }) => kind), report.remaining]).toEqual([['shadowed'], false]);
    expect(worlds.calls().filter(isWrite)).toEqual([]);
  });
});
