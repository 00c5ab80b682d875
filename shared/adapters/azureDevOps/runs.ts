/** The PipelineRuns port over the Build API: a run of a pipeline is a build and bears its id. One request per method. */
import { z } from 'zod';
import { hasErrorKind, UpstreamError } from '../../domain/errors.ts';
import type { PipelineRuns } from '../../ports/runs.ts';
import type { Answer } from './answer.ts';
import type { AzureDevOpsCall, AzureDevOpsOptions, AzureDevOpsRest } from './rest.ts';
import { azureDevOpsRest } from './rest.ts';
import { stagesOf } from './timeline.ts';
import { readWire } from './wire.ts';

const version = { 'api-version': '7.1' } as const;
/** Taken with the preview flag before and after the resource was released. */
const stagesVersion = { 'api-version': '7.1-preview.1' } as const;

const tagsSchema = z.object({ value: z.array(z.string()) });
const buildSchema = z.object({ status: z.string() });

export function azureDevOpsRuns(options: AzureDevOpsOptions): PipelineRuns {
  return runsOver(azureDevOpsRest(options));
}

export function runsOver(rest: AzureDevOpsRest): PipelineRuns {
  const ask = (
    [operation, method]: readonly [string, AzureDevOpsCall['method']],
    path: string,
    more: Partial<AzureDevOpsCall> = {},
  ): Promise<Answer> => rest.call({ operation, method, path, query: version, repeatable: true, ...more });
  return {
    getTags: async (projectId, runId) => {
      const operation = 'getting the tags of a run';
      const answer = await unless(
        ['notFound'],
        undefined,
        ask([operation, 'GET'], `${buildPath(projectId, runId)}/tags`),
      );
      return answer && readWire(tagsSchema, answer.body, operation).value;
    },
    addTag: async (projectId, runId, tag) => {
      const path = `${buildPath(projectId, runId)}/tags/${encodeURIComponent(tag)}`;
      await ask(['tagging a run', 'PUT'], path);
    },
    cancelRun: async (projectId, runId) => {
      const operation = 'cancelling a run';
      const body = { status: 'cancelling' };
      const sent = ask([operation, 'PATCH'], buildPath(projectId, runId), { body });
      const answered = sent.then(({ body: build }) =>
        readWire(buildSchema, build, operation).status === 'completed' ? ('over' as const) : ('asked' as const),
      );
      // One that has ended may be answered as it is, or refused for its status; one that is gone has ended, too.
      const whileRunning = unless(['conflict', 'invalid', 'notFound'], 'over' as const, answered);
      return unless(['forbidden'], 'refused' as const, whileRunning);
    },
    listStages: (projectId, runId) => listStages(ask, projectId, runId),
    retryStage: async (projectId, runId, stage) => {
      const path = `${buildPath(projectId, runId)}/stages/${encodeURIComponent(stage)}`;
      // The server's default is to run what depends on the stage again as well.
      const body = { state: 'retry', forceRetryAllJobs: false, retryDependencies: false };
      const more = { body, query: stagesVersion, repeatable: false, answersNothing: true };
      const asked = ask(['retrying a stage', 'PATCH'], path, more).then(() => 'asked' as const);
      // 409 InvalidPipelineOperationException: it runs, or has nothing that failed (BuildStagesController, 2022).
      return unless(['forbidden', 'conflict', 'invalid', 'notFound'], 'refused' as const, asked);
    },
  };
}

type Ask = (
  call: readonly [string, AzureDevOpsCall['method']],
  path: string,
  more?: Partial<AzureDevOpsCall>,
) => Promise<Answer>;

const buildPath = (projectId: string, runId: number): string =>
  `${encodeURIComponent(projectId)}/_apis/build/builds/${runId}`;

async function listStages(ask: Ask, projectId: string, runId: number): ReturnType<PipelineRuns['listStages']> {
  const operation = 'reading the timeline of a run';
  try {
    const answer = await ask([operation, 'GET'], `${buildPath(projectId, runId)}/timeline`);
    return stagesOf(answer.body, operation);
  } catch (error) {
    if (hasErrorKind(error, 'notFound')) return undefined;
    // 204 while the run has no timeline yet (azure-devops-node-api answers null then).
    if (error instanceof UpstreamError && error.status === 204) return [];
    throw error;
  }
}

async function unless<T, V>(kinds: Parameters<typeof hasErrorKind>[1][], value: V, call: Promise<T>): Promise<T | V> {
  try {
    return await call;
  } catch (error) {
    if (hasErrorKind(error, ...kinds)) return value;
    throw error;
  }
}
