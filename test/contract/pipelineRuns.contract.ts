/** What every door to the runs of pipelines must do alike: in process, and over HTTP through the real SDK and our adapter. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AzureDevOpsWorld } from '../../infra/local/azureDevOps/world.ts';
import type { FaultKind, Faults, Journal } from '../../infra/local/world/faults.ts';
import type { PipelineRuns } from '../../shared/ports/runs.ts';

export interface PipelineRunsDoor {
  readonly world: AzureDevOpsWorld;
  readonly runs: PipelineRuns;
  readonly faults: Faults;
  readonly journal: Journal;
  /** Moves virtual time. */
  readonly advance: (ms: number) => Promise<void>;
  readonly close?: () => Promise<void>;
}

const poolId = 7;

interface Queued {
  readonly requestId: number;
  readonly runId: number;
  readonly jobId: string;
  readonly projectId: string;
}

export function pipelineRunsContract(
  doorName: string,
  makeDoor: () => Promise<PipelineRunsDoor> | PipelineRunsDoor,
): void {
  describe(`runs of pipelines ${doorName}`, () => {
    let door: PipelineRunsDoor;

    beforeEach(async () => {
      door = await makeDoor();
      door.world.limits.assignDelayMs = { min: 0, max: 0 };
      door.world.addPool({ id: poolId, name: 'linux' });
      door.world.addAgent(poolId, { name: 'placeholder', version: '99.999.9' });
    });
    afterEach(() => door.close?.());

    const queue = (spec: { stage?: string; jobName?: string; runId?: number; demands?: string[] } = {}): Queued => {
      const queued = door.world.queueJob({ poolId, project: 'Fabrikam', ...spec });
      const projectId = door.world.getRun(queued.runId)?.project.id ?? '';
      return { requestId: 0, ...queued, projectId };
    };
    /** An agent that has taken the next request. */
    const working = async (): Promise<number> => {
      const publicKey = { exponent: 'AQAB', modulus: Buffer.alloc(256, 0xa5).toString('base64') };
      const agent = door.world.addAgent(poolId, { name: 'a', version: '5.278.0', publicKey });
      const { id } = door.world.openSession(poolId, agent.id, { ownerName: 'pod', attached: true });
      await door.advance(1000);
      door.world.deleteMessage(id, door.world.takeMessage(id)?.messageId ?? 0);
      return agent.id;
    };
    const strike = (fault: FaultKind, verb: keyof PipelineRuns, times = 1): void =>
      void door.faults.add(fault, (call) => call.verb === verb, times);
    const sent = (verb: keyof PipelineRuns): number => door.journal.calls.filter((call) => call.verb === verb).length;
    const nowhere = '00000000-0000-0000-0000-000000000000';

    it('adds a tag once', async () => {
      const { projectId, runId } = queue();
      expect(await door.runs.getTags(projectId, runId)).toEqual([]);
      await door.runs.addTag(projectId, runId, 'mayfly-agent-lost');
      await door.runs.addTag(projectId, runId, 'mayfly-agent-lost');
      expect(await door.runs.getTags(projectId, runId)).toEqual(['mayfly-agent-lost']);
    });

    it('knows no run that there is none of, nor one in another project', async () => {
      const { projectId, runId } = queue();
      expect(await door.runs.getTags(projectId, 999)).toBeUndefined();
      expect(await door.runs.getTags(nowhere, runId)).toBeUndefined();
      expect(await door.runs.listStages(projectId, 999)).toBeUndefined();
      expect(await door.runs.cancelRun(projectId, 999)).toBe('over');
      expect(await door.runs.retryStage(projectId, 999, '__default')).toBe('refused');
      await expect(door.runs.addTag(projectId, 999, 'x')).rejects.toMatchObject({ kind: 'notFound' });
    });

    it('cancels what waits at once, and has what runs stop', async () => {
      const { projectId, runId, requestId } = queue();
      const agentId = await working();
      const second = queue({ runId });
      expect(await door.runs.cancelRun(projectId, runId)).toBe('asked');
      expect(door.world.getJobRequest(poolId, second.requestId).result).toBe('canceled');
      expect(door.world.getJobRequest(poolId, requestId)).toMatchObject({ cancelRequested: true });
      expect(door.world.getRun(runId)?.finishedAt).toBeUndefined();
      expect(await door.runs.cancelRun(projectId, runId)).toBe('asked');
      door.world.completeRequest(poolId, requestId, 'canceled', true, agentId);
      expect(door.world.getRun(runId)?.result).toBe('canceled');
      expect(await door.runs.cancelRun(projectId, runId)).toBe('over');
    });

    it('tells each stage with its jobs, by the ids of their requests', async () => {
      const build = queue({ stage: 'Build', jobName: 'Compile' });
      const lint = queue({ stage: 'Build', jobName: 'Lint', runId: build.runId });
      const deploy = queue({ stage: 'Deploy', jobName: 'Ship', runId: build.runId });
      const agentId = await working();
      const job = ({ jobId }: Queued, name: string) => ({ jobId, name });
      const jobs = [job(build, 'Compile'), job(lint, 'Lint')];
      const later = { name: 'Deploy', state: 'pending', jobs: [job(deploy, 'Ship')] };
      const stages = () => door.runs.listStages(build.projectId, build.runId);
      expect(await stages()).toEqual([{ name: 'Build', state: 'running', jobs }, later]);
      door.world.completeRequest(poolId, build.requestId, 'failed', true, agentId);
      door.world.cancelJob(lint.requestId);
      expect(await stages()).toEqual([{ name: 'Build', state: 'completed', result: 'failed', jobs }, later]);
    });

    it('has a new request for each job of a stage that did not succeed', async () => {
      const { projectId, runId, requestId, jobId } = queue({ stage: 'Build', jobName: 'Compile' });
      const other = queue({ stage: 'Build', jobName: 'Lint', runId });
      const agentId = await working();
      expect(await door.runs.retryStage(projectId, runId, 'Build')).toBe('refused');
      door.world.completeRequest(poolId, requestId, 'failed', true, agentId);
      door.world.cancelJob(other.requestId);
      expect(await door.runs.retryStage(projectId, runId, 'Deploy')).toBe('refused');
      expect(await door.runs.retryStage(projectId, runId, 'Build')).toBe('asked');
      const again = door.world.listUnfinishedRequests(poolId);
      expect(again.map(({ attempt }) => attempt)).toEqual([2, 2]);
      expect(again.map((request) => request.jobId)).toContain(jobId);
      expect(await door.runs.listStages(projectId, runId)).toMatchObject([{ name: 'Build', state: 'pending' }]);
      expect(await door.runs.retryStage(projectId, runId, 'Build')).toBe('refused');
    });

    it('retries nothing that succeeded, and makes the run as good as its last attempts', async () => {
      const { projectId, runId, requestId } = queue();
      const agentId = await working();
      door.world.completeRequest(poolId, requestId, 'failed', false, agentId);
      expect(await door.runs.retryStage(projectId, runId, '__default')).toBe('asked');
      await door.advance(1000);
      const [again] = door.world.listUnfinishedRequests(poolId);
      door.world.completeRequest(poolId, again?.id ?? 0, 'succeeded', true, agentId);
      expect(door.world.getRun(runId)?.result).toBe('succeeded');
      expect(await door.runs.retryStage(projectId, runId, '__default')).toBe('refused');
    });

    it('tells a job that no agent could ever have run as one that failed', async () => {
      const { projectId, runId, jobId } = queue({ demands: ['nobody.has.this'] });
      const jobs = [{ jobId, name: 'Job' }];
      expect(await door.runs.listStages(projectId, runId)).toEqual([
        { name: '__default', state: 'completed', result: 'failed', jobs },
      ]);
    });

    it('tells an identity without the right from one that fails', async () => {
      const { projectId, runId } = queue();
      for (const verb of ['cancelRun', 'retryStage', 'addTag'] as const) strike({ kind: 'status', status: 403 }, verb);
      expect(await door.runs.cancelRun(projectId, runId)).toBe('refused');
      expect(await door.runs.retryStage(projectId, runId, '__default')).toBe('refused');
      await expect(door.runs.addTag(projectId, runId, 'x')).rejects.toMatchObject({ kind: 'forbidden' });
    });

    it.each([
      { given: { kind: 'status', status: 503 }, want: 'unavailable' },
      { given: { kind: 'signInPage' }, want: 'unauthorized' },
      { given: { kind: 'nullBody' }, want: 'unexpected' },
    ] as const)('rejects $given as $want, and takes it for no answer', async ({ given, want }) => {
      const { projectId, runId } = queue();
      for (const verb of ['getTags', 'listStages', 'cancelRun'] as const) strike(given, verb, 3);
      await expect(door.runs.getTags(projectId, runId)).rejects.toMatchObject({ kind: want });
      await expect(door.runs.listStages(projectId, runId)).rejects.toMatchObject({ kind: want });
      await expect(door.runs.cancelRun(projectId, runId)).rejects.toMatchObject({ kind: want });
    });

    it('sends the retry of a stage once, although the reply is lost', async () => {
      const { projectId, runId, requestId } = queue();
      door.world.cancelJob(requestId);
      strike({ kind: 'lostAfter' }, 'retryStage');
      await expect(door.runs.retryStage(projectId, runId, '__default')).rejects.toMatchObject({ kind: 'unavailable' });
      expect([sent('retryStage'), door.world.listUnfinishedRequests(poolId).length]).toEqual([1, 1]);
    });
  });
}
