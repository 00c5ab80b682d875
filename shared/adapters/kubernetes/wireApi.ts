/**
 * The Kubernetes API over the SDK's configuration, authentication and HTTP library, without its models: they would
 * turn times into Dates and drop every field that is younger than the package, in a template's pod as in an answer.
 */
import { UpstreamError } from '../../domain/errors.ts';
import type { JsonObject } from '../../domain/json.ts';
import { isJsonObject } from '../../domain/json.ts';
import type { Clock } from '../../ports.ts';
import type { RetryOptions } from '../retry.ts';
import { once, retrying } from '../retry.ts';
import type { KubernetesAccess } from './access.ts';
import type { KubernetesApi, ListOptions, Resource } from './api.ts';
import type { Call } from './connection.ts';
import { connect, unreadable } from './connection.ts';

export interface WireKubernetesOptions {
  /** Of each attempt, body included. */
  readonly timeoutMs?: number;
  readonly clock?: Clock;
  readonly retry?: Omit<RetryOptions, 'clock'>;
  /** Objects per page of a list. */
  readonly pageSize?: number;
}

/** One request per method; a list takes one per 500 objects. Only reads are repeated. */
export function wireKubernetesApi(access: KubernetesAccess, options: WireKubernetesOptions = {}): KubernetesApi {
  const { timeoutMs = 10_000, pageSize = 500, clock, retry } = options;
  const connection = once(() => connect(access));
  const send = async (call: Call): Promise<JsonObject> => (await connection()).send(call, timeoutMs);
  const read = (call: Call): Promise<JsonObject> =>
    retrying(() => send(call).catch(expire), { ...retry, ...(clock && { clock }) });
  return {
    list: (resource, namespace, listOptions) => listAll(read, resource, namespace, { ...listOptions, pageSize }),
    get: (resource, namespace, name) => read({ verb: 'get', resource, path: pathOf(resource, namespace, name) }),
    create: (resource, namespace, body) => send({ verb: 'create', resource, path: pathOf(resource, namespace), body }),
    patch: (resource, namespace, name, patch) =>
      send({ verb: 'patch', resource, path: pathOf(resource, namespace, name), body: patch }),
    delete: async (resource, namespace, name, { uid, propagationPolicy, gracePeriodSeconds } = {}) => {
      const body = {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        ...(uid !== undefined && { preconditions: { uid } }),
        ...(propagationPolicy !== undefined && { propagationPolicy }),
        ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
      };
      await send({ verb: 'delete', resource, path: pathOf(resource, namespace, name), body });
    },
    readLog: async (namespace, pod, { container, tailLines, limitBytes }) => {
      const path = `${pathOf('pods', namespace, pod)}/log`;
      const query = { container, tailLines: String(tailLines), limitBytes: String(limitBytes) };
      const opened = await connection();
      return retrying(() => opened.readText({ verb: 'get', resource: 'pods', path, query }, timeoutMs), {
        ...retry,
        ...(clock && { clock }),
      });
    },
  };
}

const groups: Readonly<Record<Resource, string>> = {
  jobs: 'apis/batch/v1',
  networkpolicies: 'apis/networking.k8s.io/v1',
  pods: 'api/v1',
  secrets: 'api/v1',
  configmaps: 'api/v1',
  events: 'api/v1',
  resourcequotas: 'api/v1',
  persistentvolumeclaims: 'api/v1',
  daemonsets: 'apis/apps/v1',
};

function pathOf(resource: Resource, namespace: string, name?: string): string {
  const collection = `/${groups[resource]}/namespaces/${encodeURIComponent(namespace)}/${resource}`;
  return name === undefined ? collection : `${collection}/${encodeURIComponent(name)}`;
}

type Read = (call: Call) => Promise<JsonObject>;
type PagedListOptions = ListOptions & { readonly pageSize: number };

/** A list whose continue token has expired (410) is begun anew, once: its pages would be of different times. */
async function listAll(
  read: Read,
  resource: Resource,
  namespace: string,
  options: PagedListOptions,
): Promise<readonly JsonObject[]> {
  try {
    return await listPages(read, resource, namespace, options);
  } catch (error) {
    if (!(error instanceof ExpiredList)) throw error;
  }
  try {
    return await listPages(read, resource, namespace, options);
  } catch (error) {
    throw error instanceof ExpiredList ? error.cause : error;
  }
}

/** Set apart from other passing errors: the same page asked for again only expires again. */
class ExpiredList extends Error {}

function expire(error: unknown): never {
  throw error instanceof UpstreamError && error.status === 410 ? new ExpiredList('410', { cause: error }) : error;
}

async function listPages(
  read: Read,
  resource: Resource,
  namespace: string,
  { labelSelector, fieldSelector, metadataOnly = false, pageSize }: PagedListOptions,
): Promise<readonly JsonObject[]> {
  const path = pathOf(resource, namespace);
  const objects: JsonObject[] = [];
  let next: string | undefined;
  do {
    const query = { labelSelector, fieldSelector, limit: String(pageSize), continue: next };
    const { items, metadata } = await read({ verb: 'list', resource, path, query, metadataOnly });
    if (!Array.isArray(items) || !items.every(isJsonObject)) throw unreadable(`listing ${resource}`, 'no items');
    objects.push(...items);
    const token = isJsonObject(metadata) ? metadata['continue'] : undefined;
    next = typeof token === 'string' && token !== '' ? token : undefined;
  } while (next !== undefined);
  return objects;
}
