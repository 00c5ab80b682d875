import { describe, expect, it } from 'vitest';
import type { JobStateEvent } from '../../../../infra/local/azureDevOps/events.ts';
import { anOrganisation, poolId } from './fixture.ts';

describe('queueing a job', () => {
  it('fails the run at once when no registered agent could ever run it', () => {
    const { world, register } = anOrganisation();
    expect(world.queueJob({ poolId })).toMatchObject({ kind: 'refused' });
    register({ systemCapabilities: { docker: '27' } });
    const queued = world.queueJob({ poolId, demands: ['gpu'] });
    expect(queued).toMatchObject({
      kind: 'refused',
      message:
        'No agent found in pool linux which satisfies the specified demands: gpu, Agent.Version -gtVersion 2.163.1',
    });
    expect(world.getRun(queued.runId)).toMatchObject({ result: 'failed', finishedAt: world.now() });
    expect(world.listJobRequests(poolId)).toEqual([]);
  });

  it('is content with an offline, disabled placeholder', () => {
    const { world } = anOrganisation();
    world.addAgent(poolId, { name: 'placeholder', version: '99.999.9', enabled: false });
    expect(world.queueJob({ poolId })).toMatchObject({ kind: 'queued' });
  });

  it('finds an agent that is too old no match', () => {
    const { world } = anOrganisation();
    world.addAgent(poolId, { name: 'placeholder', version: '2.100.0' });
    expect(world.queueJob({ poolId })).toMatchObject({ kind: 'refused' });
  });

  it('repeats job ids over runs and retries, never request ids or plans of other runs', () => {
    const { queue, register, request, world } = anOrganisation();
    register();
    const first = request(queue({ stage: 'Build', jobName: 'Compile' }));
    const other = request(queue({ stage: 'Build', jobName: 'Compile' }));
    const retried = world.retryJob(first.id);
    expect(retried).toMatchObject({ kind: 'queued', jobId: first.jobId, runId: first.run.id });
    expect(other).toMatchObject({ jobId: first.jobId });
    expect(other.planId).not.toBe(first.planId);
    expect(world.listJobRequests(poolId).map(({ id, attempt }) => ({ id, attempt }))).toEqual([
      { id: first.id + 2, attempt: 2 },
      { id: first.id + 1, attempt: 1 },
      { id: first.id, attempt: 1 },
    ]);
  });

  it('ends a run with its last job, as bad as its worst', () => {
    const { queue, register, request, world } = anOrganisation();
    register();
    const first = queue();
    const runId = request(first).run.id;
    const second = queue({ runId });
    world.cancelJob(first);
    expect(world.getRun(runId)).not.toHaveProperty('result');
    world.cancelJob(second);
    expect(world.getRun(runId)).toMatchObject({ result: 'canceled' });
  });

  it('leaves the requests of an orphaned run unfinished', () => {
    const { queue, register, request, world } = anOrganisation();
    register();
    const requestId = queue();
    world.orphanRun(request(requestId).run.id);
    expect(request(requestId)).not.toHaveProperty('result');
  });

  it('reopens the run of a job that is retried', () => {
    const { queue, register, request, world } = anOrganisation();
    register();
    const requestId = queue();
    const runId = request(requestId).run.id;
    world.cancelJob(requestId);
    const retried = world.retryJob(requestId);
    expect(world.getRun(runId)).not.toHaveProperty('finishedAt');
    world.cancelJob(retried.kind === 'queued' ? retried.requestId : 0);
    expect(world.getRun(runId)).toMatchObject({ result: 'canceled', finishedAt: world.now() });
  });
});

describe('job states', () => {
  const watched = () => {
    const organisation = anOrganisation();
    const seen: JobStateEvent[] = [];
    organisation.world.onJobState((event) => seen.push(event));
    return { ...organisation, seen };
  };

  it('are told at queueing, receipt and end, in the words of the pipeline', () => {
    const { seen, start, queue, take, world } = watched();
    const { sessionId } = start();
    const requestId = queue({ project: 'Fabrikam', pipeline: 'web', stage: 'Build', jobName: 'Compile' });
    take(sessionId);
    world.completeRequest(poolId, requestId, 'succeeded', true);
    expect(seen.map(({ state, result }) => ({ state, result }))).toEqual([
      { state: 'waiting', result: undefined },
      { state: 'running', result: undefined },
      { state: 'completed', result: 'succeeded' },
    ]);
    expect(seen[0]).toMatchObject({
      project: { name: 'Fabrikam' },
      pipeline: { name: 'web' },
      stage: 'Build',
      job: { name: 'Compile' },
    });
  });

  it('tell of failed queueing and of jobs in other pools, too', () => {
    const { seen, world } = watched();
    world.queueJob({ poolId });
    world.emitForeignJobEvent({ state: 'waiting', pipeline: 'hosted' });
    expect(seen.map(({ state, result }) => ({ state, result }))).toEqual([
      { state: 'completed', result: 'failed' },
      { state: 'waiting', result: undefined },
    ]);
  });
});

describe('request lists', () => {
  const filled = () => {
    const organisation = anOrganisation();
    organisation.register();
    const ids = Array.from({ length: 230 }, () => organisation.queue());
    for (const id of ids.slice(0, 210)) organisation.world.cancelJob(id);
    return { ...organisation, ids };
  };

  it('without parameters tell everything, with the agents that match', () => {
    const { world } = filled();
    const all = world.listJobRequests(poolId);
    expect(all).toHaveLength(230);
    expect(all[0]?.matchedAgents).toMatchObject([{ name: 'agent-1', online: false }]);
  });

  it('with $top tell the newest, capped at 200 and without matching agents, whatever else is asked', () => {
    const { world, ids } = filled();
    const top = world.listJobRequests(poolId, { top: 250, completedRequestCount: 0 });
    expect(top.map((request) => request.id)).toEqual(ids.slice(-200).reverse());
    expect(top[0]).not.toHaveProperty('matchedAgents');
    expect(world.listJobRequests(poolId, { top: 3 })).toHaveLength(3);
  });

  it('with completedRequestCount tell all unfinished ones and so many finished', () => {
    const { world, ids } = filled();
    const unfinished = world.listJobRequests(poolId, { completedRequestCount: 0 });
    expect(unfinished.map((request) => request.id)).toEqual(ids.slice(-20).reverse());
    expect(unfinished[0]).toHaveProperty('matchedAgents');
    expect(world.listJobRequests(poolId, { completedRequestCount: 2 })).toHaveLength(22);
  });

  it('can be narrowed to an agent, a plan and a job', () => {
    const { world, start, queue, request } = anOrganisation();
    const { agentId } = start();
    const requestId = queue();
    const { planId, jobId } = request(requestId);
    queue();
    const ids = (query: Parameters<typeof world.listJobRequests>[1]) =>
      world.listJobRequests(poolId, query).map((each) => each.id);
    expect(ids({ agentIds: [agentId] })).toEqual([requestId]);
    expect(ids({ planId, jobId })).toEqual([requestId]);
    expect(ids({ planId: 'other' })).toEqual([]);
  });
});
