/**
 * Azure Resource Manager as far as it runs tasks of one container registry, and the blobs that their logs lie in. Source
 * of shapes and names: the REST specification of Microsoft.ContainerRegistry, 2019-06-01-preview.
 */
import type { EpochMs } from '../../../shared/domain/instant.ts';
import type { JsonObject, JsonValue } from '../../../shared/domain/json.ts';
import { isJsonObject } from '../../../shared/domain/json.ts';
import type { WorldClock } from '../world/clock.ts';
import { SystemClock } from '../world/clock.ts';
import { Faults, Journal } from '../world/faults.ts';
import type { AcrRunView } from './acrRuns.ts';
import { AcrRuns } from './acrRuns.ts';
import type { Answer, DoorRequest } from './door.ts';
import { openDoor } from './door.ts';

export interface AcrTasksOptions {
  /** True for a bearer token that may run tasks of the registry. */
  readonly accepts: (token: string) => boolean;
  readonly subscriptionId: string;
  readonly resourceGroup: string;
  readonly registry: string;
  readonly port?: number;
  readonly clock?: WorldClock;
  readonly faults?: Faults;
}

export interface AcrTasksStandIn {
  readonly url: string;
  readonly port: number;
  readonly runs: AcrRuns;
  readonly faults: Faults;
  readonly journal: Journal;
  close(): Promise<void>;
}

const apiVersion = '2019-06-01-preview';
const nameRule = /^[a-zA-Z0-9-]{5,50}$/;
const requestTypes = ['DockerBuildRequest', 'TaskRunRequest', 'FileTaskRunRequest', 'EncodedTaskRunRequest'];
const signature = 'sig=c2lnbmF0dXJl';

export async function startAcrTasks(options: AcrTasksOptions): Promise<AcrTasksStandIn> {
  const { clock = new SystemClock(), faults = new Faults() } = options;
  const journal = new Journal();
  const runs = new AcrRuns(clock);
  const handle = (request: DoorRequest): Answer =>
    blob(request, runs) ?? refuse(request, options) ?? route(request, runs);
  const door = await openDoor({ name: 'acrTasks', port: options.port ?? 0, clock, faults, journal, handle });
  return { url: `http://127.0.0.1:${door.port}`, port: door.port, runs, faults, journal, close: () => door.close() };
}

/** A blob needs no token: its URL bears the signature. */
function blob({ segments, query, method }: DoorRequest, runs: AcrRuns): Answer | undefined {
  if (segments[0] !== 'acrlogs') return undefined;
  const known = runs.byId(segments[1] ?? '') !== undefined && `sig=${query.get('sig')}` === signature;
  if (method !== 'GET' || !known)
    return { status: 403, headers: { 'content-type': 'application/xml' }, text: '<Error/>' };
  return { status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' }, text: runs.log.join('\n') };
}

/** What ARM checks before the registry is asked: the token, the version, and each parent by name, whatever its case. */
function refuse({ headers, query, segments }: DoorRequest, options: AcrTasksOptions): Answer | undefined {
  const token = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1];
  if (token === undefined || !options.accepts(token)) return failure(401, 'InvalidAuthenticationToken');
  const version = query.get('api-version');
  if (version === null) return failure(400, 'MissingApiVersionParameter');
  if (version !== apiVersion) return failure(400, 'NoRegisteredProviderFound');
  return parentProblem(segments, options);
}

function parentProblem(segments: DoorRequest['segments'], options: AcrTasksOptions): Answer | undefined {
  const [, subscription, , group, , provider, , registry] = segments.map((segment) => segment.toLowerCase());
  if (subscription !== options.subscriptionId.toLowerCase()) return failure(404, 'SubscriptionNotFound');
  if (group !== options.resourceGroup.toLowerCase()) return failure(404, 'ResourceGroupNotFound');
  if (provider !== 'microsoft.containerregistry') return failure(404, 'InvalidResourceNamespace');
  return registry === options.registry.toLowerCase() ? undefined : failure(404, 'ParentResourceNotFound');
}

function route(request: DoorRequest, runs: AcrRuns): Answer {
  const { method, segments } = request;
  const [collection, name = '', action] = segments.slice(8);
  switch (`${method} ${collection}${action === undefined ? '' : `/${action}`}`) {
    case 'PUT taskRuns':
      return put(request, runs, name);
    case 'GET taskRuns':
      return found(runs.byName(name), (run) => ({ status: 200, body: taskRunJson(request, run) }));
    case 'GET runs':
      return found(runs.byId(name), (run) => ({ status: 200, body: runJson(request, run) }));
    case 'POST runs/cancel':
      // Which status a run that is over answers with is inferred.
      return found(runs.byId(name), () => (runs.cancel(name) ? { status: 200 } : failure(409, 'RunAlreadyCompleted')));
    case 'POST runs/listLogSasUrl':
      return found(runs.byId(name), () => {
        const logLink = `${request.origin}/acrlogs/${name}?sv=2024-05-04&${signature}`;
        return { status: 200, body: { logLink } };
      });
    default:
      return failure(501, 'NotModelled', `${method} /${segments.join('/')} is not modelled by this stand-in.`);
  }
}

const found = (run: AcrRunView | undefined, answer: (run: AcrRunView) => Answer): Answer =>
  run === undefined ? failure(404, 'ResourceNotFound', 'The resource was not found.') : answer(run);

function put(request: DoorRequest, runs: AcrRuns, name: string): Answer {
  if (!nameRule.test(name))
    return failure(400, 'InvalidResourceName', 'A task run has 5 to 50 letters, digits, dashes.');
  const properties = jsonOf(request)?.['properties'];
  const { runRequest, forceUpdateTag: tag } = isJsonObject(properties) ? properties : {};
  if (!isRunRequest(runRequest)) {
    return failure(400, 'InvalidRunRequest', 'The type of the run request is missing or unknown.');
  }
  const { created, run } = runs.put(name, runRequest, typeof tag === 'string' ? tag : undefined);
  return { status: created ? 201 : 200, body: taskRunJson(request, run) };
}

const isRunRequest = (value: JsonValue | undefined): value is JsonObject =>
  isJsonObject(value) && typeof value['type'] === 'string' && requestTypes.includes(value['type']);

const idOf = ({ segments }: DoorRequest, rest: string): string => `/${segments.slice(0, 8).join('/')}/${rest}`;
const iso = (at: EpochMs): string => new Date(at).toISOString();

function runJson(request: DoorRequest, run: AcrRunView): JsonObject {
  const { runId, status, createdAt, startedAt, finishedAt } = run;
  return {
    id: idOf(request, `runs/${runId}`),
    name: runId,
    type: 'Microsoft.ContainerRegistry/registries/runs',
    properties: {
      runId,
      status,
      runType: 'QuickRun',
      createTime: iso(createdAt),
      ...(startedAt !== undefined && { startTime: iso(startedAt) }),
      ...(finishedAt !== undefined && { finishTime: iso(finishedAt) }),
      ...(status === 'Failed' && { runErrorMessage: 'failed to run step ID: build: exit status 1' }),
      provisioningState: finishedAt === undefined ? 'Running' : 'Succeeded',
    },
  };
}

function taskRunJson(request: DoorRequest, run: AcrRunView): JsonObject {
  // A run that failed makes its resource fail; before the run begins there is none to tell of.
  const failed = ['Failed', 'Error', 'Timeout'].includes(run.status);
  const state =
    { Canceled: 'Canceled', Succeeded: 'Succeeded' }[run.status as string] ?? (failed ? 'Failed' : 'Creating');
  return {
    id: idOf(request, `taskRuns/${run.name}`),
    name: run.name,
    type: 'Microsoft.ContainerRegistry/registries/taskRuns',
    properties: {
      provisioningState: state,
      runRequest: run.request,
      ...(run.status !== 'Queued' && { runResult: runJson(request, run) }),
    },
  };
}

function jsonOf({ body }: DoorRequest): JsonObject | undefined {
  try {
    const parsed: unknown = JSON.parse(body.toString('utf8'));
    return isJsonObject(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

const failure = (status: number, code: string, message = code): Answer => ({
  status,
  body: { error: { code, message } },
});
