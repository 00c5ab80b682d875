/** The resource types that the stand-in stores. What is not listed here does not exist for it. */
export interface ResourceType {
  /** The plural, as in paths. */
  readonly resource: string;
  readonly group: string;
  readonly version: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Metadata carries a generation that rises with every change of the spec. */
  readonly generation: boolean;
  /** Field selectors beyond metadata.name and metadata.namespace (kubernetes/pkg/apis/core/v1/conversion.go). */
  readonly fields: readonly string[];
}

export const serverVersion = { major: '1', minor: '36', gitVersion: 'v1.36.2' } as const;

interface Row extends Partial<Pick<ResourceType, 'namespaced' | 'generation' | 'fields'>> {
  readonly group?: string;
}

function define(resource: string, kind: string, row: Row = {}): ResourceType {
  const group = row.group ?? '';
  return {
    resource,
    group,
    version: 'v1',
    apiVersion: group === '' ? 'v1' : `${group}/v1`,
    kind,
    namespaced: row.namespaced ?? true,
    generation: row.generation ?? false,
    fields: row.fields ?? [],
  };
}

const rbac = 'rbac.authorization.k8s.io';

export const resourceTypes = {
  namespaces: define('namespaces', 'Namespace', { namespaced: false, fields: ['status.phase'] }),
  nodes: define('nodes', 'Node', { namespaced: false, fields: ['spec.unschedulable'] }),
  jobs: define('jobs', 'Job', { group: 'batch', generation: true, fields: ['status.successful'] }),
  // Stored and checked; there is no controller that makes their pods.
  daemonsets: define('daemonsets', 'DaemonSet', { group: 'apps', generation: true }),
  pods: define('pods', 'Pod', { generation: true, fields: ['status.phase', 'spec.nodeName', 'spec.restartPolicy'] }),
  secrets: define('secrets', 'Secret', { fields: ['type'] }),
  configmaps: define('configmaps', 'ConfigMap'),
  events: define('events', 'Event', {
    fields: [
      'involvedObject.name',
      'involvedObject.kind',
      'involvedObject.uid',
      'involvedObject.namespace',
      'reason',
      'source',
      'type',
    ],
  }),
  resourcequotas: define('resourcequotas', 'ResourceQuota'),
  persistentvolumeclaims: define('persistentvolumeclaims', 'PersistentVolumeClaim'),
  networkpolicies: define('networkpolicies', 'NetworkPolicy', { group: 'networking.k8s.io', generation: true }),
  serviceaccounts: define('serviceaccounts', 'ServiceAccount'),
  roles: define('roles', 'Role', { group: rbac }),
  rolebindings: define('rolebindings', 'RoleBinding', { group: rbac }),
} as const;

export type ResourceName = keyof typeof resourceTypes;

export function isResourceName(name: string): name is ResourceName {
  return Object.hasOwn(resourceTypes, name);
}
