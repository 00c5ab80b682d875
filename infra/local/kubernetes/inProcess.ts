/**
 * The in-process door: the KubernetesApi port over a world, with journal, latency and faults. A failure reaches the
 * caller as the UpstreamError that the real adapter makes of the same answer.
 */
import type { DeleteOptions, KubernetesApi, ListOptions, Resource } from '../../../shared/adapters/kubernetes/api.ts';
import { type AnsweredStatus, kindOfStatus } from '../../../shared/adapters/kubernetes/status.ts';
import { UpstreamError, type UpstreamErrorKind } from '../../../shared/domain/errors.ts';
import type { JsonObject, JsonPatch } from '../../../shared/domain/json.ts';
import type { WorldClock } from '../world/clock.ts';
import type { Call, FaultKind, Faults, Journal } from '../world/faults.ts';
import type { Random } from '../world/random.ts';
import { list } from './object.ts';
import { partialMetadata } from './partialMetadata.ts';
import { resourceTypes } from './resource.ts';
import { KubernetesStatus } from './statusError.ts';
import type { KubernetesWorld } from './world.ts';

export interface InProcessOptions {
  /** Who calls: a control plane's name. */
  readonly caller: string;
  /** "kubernetes:<cluster>". */
  readonly door: string;
  readonly journal: Journal;
  readonly faults: Faults;
  readonly clock: WorldClock;
  readonly random: Random;
  /** Half before the world is asked, half after; 0 = none. */
  readonly latencyMs?: number | (() => number);
}

type Verb = NonNullable<AnsweredStatus['verb']>;

interface Request {
  readonly verb: Verb;
  readonly resource: Resource;
  readonly subresource?: string;
  readonly target: string;
}

/** "get pods/log": as the door on the wire writes it, too. */
const about = ({ resource, subresource }: Request): string =>
  subresource === undefined ? resource : `${resource}/${subresource}`;

/** How long the real adapter waits for an answer. */
const timeoutMs = 30_000;
const unanswered = `no answer after ${timeoutMs} ms`;
const lost = 'the connection was lost';

const gerunds: Readonly<Record<Verb, string>> = {
  list: 'listing',
  get: 'reading',
  create: 'creating',
  patch: 'patching',
  delete: 'deleting',
};

class Door {
  readonly #options: InProcessOptions;

  constructor(options: InProcessOptions) {
    this.#options = options;
  }

  /** `ask` touches the world; it is called once, or not at all when a fault strikes before. */
  async call<T>(request: Request, ask: () => T): Promise<T> {
    const { journal, faults, clock, caller, door } = this.#options;
    const facts = { door, caller, verb: `${request.verb} ${about(request)}`, target: request.target };
    const entry = journal.begin({ ...facts, at: clock.now() });
    const fault = faults.take(facts);
    const latencyMs = this.#latency();
    try {
      await this.#pause(latencyMs / 2);
      await this.#strikeBefore(request, fault);
      const answer = this.#ask(request, ask);
      await this.#pause(latencyMs - latencyMs / 2);
      await this.#strikeAfter(request, fault);
      const value = answer();
      entry.outcome = fault === undefined ? 'ok' : fault.kind;
      return this.#thinned(value, fault);
    } catch (error) {
      entry.outcome = outcomeOf(error, fault);
      throw error;
    } finally {
      (entry as Call).endedAt = clock.now();
    }
  }

  #latency(): number {
    const { latencyMs = 0 } = this.#options;
    return typeof latencyMs === 'number' ? latencyMs : latencyMs();
  }

  async #pause(ms: number): Promise<void> {
    if (ms > 0) await this.#options.clock.sleep(ms);
  }

  /** The world's answer, to be opened when it arrives: a refusal travels the same way back as anything else. */
  #ask<T>(request: Request, ask: () => T): () => T {
    try {
      const value = ask();
      return () => value;
    } catch (error) {
      if (!(error instanceof KubernetesStatus)) throw error;
      const kind = kindOfStatus({ status: error.code, reason: error.reason, verb: request.verb });
      const refusal = failure(request, kind, { status: error.code, detail: error.message, cause: error });
      return () => {
        throw refusal;
      };
    }
  }

  async #strikeBefore(request: Request, fault: FaultKind | undefined): Promise<void> {
    if (fault?.kind === 'hang') {
      await this.#pause(timeoutMs);
      throw failure(request, 'timeout', { detail: unanswered });
    }
    if (fault?.kind === 'lostBefore') throw failure(request, 'unavailable', { detail: lost });
    if (fault?.kind === 'signInPage') throw failure(request, 'unexpected', { status: 203, detail: 'an HTML page' });
    if (fault?.kind !== 'status') return;
    const kind = kindOfStatus({ status: fault.status, verb: request.verb });
    const retryAfterMs = fault.retryAfterSeconds === undefined ? undefined : fault.retryAfterSeconds * 1000;
    throw failure(request, kind, { status: fault.status, retryAfterMs });
  }

  /** The world has changed, or has refused; the answer is late, lost or spoilt. */
  async #strikeAfter(request: Request, fault: FaultKind | undefined): Promise<void> {
    if (fault?.kind === 'slow') {
      await this.#pause(Math.min(fault.ms, timeoutMs));
      if (fault.ms >= timeoutMs) throw failure(request, 'timeout', { detail: unanswered });
    }
    if (fault?.kind === 'lostAfter') throw failure(request, 'unavailable', { detail: lost });
    if (fault?.kind === 'nullBody') throw failure(request, 'unexpected', { status: 200, detail: 'the body is null' });
    if (fault?.kind === 'truncated') throw failure(request, 'unexpected', { status: 200, detail: 'it breaks off' });
  }

  #thinned<T>(answer: T, fault: FaultKind | undefined): T {
    if (fault?.kind !== 'partial' || !Array.isArray(answer)) return answer;
    return answer.filter(() => this.#options.random.chance(fault.keep)) as T;
  }
}

interface FailureFields {
  readonly status?: number;
  readonly detail?: string;
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

function failure(request: Request, kind: UpstreamErrorKind, fields: FailureFields): UpstreamError {
  const { cause, ...rest } = fields;
  const operation = `${gerunds[request.verb]} ${about(request)} ${request.target}`;
  return new UpstreamError({ upstream: 'kubernetes', operation, kind, ...rest }, { cause });
}

function outcomeOf(error: unknown, fault: FaultKind | undefined): string {
  if (fault !== undefined && fault.kind !== 'status') return fault.kind;
  return error instanceof UpstreamError && error.status !== undefined ? String(error.status) : 'error';
}

const selectorOf = (options: ListOptions): string =>
  [options.labelSelector, options.fieldSelector].filter((selector) => selector !== undefined).join(';');

/** As the server sends the items of a list, they have no type; the port's callers get whole objects. */
function itemsOf(world: KubernetesWorld, resource: Resource, namespace: string, options: ListOptions): JsonObject[] {
  const { apiVersion, kind } = resourceTypes[resource];
  const { metadataOnly = false, ...selectors } = options;
  const items = list(world.list(resource, namespace, selectors).body, 'items');
  if (metadataOnly) return items.map((item) => partialMetadata(item as JsonObject));
  return items.map((item) => ({ apiVersion, kind, ...(item as JsonObject) }));
}

export function inProcessKubernetesApi(world: KubernetesWorld, options: InProcessOptions): KubernetesApi {
  const door = new Door(options);
  const { caller } = options;
  const at = (verb: Verb, resource: Resource, namespace: string, rest: string): Request => ({
    verb,
    resource,
    target: `${namespace}/${rest}`,
  });
  return {
    list: (resource, namespace, listOptions: ListOptions = {}) =>
      door.call(at('list', resource, namespace, selectorOf(listOptions)), () =>
        itemsOf(world, resource, namespace, listOptions),
      ),
    get: (resource, namespace, name) =>
      door.call(at('get', resource, namespace, name), () => world.get(resource, namespace, name).body),
    create: (resource, namespace, body) =>
      door.call(
        at('create', resource, namespace, nameIn(body)),
        () => world.create(resource, namespace, body, { caller }).body,
      ),
    patch: (resource, namespace, name, patch: JsonPatch) =>
      door.call(at('patch', resource, namespace, name), () => {
        const body = patch.map((operation) => ({ ...operation }));
        return world.patch(resource, namespace, name, { type: 'json', body }, { caller }).body;
      }),
    delete: (resource, namespace, name, deleteOptions: DeleteOptions = {}) =>
      door.call(at('delete', resource, namespace, name), () => {
        const { uid, ...others } = deleteOptions;
        world.delete(resource, namespace, name, { caller, ...others, preconditions: { uid } });
      }),
    readLog: (namespace, pod, options) =>
      door.call({ verb: 'get', resource: 'pods', subresource: 'log', target: `${namespace}/${pod}` }, () =>
        world.readLog(namespace, pod, options),
      ),
  };
}

function nameIn(body: JsonObject): string {
  const metadata = body['metadata'] as JsonObject | undefined;
  const name = metadata?.['name'] ?? metadata?.['generateName'];
  return typeof name === 'string' ? name : '';
}
