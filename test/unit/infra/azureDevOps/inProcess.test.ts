import { describe, expect, it } from 'vitest';
import type { InProcessOptions } from '../../../../infra/local/azureDevOps/inProcess.ts';
import { inProcessAgentPools } from '../../../../infra/local/azureDevOps/inProcess.ts';
import type { FaultKind } from '../../../../infra/local/world/faults.ts';
import { Faults, Journal } from '../../../../infra/local/world/faults.ts';
import type { UpstreamErrorKind } from '../../../../shared/domain/errors.ts';
import { errorKind } from '../../../../shared/domain/errors.ts';
import { anOrganisation, minutes, poolId } from './fixture.ts';

function aDoor(options: Partial<InProcessOptions> = {}) {
  const organisation = anOrganisation();
  const { world, clock } = organisation;
  const [faults, journal] = [new Faults(), new Journal()];
  const pools = inProcessAgentPools(world, { caller: 'control-plane-1', journal, faults, clock, ...options });
  const strike = (fault: FaultKind) => faults.add(fault, () => true);
  return { ...organisation, pools, journal, strike };
}

const placeholder = { name: 'placeholder', version: '99.999.9', osDescription: '', capabilities: {} };

interface FaultCase {
  readonly name: string;
  readonly fault: FaultKind;
  readonly want: UpstreamErrorKind;
  /** Whether the agent is registered all the same. */
  readonly done: boolean;
}

const faultCases: readonly FaultCase[] = [
  { name: 'an error status', fault: { kind: 'status', status: 502 }, want: 'unavailable', done: false },
  { name: 'a status nobody knows', fault: { kind: 'status', status: 418 }, want: 'invalid', done: false },
  { name: 'a sign-in page', fault: { kind: 'signInPage' }, want: 'unauthorized', done: false },
  { name: 'a null body', fault: { kind: 'nullBody' }, want: 'unexpected', done: false },
  { name: 'a truncated body', fault: { kind: 'truncated' }, want: 'unexpected', done: true },
  { name: 'a request that is lost', fault: { kind: 'lostBefore' }, want: 'unavailable', done: false },
  { name: 'a reply that is lost', fault: { kind: 'lostAfter' }, want: 'unavailable', done: true },
  { name: 'no answer', fault: { kind: 'hang' }, want: 'timeout', done: false },
  { name: 'an answer that is too slow', fault: { kind: 'slow', ms: minutes(1) }, want: 'timeout', done: true },
];

describe('the in-process door', () => {
  it.each(faultCases)('rejects $name as $want', async ({ fault, want, done }) => {
    const { pools, strike, clock, world, journal } = aDoor();
    strike(fault);
    const kind = pools.addAgent(poolId, placeholder).catch(errorKind);
    await clock.advance(minutes(1));
    expect(await kind).toBe(want);
    expect(world.listAgents(poolId)).toHaveLength(done ? 1 : 0);
    expect(journal.calls).toMatchObject([{ outcome: fault.kind === 'status' ? `${fault.status}` : fault.kind }]);
  });

  it('loses the refusal with the reply', async () => {
    const { pools, strike } = aDoor();
    await pools.addAgent(poolId, placeholder);
    strike({ kind: 'lostAfter' });
    await expect(pools.addAgent(poolId, placeholder)).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it('believes a 404 where absence is an answer', async () => {
    const { pools, strike, register } = aDoor();
    const agentId = register();
    strike({ kind: 'status', status: 404 });
    expect(await pools.getAgent(poolId, agentId)).toBeUndefined();
    strike({ kind: 'status', status: 404 });
    expect(await pools.deleteAgent(poolId, agentId)).toBe('absent');
    strike({ kind: 'status', status: 404 });
    await expect(pools.listAgents(poolId)).rejects.toMatchObject({ kind: 'notFound' });
  });

  it('leaves entries out of a partial list', async () => {
    const { pools, strike, register } = aDoor();
    for (let count = 0; count < 10; count++) register();
    strike({ kind: 'partial', keep: 0.5 });
    expect((await pools.listAgents(poolId)).value).toHaveLength(5);
    expect((await pools.listAgents(poolId)).value).toHaveLength(10);
  });

  it('journals who called what, when and how it ended', async () => {
    const { pools, journal, clock } = aDoor();
    const begun = clock.now();
    await pools.deleteAgent(poolId, 4711);
    await pools.getParallelJobs();
    expect(journal.calls).toMatchObject([
      {
        door: 'azureDevOps',
        caller: 'control-plane-1',
        verb: 'deleteAgent',
        target: '7/4711',
        outcome: 'ok',
        at: begun,
      },
      { verb: 'getParallelJobs', outcome: 'ok' },
    ]);
  });

  it('names itself in the events of the world', async () => {
    const { pools, events } = aDoor();
    const { id } = await pools.addAgent(poolId, placeholder);
    await pools.updateAgent(poolId, { id, name: 'placeholder', enabled: false });
    await pools.deleteAgent(poolId, id);
    expect(events.map((event) => ('by' in event ? [event.kind, event.by] : []))).toEqual([
      ['agentAdded', 'control-plane-1'],
      ['agentUpdated', 'control-plane-1'],
      ['agentDeleted', 'control-plane-1'],
    ]);
  });

  it('acts after the way there and answers after the way back', async () => {
    const { pools, clock, world } = aDoor({ latencyMs: () => ({ before: 100, after: 50 }) });
    const begun = clock.now();
    let answeredAt = 0;
    const added = pools.addAgent(poolId, placeholder).then(() => {
      answeredAt = clock.now();
    });
    await clock.advance(99);
    expect(world.listAgents(poolId)).toEqual([]);
    await clock.advance(1);
    expect(world.listAgents(poolId)).toHaveLength(1);
    expect(answeredAt).toBe(0);
    await clock.advance(50);
    await added;
    expect(answeredAt).toBe(begun + 150);
  });

  it('answers with the time of the server', async () => {
    const { pools, world, clock } = aDoor();
    world.setSkew(-90_000);
    expect((await pools.listJobRequests(poolId)).at).toBe(clock.now() - 90_000);
  });
});
