/**
 * What the server says it has, in the old form (one document per group) and the aggregated one that kubectl asks
 * first. Only what this stand-in models is listed, so that a client does not ask for more.
 * Shape as recorded from kube-apiserver v1.36.2 ("discovery: ..."), without storageVersionHash.
 */
import type { JsonObject } from '../../../../shared/domain/json.ts';
import { type ResourceType, resourceTypes, serverVersion } from '../resource.ts';

interface Subresource {
  readonly name: string;
  readonly kind: string;
  /** Where it speaks another group's kind. */
  readonly group?: string;
  readonly verbs: readonly string[];
}

const podSubresources: readonly Subresource[] = [
  { name: 'eviction', kind: 'Eviction', group: 'policy', verbs: ['create'] },
  { name: 'log', kind: 'Pod', verbs: ['get'] },
];

interface Entry {
  readonly resource: string;
  readonly singular: string;
  readonly kind: string;
  readonly group: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly subresources?: readonly Subresource[];
}

const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
const shortNames: Readonly<Record<string, readonly string[]>> = {
  configmaps: ['cm'],
  events: ['ev'],
  namespaces: ['ns'],
  networkpolicies: ['netpol'],
  nodes: ['no'],
  persistentvolumeclaims: ['pvc'],
  pods: ['po'],
  resourcequotas: ['quota'],
  serviceaccounts: ['sa'],
};

function entryOf(type: ResourceType): Entry {
  const short = shortNames[type.resource];
  return {
    resource: type.resource,
    singular: type.kind.toLowerCase(),
    kind: type.kind,
    group: type.group,
    namespaced: type.namespaced,
    // A namespace is never deleted with others.
    verbs: type.resource === 'namespaces' ? verbs.filter((verb) => verb !== 'deletecollection') : verbs,
    ...(short === undefined ? {} : { shortNames: short }),
    ...(['jobs', 'pods'].includes(type.resource) ? { categories: ['all'] } : {}),
    ...(type.resource === 'pods' ? { subresources: podSubresources } : {}),
  };
}

const review: Entry = {
  resource: 'selfsubjectaccessreviews',
  singular: 'selfsubjectaccessreview',
  kind: 'SelfSubjectAccessReview',
  group: 'authorization.k8s.io',
  namespaced: false,
  verbs: ['create'],
};

const entries: readonly Entry[] = [...Object.values(resourceTypes).map(entryOf), review].sort((a, b) =>
  a.resource < b.resource ? -1 : 1,
);
const groups = ['authorization.k8s.io', 'batch', 'networking.k8s.io', 'rbac.authorization.k8s.io'];

function common(entry: Entry): JsonObject {
  return {
    verbs: entry.verbs,
    ...(entry.shortNames === undefined ? {} : { shortNames: entry.shortNames }),
    ...(entry.categories === undefined ? {} : { categories: entry.categories }),
  };
}

function resourceList(group: string): JsonObject {
  const resources = entries
    .filter((entry) => entry.group === group)
    .flatMap((entry) => [
      {
        name: entry.resource,
        singularName: entry.singular,
        namespaced: entry.namespaced,
        kind: entry.kind,
        ...common(entry),
      },
      ...(entry.subresources ?? []).map((sub) => ({
        name: `${entry.resource}/${sub.name}`,
        singularName: '',
        namespaced: entry.namespaced,
        ...(sub.group === undefined ? {} : { group: sub.group, version: 'v1' }),
        kind: sub.kind,
        verbs: sub.verbs,
      })),
    ]);
  const head = group === '' ? { groupVersion: 'v1' } : { apiVersion: 'v1', groupVersion: `${group}/v1` };
  return { kind: 'APIResourceList', ...head, resources };
}

function groupDocument(group: string): JsonObject {
  const version = { groupVersion: `${group}/v1`, version: 'v1' };
  return { name: group, versions: [version], preferredVersion: version };
}

function aggregated(group: string): JsonObject {
  const resources = entries
    .filter((entry) => entry.group === group)
    .map((entry) => ({
      resource: entry.resource,
      responseKind: { group: '', version: '', kind: entry.kind },
      scope: entry.namespaced ? 'Namespaced' : 'Cluster',
      singularResource: entry.singular,
      ...common(entry),
      ...(entry.subresources === undefined
        ? {}
        : {
            subresources: entry.subresources.map((sub) => ({
              subresource: sub.name,
              responseKind: { group: sub.group ?? '', version: sub.group === undefined ? '' : 'v1', kind: sub.kind },
              verbs: sub.verbs,
            })),
          }),
    }));
  return { ...named(group), versions: [{ version: 'v1', resources, freshness: 'Current' }] };
}

const named = (group: string): JsonObject => ({ metadata: group === '' ? {} : { name: group } });

const aggregatedList = (names: readonly string[]): JsonObject => ({
  kind: 'APIGroupDiscoveryList',
  apiVersion: 'apidiscovery.k8s.io/v2',
  metadata: {},
  items: names.map(aggregated),
});

export const aggregatedType = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

const documents: Readonly<Record<string, (address: string) => JsonObject>> = {
  '/version': () => ({
    ...serverVersion,
    emulationMajor: serverVersion.major,
    emulationMinor: serverVersion.minor,
    minCompatibilityMajor: serverVersion.major,
    minCompatibilityMinor: '35',
    gitCommit: '98b35193b2ac7a23a673325f5e9b830ecd5ba406',
    gitTreeState: 'clean',
    buildDate: '2026-08-21T00:00:00Z',
    goVersion: 'go1.26.10',
    compiler: 'gc',
    platform: 'linux/amd64',
  }),
  '/api': (address) => ({
    kind: 'APIVersions',
    versions: ['v1'],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: address }],
  }),
  '/apis': () => ({ kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map(groupDocument) }),
  '/api/v1': () => resourceList(''),
  ...Object.fromEntries(
    groups.flatMap((group) => [
      [`/apis/${group}`, () => ({ kind: 'APIGroup', apiVersion: 'v1', ...groupDocument(group) })],
      [`/apis/${group}/v1`, () => resourceList(group)],
    ]),
  ),
};

/** The document at a discovery path, or undefined. `address` is host and port of this server. */
export function discoveryDocument(path: string, address: string): JsonObject | undefined {
  return Object.hasOwn(documents, path) ? documents[path]?.(address) : undefined;
}

/** The aggregated form of /api and /apis. */
export function aggregatedDocument(path: string): JsonObject | undefined {
  if (path === '/api') return aggregatedList(['']);
  return path === '/apis' ? aggregatedList(groups) : undefined;
}
