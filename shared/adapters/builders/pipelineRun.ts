/**
 * The ImageBuilder over a YAML pipeline of Azure Pipelines. A run is a build and bears its id: it is started by the Runs
 * API, which takes parameters, and read by the Build API, which tells more of it.
 *
 * Neither API takes an idempotency key (REST 7.1, read 2026-11), so the key travels as the parameter `mayflyKey`, which
 * the pipeline must declare. A reply that was lost is found again by it.
 */
import { defined } from '../../domain/defined.ts';
import { hasErrorKind, UpstreamError } from '../../domain/errors.ts';
import { hoursMs } from '../../domain/instant.ts';
import type { Build, BuildOrder, ImageBuilder } from '../../ports/images.ts';
import type { Clock } from '../../ports.ts';
import type { Answer } from '../azureDevOps/answer.ts';
import type { AzureDevOpsCall, AzureDevOpsRest } from '../azureDevOps/rest.ts';
import { readWire } from '../azureDevOps/wire.ts';
import { systemClock } from '../system.ts';
import { failureExcerpt } from './runExcerpt.ts';
import type { WireBuild } from './runWire.ts';
import { runWire } from './runWire.ts';

export interface PipelineRunOptions {
  /** Of the organisation that the pipeline lies in. */
  readonly rest: AzureDevOpsRest;
  /** Name or id. */
  readonly project: string;
  readonly pipelineId: number;
  /** `refs/heads/...`; without it the pipeline's default branch. */
  readonly branch?: string;
  readonly clock?: Clock;
}

/** Every run of the pipeline carries it; the YAML has to declare it, or Azure DevOps refuses the run. */
export const keyParameter = 'mayflyKey';

const version = { 'api-version': '7.1' } as const;

/** A key is of one week: a build that was queued longer ago than two cannot be meant. */
const lookBackMs = hoursMs(15 * 24);
/** Runs whose parameters are read one by one. A pipeline with more is not one image's own. */
const maxUnmarked = 40;

export function pipelineRunBuilder(options: PipelineRunOptions): ImageBuilder {
  const { rest, pipelineId, clock = systemClock } = options;
  const project = encodeURIComponent(options.project);
  const builds = `${project}/_apis/build/builds`;
  const read = (operation: string, path: string, query: AzureDevOpsCall['query'] = {}): Promise<Answer> =>
    rest.call({ operation, method: 'GET', path, query: { ...version, ...query }, repeatable: true });
  const told = async (build: WireBuild): Promise<Build> => {
    const excerpt = build.status === 'failed' ? await failureExcerpt(read, `${builds}/${build.id}`) : undefined;
    const { id, status, startedAt, finishedAt, url } = build;
    return { id: String(id), status, ...defined({ startedAt, finishedAt, url, excerpt }) };
  };
  return {
    find: async (order) => {
      const operation = 'listing the runs of an image pipeline';
      const minTime = new Date(clock.now() - lookBackMs).toISOString();
      const query = { definitions: pipelineId, minTime, queryOrder: 'queueTimeDescending', $top: maxUnmarked + 1 };
      const answer = await read(operation, builds, query);
      const listed = readWire(runWire.builds, answer.body, operation);
      if (listed.length > maxUnmarked) throw tooMany(operation);
      const found = await findRun(read, `${project}/_apis/pipelines/${pipelineId}/runs`, listed, order);
      return found && told(found);
    },
    start: async (order) => {
      const operation = 'starting an image pipeline';
      const path = `${project}/_apis/pipelines/${pipelineId}/runs`;
      const body = {
        templateParameters: { ...order.parameters, [keyParameter]: order.key },
        ...(options.branch !== undefined && { resources: { repositories: { self: { refName: options.branch } } } }),
      };
      const answer = await rest.call({ operation, method: 'POST', path, query: version, body, repeatable: false });
      const { id, url } = readWire(runWire.run, answer.body, operation);
      return { id: String(id), status: 'queued', ...defined({ url }) };
    },
    get: async (_order, id) => {
      const operation = 'getting the run of an image pipeline';
      const answer = await unlessAbsent(read(operation, `${builds}/${encodeURIComponent(id)}`));
      return answer && told(readWire(runWire.build, answer.body, operation));
    },
    cancel: async (_order, id) => {
      const operation = 'cancelling the run of an image pipeline';
      const path = `${builds}/${encodeURIComponent(id)}`;
      const body = { status: 'cancelling' };
      const call = rest.call({ operation, method: 'PATCH', path, query: version, body, repeatable: true });
      await unlessAbsent(call).catch(overIsCanceled);
    },
  };
}

type Read = (operation: string, path: string) => Promise<Answer>;

/**
 * Lists have told parameters and then, from one day to the next, told them no more (vsts-rest-api-specs#579, 2022-11):
 * where one has none, the run itself is asked. The oldest run with the key is the build; a later one is of a racer.
 */
async function findRun(
  read: Read,
  runs: string,
  listed: readonly WireBuild[],
  order: BuildOrder,
): Promise<WireBuild | undefined> {
  const oldestFirst = [...listed].sort((a, b) => a.id - b.id);
  for (const build of oldestFirst) {
    const key = build.parameters?.[keyParameter] ?? (await keyOf(read, `${runs}/${build.id}`));
    if (key === order.key) return build;
  }
  return undefined;
}

async function keyOf(read: Read, path: string): Promise<unknown> {
  const operation = 'reading the parameters of a run';
  const answer = await unlessAbsent(read(operation, path));
  return answer && readWire(runWire.run, answer.body, operation).parameters?.[keyParameter];
}

/** A project that cannot be seen answers 404 as well; then nothing in it is known to be absent. */
async function unlessAbsent(call: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await call;
  } catch (error) {
    const absent = hasErrorKind(error, 'notFound') && error instanceof UpstreamError;
    if (absent && !error.detail?.startsWith('ProjectDoesNotExist')) return undefined;
    throw error;
  }
}

/** A run that has ended is refused; with which status no document says. */
function overIsCanceled(error: unknown): void {
  if (!hasErrorKind(error, 'invalid', 'conflict')) throw error;
}

const tooMany = (operation: string): UpstreamError =>
  new UpstreamError({
    upstream: 'azureDevOps',
    operation,
    kind: 'invalid',
    detail: `more than ${maxUnmarked} runs in two weeks: an image needs a pipeline of its own`,
  });
