/**
 * The ImageBuilder over ACR Tasks: `registries/taskRuns` of Azure Resource Manager. A task run is a resource with a name
 * of ours, made of the order's key, so that the name is the lock: a second PUT of the same run changes nothing, and a
 * reply that was lost is found by the name. `scheduleRun` makes runs under names of its own, and a run does not tell the
 * arguments it was given (2019-06-01-preview), so that a lost one could not be told from others.
 */
import { buildArguments } from '../../domain/buildArguments.ts';
import { defined } from '../../domain/defined.ts';
import { hasErrorKind, UpstreamError } from '../../domain/errors.ts';
import type { JsonObject } from '../../domain/json.ts';
import { orderName } from '../../domain/orderName.ts';
import type { Build, BuildOrder, ImageBuilder } from '../../ports/images.ts';
import type { ArmRest } from '../azure/armRest.ts';
import { readLogTail } from './acrLog.ts';
import type { AcrRun, AcrTaskRun } from './acrWire.ts';
import { acrWire, readAcr } from './acrWire.ts';
import { excerptOf } from './excerpt.ts';

/** What a run does: a task of the registry, or a Dockerfile in a git repository. */
export type AcrRequest =
  | { readonly kind: 'task'; readonly task: string }
  | {
      readonly kind: 'dockerfile';
      /** URL of a git repository with `#branch:folder`, or of a tarball. */
      readonly context: string;
      /** Below the context. */
      readonly dockerfile: string;
      /** `repository:tag`, in the registry of the task. */
      readonly imageNames: readonly string[];
    };

export interface AcrTaskOptions {
  readonly arm: ArmRest;
  readonly subscriptionId: string;
  readonly resourceGroup: string;
  readonly registry: string;
  readonly request: AcrRequest;
  /** Of the build, in seconds; ACR ends it then. Its own default is an hour. */
  readonly timeoutSeconds?: number;
}

/** The last one with task runs in it whose shapes are published in full; newer packages left tasks out. */
const apiVersion = '2019-06-01-preview';
/** Of a task run: 5 to 50 letters, digits and dashes. */
const maxNameLength = 50;

const over: readonly Build['status'][] = ['succeeded', 'failed', 'canceled'];

export function acrTaskBuilder(options: AcrTaskOptions): ImageBuilder {
  const { arm } = options;
  const registry = registryPath(options);
  const read = (operation: string, path: string): Promise<JsonObject | undefined> =>
    unlessAbsent(arm.call({ operation, method: 'GET', path: `${registry}/${path}`, apiVersion, repeatable: true }));
  const post = (operation: string, path: string, repeatable: boolean): Promise<JsonObject | undefined> =>
    arm.call({ operation, method: 'POST', path: `${registry}/${path}`, apiVersion, repeatable });

  const taskRun = async (name: string): Promise<AcrTaskRun | undefined> => {
    const operation = 'getting an ACR task run';
    const body = await read(operation, `taskRuns/${encodeURIComponent(name)}`);
    return body && readAcr(acrWire.taskRun, body, operation);
  };
  /** The resource is slower than the run that it stands for, so a run that goes on is asked itself. */
  const latest = async (run: AcrRun): Promise<AcrRun> => {
    if (over.includes(run.status)) return run;
    const operation = 'getting an ACR run';
    const body = await read(operation, `runs/${encodeURIComponent(run.runId)}`);
    return body === undefined ? run : readAcr(acrWire.run, body, operation);
  };
  const told = async ({ name, status, run }: AcrTaskRun): Promise<Build> => {
    const url = `https://portal.azure.com/#resource${registry}/taskRuns/${name}`;
    if (run === undefined) return { id: name, status, url };
    const now = await latest(run);
    const excerpt = now.status === 'failed' ? await excerptFor(now, post) : undefined;
    const { startedAt, finishedAt } = now;
    return { id: name, status: now.status, url, ...defined({ startedAt, finishedAt, excerpt }) };
  };
  const named = async (name: string): Promise<Build | undefined> => {
    const found = await taskRun(name);
    return found && told(found);
  };

  return {
    find: (order) => named(orderName(order.key, maxNameLength)),
    start: async (order) => {
      const operation = 'starting an ACR task run';
      const path = `${registry}/taskRuns/${orderName(order.key, maxNameLength)}`;
      // The same tag and request again are the same run; another tag would force a new one.
      const body = { properties: { runRequest: runRequest(options, registry, order), forceUpdateTag: order.key } };
      const answer = await arm.call({ operation, method: 'PUT', path, apiVersion, body, repeatable: false });
      return told(readAcr(acrWire.taskRun, answer, operation));
    },
    get: (_order, id) => named(id),
    cancel: async (_order, id) => {
      const { run } = (await taskRun(id)) ?? {};
      if (run === undefined || over.includes(run.status)) return;
      await post('cancelling an ACR run', `runs/${encodeURIComponent(run.runId)}/cancel`, true).catch(overIsCanceled);
    },
  };
}

function registryPath({ subscriptionId, resourceGroup, registry }: AcrTaskOptions): string {
  const [subscription, group, name] = [subscriptionId, resourceGroup, registry].map(encodeURIComponent);
  return `/subscriptions/${subscription}/resourceGroups/${group}/providers/Microsoft.ContainerRegistry/registries/${name}`;
}

function runRequest({ request, timeoutSeconds }: AcrTaskOptions, registry: string, order: BuildOrder): JsonObject {
  const values = Object.entries(order.parameters).map(argument);
  const buildArgs = buildArguments(order.parameters).map(argument);
  if (request.kind === 'task') {
    const taskId = `${registry}/tasks/${request.task}`;
    // A Docker step takes arguments, a step of a file takes values: the task knows which of them it reads.
    return { type: 'TaskRunRequest', taskId, overrideTaskStepProperties: { arguments: buildArgs, values } };
  }
  return {
    type: 'DockerBuildRequest',
    sourceLocation: request.context,
    dockerFilePath: request.dockerfile,
    imageNames: request.imageNames,
    isPushEnabled: true,
    arguments: buildArgs,
    platform: { os: 'Linux', architecture: 'amd64' },
    ...(timeoutSeconds !== undefined && { timeout: timeoutSeconds }),
  };
}

const argument = ([name, value]: readonly [string, string]) => ({ name, value, isSecret: false });

type Post = (operation: string, path: string, repeatable: boolean) => Promise<JsonObject | undefined>;

/** Never a reason to fail: that it failed is known without. */
async function excerptFor(run: AcrRun, post: Post): Promise<string | undefined> {
  const operation = 'asking for the log of an ACR run';
  try {
    const answer = await post(operation, `runs/${encodeURIComponent(run.runId)}/listLogSasUrl`, true);
    const { logLink } = readAcr(acrWire.logLink, answer, operation);
    return excerptOf([...(await readLogTail(logLink)), ...(run.error === undefined ? [] : [run.error])]);
  } catch (error) {
    if (error instanceof UpstreamError) return excerptOf(run.error ?? '');
    throw error;
  }
}

/** A registry, group or subscription that is not found is no proof that a run of it is not. */
async function unlessAbsent<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    const absent = hasErrorKind(error, 'notFound') && error instanceof UpstreamError;
    if (absent && !/^(ResourceGroup|Subscription|ParentResource)NotFound/.test(error.detail ?? '')) return undefined;
    throw error;
  }
}

function overIsCanceled(error: unknown): void {
  if (!hasErrorKind(error, 'notFound', 'invalid', 'conflict')) throw error;
}
