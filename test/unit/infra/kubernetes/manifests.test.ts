import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { list, nameOf, namespaceOf, record, text } from '../../../../infra/local/kubernetes/object.ts';
import { loadManifests } from '../../../../infra/local/kubernetes/wire/manifests.ts';
import { isAllowed } from '../../../../infra/local/kubernetes/wire/rbac.ts';
import type { JsonObject } from '../../../../shared/domain/json.ts';
import { domainPrefix, labels, managedBy } from '../../../../shared/domain/names.ts';

const directory = (path: string): string =>
  fileURLToPath(new URL(`../../../../infra/kubernetes/${path}`, import.meta.url));
const base = loadManifests(directory('base'));
const local = loadManifests(directory('overlays/local'));

function find(kind: string, name: string, objects: readonly JsonObject[] = base): JsonObject {
  const found = objects.find((object) => text(object, 'kind') === kind && nameOf(object) === name);
  if (found === undefined) throw new Error(`no ${kind} ${name}`);
  return found;
}

describe('the rights of the control plane', () => {
  it('are exactly the verbs that the code uses', () => {
    const rule = (apiGroup: string, resource: string, verbs: readonly string[]): JsonObject => ({
      apiGroups: [apiGroup],
      resources: [resource],
      verbs,
    });
    expect(list(find('Role', 'mayfly-control-plane'), 'rules')).toEqual([
      rule('batch', 'jobs', ['get', 'list', 'create', 'patch', 'delete']),
      rule('', 'pods', ['get', 'list', 'delete']),
      rule('', 'pods/log', ['get']),
      rule('', 'secrets', ['get', 'create', 'delete']),
      { ...rule('', 'secrets', ['patch']), resourceNames: ['mayfly-token'] },
      rule('', 'configmaps', ['get', 'list', 'create', 'update', 'patch']),
      rule('', 'events', ['get', 'list', 'create', 'patch']),
      rule('', 'persistentvolumeclaims', ['list', 'delete']),
      rule('', 'resourcequotas', ['get', 'list']),
      rule('networking.k8s.io', 'networkpolicies', ['get', 'list', 'create', 'patch', 'delete']),
    ]);
  });

  const ask = (user: string, verb: string, resource: string, namespace = 'mayfly-agents'): boolean => {
    const group = resource === 'jobs' ? 'batch' : '';
    return isAllowed(local, { user, groups: ['system:authenticated'] }, { verb, group, resource, namespace });
  };
  const rows = [
    { name: 'the local user creates Jobs', given: ['mayfly-local', 'create', 'jobs'], want: true },
    { name: 'nobody lists Secrets', given: ['mayfly-local', 'list', 'secrets'], want: false },
    { name: 'nobody makes pods by hand', given: ['mayfly-local', 'create', 'pods'], want: false },
    { name: 'nothing is allowed elsewhere', given: ['mayfly-local', 'list', 'jobs', 'default'], want: false },
    {
      name: 'the account in the cluster creates Jobs',
      given: ['system:serviceaccount:mayfly-system:mayfly-control-plane', 'create', 'jobs'],
      want: true,
    },
    {
      name: 'the agents may nothing',
      given: ['system:serviceaccount:mayfly-agents:mayfly-agent', 'get', 'pods'],
      want: false,
    },
  ] as const;
  it.each(rows)('$name', ({ given: [user, verb, resource, namespace], want }) => {
    expect(ask(user, verb, resource, namespace)).toBe(want);
  });

  it('are bound to a group when the control plane runs elsewhere', () => {
    const identity = { user: 'somebody', groups: ['mayfly-control-plane'] };
    const asked = { verb: 'list', group: 'batch', resource: 'jobs', namespace: 'mayfly-agents' };
    expect(isAllowed(base, identity, asked)).toBe(true);
  });
});

describe('the rights of people', () => {
  const roles = loadManifests(directory('components/operators'));
  const allows = (role: string, verb: string, resource: string, name?: string): boolean => {
    const binding: JsonObject = {
      kind: 'RoleBinding',
      metadata: { name: 'team', namespace: 'mayfly-agents' },
      roleRef: { kind: 'Role', name: role },
      subjects: [{ kind: 'Group', name: 'team' }],
    };
    const group = resource === 'jobs' ? 'batch' : '';
    const asked = { verb, group, resource, namespace: 'mayfly-agents', ...(name !== undefined && { name }) };
    return isAllowed([...roles, binding], { user: 'ada', groups: ['team'] }, asked);
  };
  const [operator, viewer] = ['mayfly-pool-operator', 'mayfly-pool-viewer'] as const;

  it.each([
    { name: 'an operator pauses a named pool', given: [operator, 'patch', 'configmaps', 'mayfly-pool-1'], want: true },
    { name: 'an operator edits a named pool', given: [operator, 'update', 'configmaps', 'mayfly-pool-2'], want: true },
    { name: 'an operator reads a named pool', given: [operator, 'get', 'configmaps', 'mayfly-pool-1'], want: true },
    {
      name: 'no operator touches another pool',
      given: [operator, 'patch', 'configmaps', 'mayfly-pool-3'],
      want: false,
    },
    { name: 'no operator touches egress', given: [operator, 'patch', 'configmaps', 'mayfly-egress-a'], want: false },
    { name: 'no operator lists all maps', given: [operator, 'list', 'configmaps'], want: false },
    { name: 'no operator makes maps', given: [operator, 'create', 'configmaps'], want: false },
    { name: 'no operator deletes maps', given: [operator, 'delete', 'configmaps', 'mayfly-pool-1'], want: false },
    { name: 'no operator ends Jobs', given: [operator, 'delete', 'jobs', 'a'], want: false },
    { name: 'a viewer sees why pods wait', given: [viewer, 'list', 'events'], want: true },
    { name: 'a viewer reads a named pool', given: [viewer, 'get', 'configmaps', 'mayfly-pool-1'], want: true },
    { name: 'no viewer pauses', given: [viewer, 'patch', 'configmaps', 'mayfly-pool-1'], want: false },
    { name: 'no viewer reads Secrets', given: [viewer, 'get', 'secrets', 'a'], want: false },
  ] as const)('$name', ({ given: [role, verb, resource, name], want }) => {
    expect(allows(role, verb, resource, name)).toBe(want);
  });

  it('are bound to nobody until an overlay says to whom', () => {
    expect(roles.map((object) => `${text(object, 'kind')} ${nameOf(object)}`)).toEqual([
      'Role mayfly-pool-operator',
      'Role mayfly-pool-viewer',
    ]);
  });
});

describe('the namespace of agents', () => {
  it('enforces the restricted pod security profile', () => {
    const enforced = record(find('Namespace', 'mayfly-agents'), 'metadata', 'labels');
    expect(enforced['pod-security.kubernetes.io/enforce']).toBe('restricted');
  });

  it('holds everything of the base but itself', () => {
    const placed = base.filter((object) => text(object, 'kind') !== 'Namespace').map(namespaceOf);
    expect(new Set(placed)).toEqual(new Set(['mayfly-agents']));
  });

  it.each(['mayfly-agent', 'default'])('mounts no token into pods of the account %s', (account) => {
    expect(find('ServiceAccount', account)['automountServiceAccountToken']).toBe(false);
  });

  it('binds no role to an account of its own', () => {
    const subjects = local
      .filter((object) => text(object, 'kind') === 'RoleBinding')
      .flatMap((object) => list(object, 'subjects'));
    expect(subjects.filter((subject) => text(subject, 'namespace') === 'mayfly-agents')).toEqual([]);
  });

  it('never bears the mark of what the control plane makes and may delete', () => {
    const marked = local.filter((object) => record(object, 'metadata', 'labels')[labels.managedBy] === managedBy);
    expect(marked).toEqual([]);
  });
});

describe('the network of agents', () => {
  it('is closed in both directions unless a policy opens it', () => {
    expect(record(find('NetworkPolicy', 'mayfly-default-deny'), 'spec')).toEqual({
      podSelector: {},
      policyTypes: ['Ingress', 'Egress'],
    });
  });

  it('is open to agents of ours without egress rules of their own, and only to them', () => {
    expect(record(find('NetworkPolicy', 'mayfly-open-egress'), 'spec', 'podSelector')).toEqual({
      matchLabels: { [labels.managedBy]: managedBy },
      matchExpressions: [{ key: `${domainPrefix}/egress`, operator: 'DoesNotExist' }],
    });
  });

  it('shuts the metadata services in every rule that covers their addresses', () => {
    const blocks = base
      .filter((object) => text(object, 'kind') === 'NetworkPolicy')
      .flatMap((policy) => list(policy, 'spec', 'egress'))
      .flatMap((rule) => list(rule, 'to'))
      .map((peer) => record(peer, 'ipBlock'))
      .filter((block) => Object.keys(block).length > 0);
    expect(blocks).toEqual([
      { cidr: '169.254.0.0/16', except: ['169.254.169.254/32'] },
      { cidr: '0.0.0.0/0', except: ['169.254.169.254/32', '168.63.129.16/32'] },
      { cidr: '::/0', except: ['fd00:ec2::254/128'] },
    ]);
  });
});

describe('loadManifests', () => {
  it('gives the same objects as kustomize does', () => {
    expect(local.map((object) => `${text(object, 'kind')} ${namespaceOf(object)}/${nameOf(object)}`).sort()).toEqual([
      'LimitRange mayfly-agents/mayfly-agents',
      'Namespace /mayfly-agents',
      'Namespace /mayfly-system',
      'NetworkPolicy mayfly-agents/mayfly-allow-dns',
      'NetworkPolicy mayfly-agents/mayfly-default-deny',
      'NetworkPolicy mayfly-agents/mayfly-open-egress',
      'ResourceQuota mayfly-agents/mayfly-agents',
      'Role mayfly-agents/mayfly-control-plane',
      'RoleBinding mayfly-agents/mayfly-control-plane',
      'RoleBinding mayfly-agents/mayfly-control-plane-in-cluster',
      'RoleBinding mayfly-agents/mayfly-control-plane-local',
      'ServiceAccount mayfly-agents/default',
      'ServiceAccount mayfly-agents/mayfly-agent',
      'ServiceAccount mayfly-system/mayfly-control-plane',
    ]);
  });

  it('refuses a directory without a kustomization', () => {
    expect(() => loadManifests(directory('overlays'))).toThrow('kustomization.yaml');
  });
});
