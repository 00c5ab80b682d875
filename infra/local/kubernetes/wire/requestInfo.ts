/**
 * A method and a path, read as the API server reads them: into a verb on a resource, or a plain path. Paths that the
 * real server knows and this one does not answer 501; paths that neither knows answer 404.
 */
import { isResourceName, type ResourceName, type ResourceType, resourceTypes } from '../resource.ts';
import { KubernetesStatus } from '../statusError.ts';
import type { Attributes } from './rbac.ts';

export interface ResourceRequest extends Attributes {
  readonly kind: 'resource';
  readonly type: ResourceType;
  readonly resource: ResourceName;
}

export interface PathRequest {
  readonly kind: 'path';
  readonly verb: string;
  readonly path: string;
}

export type RequestInfo = ResourceRequest | PathRequest;

/** Resources and groups of kube-apiserver v1.36.2 (recorded: "discovery: ...") that are not modelled. */
const otherGroups = new Set([
  'admissionregistration.k8s.io',
  'apiextensions.k8s.io',
  'apiregistration.k8s.io',
  'apps',
  'authentication.k8s.io',
  'autoscaling',
  'certificates.k8s.io',
  'coordination.k8s.io',
  'discovery.k8s.io',
  'events.k8s.io',
  'flowcontrol.apiserver.k8s.io',
  'node.k8s.io',
  'policy',
  'resource.k8s.io',
  'scheduling.k8s.io',
  'storage.k8s.io',
]);
const otherResources = new Set(
  (
    'bindings componentstatuses endpoints limitranges persistentvolumes podtemplates ' +
    'replicationcontrollers services cronjobs ingresses ingressclasses ipaddresses servicecidrs clusterroles ' +
    'clusterrolebindings localsubjectaccessreviews subjectaccessreviews selfsubjectrulesreviews'
  ).split(' '),
);
const modelledGroups = new Set(['authorization.k8s.io', ...Object.values(resourceTypes).map((type) => type.group)]);
const otherPaths = /^\/(openapi|metrics|logs|debug|healthz|\.well-known|openid)(\/|$)/;

export function notImplemented(method: string, path: string): KubernetesStatus {
  const message = `${method} ${path} is not modelled by this stand-in`;
  return new KubernetesStatus({ code: 501, reason: 'NotImplemented', message, details: {} });
}

export function unknownPath(): KubernetesStatus {
  const message = 'the server could not find the requested resource';
  return new KubernetesStatus({ code: 404, reason: 'NotFound', message, details: {} });
}

export function methodNotAllowed(): KubernetesStatus {
  const message = 'the server does not allow this method on the requested resource';
  return new KubernetesStatus({ code: 405, reason: 'MethodNotAllowed', message, details: {} });
}

interface Split {
  readonly group: string;
  readonly version: string;
  readonly rest: readonly string[];
}

function split(path: string): Split | undefined {
  const parts = path.split('/').filter((part) => part !== '');
  if (parts[0] === 'api' && parts.length > 2) return { group: '', version: parts[1] ?? '', rest: parts.slice(2) };
  if (parts[0] !== 'apis' || parts.length < 4) return undefined;
  return { group: parts[1] ?? '', version: parts[2] ?? '', rest: parts.slice(3) };
}

interface Place {
  readonly namespace?: string | undefined;
  readonly resource: string;
  readonly name?: string | undefined;
  readonly subresource?: string | undefined;
}

/** "namespaces/a" is the namespace a itself; "namespaces/a/status" is its subresource; else what follows lies in a. */
function placeOf(rest: readonly string[]): Place {
  const inside = rest[0] === 'namespaces' && rest.length > 2 && rest[2] !== 'status' && rest[2] !== 'finalize';
  if (inside) return { namespace: rest[1], resource: rest[2] ?? '', name: rest[3], subresource: rest[4] };
  const own = rest[0] === 'namespaces' ? { namespace: rest[1] } : {};
  return { ...own, resource: rest[0] ?? '', name: rest[1], subresource: rest[2] };
}

const writes: Readonly<Record<string, string>> = { POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };

export const isSet = (value: string | null): boolean => value === '1' || value === 'true';

function verbOf(method: string, query: URLSearchParams, name: string | undefined): string {
  if (method !== 'GET') {
    const verb = writes[method] ?? method.toLowerCase();
    return verb === 'delete' && name === undefined ? 'deletecollection' : verb;
  }
  if (name !== undefined) return 'get';
  return isSet(query.get('watch')) ? 'watch' : 'list';
}

/** A list by the one field metadata.name is, to the authorizer, about that name. */
function selectedName(query: URLSearchParams): string | undefined {
  return /^metadata\.name==?([^,!]+)$/.exec(query.get('fieldSelector') ?? '')?.[1];
}

/** Throws 404 for what no API server knows and 501 for what only a real one does. */
export function readRequest(method: string, path: string, query: URLSearchParams): RequestInfo {
  const plain: PathRequest = { kind: 'path', verb: writes[method] ?? method.toLowerCase(), path };
  const found = split(path);
  if (found === undefined && otherPaths.test(path)) throw notImplemented(method, path);
  if (found === undefined) return plain;
  const place = placeOf(found.rest);
  if (isReview(found, place)) return plain;
  const resource = modelled(found, place);
  if (resource === undefined) throw isReal(found, place) ? notImplemented(method, path) : unknownPath();
  return {
    kind: 'resource',
    type: resourceTypes[resource],
    ...place,
    resource,
    name: place.name ?? (method === 'POST' ? undefined : selectedName(query)),
    verb: verbOf(method, query, place.name),
    group: found.group,
  };
}

function modelled(found: Split, place: Place): ResourceName | undefined {
  if (!isResourceName(place.resource)) return undefined;
  const type = resourceTypes[place.resource];
  return type.group === found.group && type.version === found.version ? place.resource : undefined;
}

function isReal(found: Split, place: Place): boolean {
  if (otherGroups.has(found.group)) return true;
  return modelledGroups.has(found.group) && found.version === 'v1' && otherResources.has(place.resource);
}

/** True for the discovery path of a group that a real server has. */
export const isOtherGroup = (path: string): boolean => otherGroups.has(path.split('/')[2] ?? '');

const isReview = (found: Split, place: Place): boolean =>
  found.group === 'authorization.k8s.io' && found.version === 'v1' && place.resource === 'selfsubjectaccessreviews';
