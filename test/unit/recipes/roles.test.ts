import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';
import { list, nameOf, namespaceOf, record, scalar, text } from '../../../infra/local/kubernetes/object.ts';
import type { Identity } from '../../../infra/local/kubernetes/wire/identity.ts';
import { loadManifests } from '../../../infra/local/kubernetes/wire/manifests.ts';
import { isAllowed } from '../../../infra/local/kubernetes/wire/rbac.ts';
import type { JsonObject } from '../../../shared/domain/json.ts';
import { blocksOf, loadRecipes } from '../../support/recipes.ts';

const shipped = fileURLToPath(new URL('../../../infra/kubernetes/', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'mayfly-overlays-'));
afterAll(() => rmSync(scratch, { recursive: true }));

/** Everything at once: whatever adds up in one cluster must hold. */
const objects: readonly JsonObject[] = [
  ...readdirSync(join(shipped, 'overlays')).flatMap((overlay) => loadManifests(join(shipped, 'overlays', overlay))),
  ...readdirSync(join(shipped, 'components')).flatMap((each) => loadManifests(join(shipped, 'components', each))),
  ...overlaysOfRecipes().flatMap(loadManifests),
  ...loadRecipes().flatMap((recipe) => blocksOf(recipe, 'manifest')),
];

/** The kustomizations of the recipes, beside the shipped ones as a reader would put them. */
function overlaysOfRecipes(): readonly string[] {
  for (const name of ['base', 'components']) symlinkSync(join(shipped, name), join(scratch, name));
  return loadRecipes()
    .flatMap((recipe) => blocksOf(recipe, 'kustomization'))
    .map((kustomization, index) => {
      const directory = join(scratch, 'overlays', String(index));
      mkdirSync(directory, { recursive: true });
      writeFileSync(join(directory, 'kustomization.yaml'), stringify(kustomization));
      return directory;
    });
}

const ofKind = (kind: string, among = objects): readonly JsonObject[] =>
  among.filter((object) => text(object, 'kind') === kind);
const id = (object: JsonObject): string => `${namespaceOf(object)}/${nameOf(object)}`;
const unique = (values: readonly string[]): readonly string[] => [...new Set(values)].toSorted();

/** Where Mayfly makes agents, and with them their Secrets; and where it runs itself. */
const agentNamespaces = unique(
  ofKind('Role')
    .filter((role) => nameOf(role) === 'mayfly-control-plane')
    .map(namespaceOf),
);
/** What is built in the last of them is run by every agent: a right there is worth any Secret. */
const withSecretsOfOurs = [...agentNamespaces, 'mayfly-system', 'mayfly-image-builds'];
const namespaces = unique(ofKind('Namespace').map(nameOf));

/** Whom a pipeline can be: any account of a namespace in which its code runs, and what every such account is. */
const reachable: readonly Identity[] = namespaces
  .filter((namespace) => namespace !== 'mayfly-system')
  .flatMap((namespace) =>
    unique(['anything', ...ofKind('ServiceAccount').map(nameOf)]).map((account) => ({
      user: `system:serviceaccount:${namespace}:${account}`,
      groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
    })),
  );

const resources = [
  'pods pods/exec pods/attach pods/portforward pods/ephemeralcontainers pods/eviction secrets configmaps events',
  'serviceaccounts serviceaccounts/token replicationcontrollers batch/jobs batch/cronjobs apps/deployments',
  'apps/daemonsets apps/statefulsets apps/replicasets networking.k8s.io/networkpolicies',
  'rbac.authorization.k8s.io/roles rbac.authorization.k8s.io/rolebindings',
].flatMap((line) => line.split(' '));
const verbs = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection', 'bind', 'escalate'];

/** What pipelines may do in namespaces that hold anything of ours; each one is a hole. */
function holes(among: readonly JsonObject[]): readonly string[] {
  return withSecretsOfOurs.flatMap((namespace) =>
    reachable.flatMap((identity) =>
      resources.flatMap((resource) =>
        verbs
          .filter((verb) => isAllowed(among, identity, { verb, namespace, ...attributes(resource) }))
          .map((verb) => `${identity.user} may ${verb} ${resource} in ${namespace}`),
      ),
    ),
  );
}

/** "batch/jobs" is a resource of a group, "pods/exec" one below pods: groups of ours have dots or are named here. */
function attributes(resource: string) {
  const [first = '', second] = resource.split('/');
  const isGroup = first.includes('.') || ['batch', 'apps'].includes(first);
  if (isGroup) return { group: first, resource: second ?? '' };
  return { group: '', resource: first, ...(second === undefined ? {} : { subresource: second }) };
}

const binding = (subject: JsonObject, roleRef: JsonObject, kind = 'RoleBinding'): JsonObject => ({
  kind,
  metadata: { name: 'planted', ...(kind === 'RoleBinding' ? { namespace: 'mayfly-agents' } : {}) },
  subjects: [subject],
  roleRef,
});

describe('what a pipeline can reach', () => {
  it('may nothing at all where Secrets of Mayfly are', () => {
    expect(holes(objects)).toEqual([]);
  });

  const role = { kind: 'Role', name: 'mayfly-control-plane' };
  const account = (name: string, namespace: string): JsonObject => ({ kind: 'ServiceAccount', name, namespace });
  const planted: readonly { name: string; given: readonly JsonObject[]; want: RegExp }[] = [
    {
      name: "a binding of the agents' own account",
      given: [binding(account('mayfly-agent', 'mayfly-agents'), role)],
      want: /:mayfly-agents:mayfly-agent may get secrets in mayfly-agents$/,
    },
    {
      name: 'a binding of the account that pipelines use for builds',
      given: [binding(account('pipeline', 'mayfly-builds'), role)],
      want: /:mayfly-builds:pipeline may create batch\/jobs in mayfly-agents$/,
    },
    {
      name: 'a binding of all accounts, in the whole cluster',
      given: [
        binding(
          { kind: 'Group', name: 'system:serviceaccounts' },
          { kind: 'ClusterRole', name: 'all' },
          'ClusterRoleBinding',
        ),
        {
          kind: 'ClusterRole',
          metadata: { name: 'all' },
          rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }],
        },
      ],
      want: /:mayfly-buildkit:default may create pods\/exec in mayfly-system$/,
    },
  ];
  it.each(planted)('is found: $name', ({ given, want }) => {
    expect(holes([...objects, ...given])).toContainEqual(expect.stringMatching(want));
  });

  it('holds no token that Kubernetes mounts by itself', () => {
    const open = ofKind('ServiceAccount').filter((account) => account['automountServiceAccountToken'] !== false);
    const bare = namespaces.filter(
      (namespace) => !ofKind('ServiceAccount').some((each) => id(each) === `${namespace}/default`),
    );
    expect({ open: open.map(id), bare }).toEqual({ open: [], bare: ['mayfly-system'] });
  });
});

describe('every shipped Role', () => {
  it('has these bearers, or none', () => {
    const bearers = ofKind('RoleBinding').map((each) => {
      const subjects = list(each, 'subjects').map(
        (subject) =>
          `${text(subject, 'kind')} ${[text(subject, 'namespace'), text(subject, 'name')].filter(Boolean).join('/')}`,
      );
      return `${namespaceOf(each)}/${text(each, 'roleRef', 'name')}: ${subjects.join(', ')}`;
    });
    expect(unique(bearers)).toEqual([
      'mayfly-agents/mayfly-control-plane: Group mayfly-control-plane',
      'mayfly-agents/mayfly-control-plane: ServiceAccount mayfly-system/mayfly-control-plane',
      'mayfly-agents/mayfly-control-plane: User mayfly-local',
      'mayfly-agents/mayfly-pre-pull: Group mayfly-control-plane',
      'mayfly-builds/pipeline: ServiceAccount mayfly-builds/pipeline',
      'mayfly-image-builds/mayfly-image-builds: Group mayfly-control-plane',
      'mayfly-payments/mayfly-control-plane: Group mayfly-control-plane',
    ]);
  });

  it('holds in its namespace only, and names every verb and resource', () => {
    expect([...ofKind('ClusterRole'), ...ofKind('ClusterRoleBinding')]).toEqual([]);
    const rules = ofKind('Role').flatMap((each) => list(each, 'rules'));
    const words = rules.flatMap((rule) => ['apiGroups', 'resources', 'verbs'].flatMap((key) => list(rule, key)));
    expect(
      words.filter((word) => ['*', 'escalate', 'bind', 'impersonate', 'deletecollection'].includes(scalar(word))),
    ).toEqual([]);
  });

  it('lists no Secrets, makes no tokens and enters no pod', () => {
    const rules = ofKind('Role').flatMap((each) => list(each, 'rules'));
    const granted = rules.flatMap((rule) =>
      list(rule, 'resources').flatMap((resource) =>
        list(rule, 'verbs').map((verb) => `${scalar(verb)} ${scalar(resource)}`),
      ),
    );
    expect(granted.filter((each) => /^(list|watch) secrets$|serviceaccounts|^\w+ pods\/(?!log$)/.test(each))).toEqual(
      [],
    );
  });

  it('changes no Secret but those that it names', () => {
    const rules = ofKind('Role').flatMap((each) => list(each, 'rules'));
    const changing = rules.filter(
      (rule) =>
        list(rule, 'resources').includes('secrets') &&
        list(rule, 'verbs').some((verb) => ['patch', 'update'].includes(scalar(verb))),
    );
    expect(changing.filter((rule) => list(rule, 'resourceNames').length === 0)).toEqual([]);
    expect(unique(changing.flatMap((rule) => list(rule, 'resourceNames').map(scalar)))).toEqual(['mayfly-token']);
  });

  it('is read here: no object in any file is left out', () => {
    const files = readdirSync(shipped, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.yaml'));
    const written = files
      .flatMap((file) => parseAllDocuments(readFileSync(join(shipped, file), 'utf8')))
      .map((document) => document.toJS() as JsonObject)
      .filter((object) =>
        ['Role', 'RoleBinding', 'ClusterRole', 'ClusterRoleBinding', 'ServiceAccount'].includes(
          text(object, 'kind') ?? '',
        ),
      );
    const read = objects.map((object) => `${text(object, 'kind')} ${nameOf(object)}`);
    expect(
      written.map((object) => `${text(object, 'kind')} ${nameOf(object)}`).filter((each) => !read.includes(each)),
    ).toEqual([]);
  });
});

describe('namespaces', () => {
  it('enforce a pod security profile, the strictest where agents are', () => {
    const enforced = ofKind('Namespace').map((each) => {
      const profile = record(each, 'metadata', 'labels')['pod-security.kubernetes.io/enforce'];
      return `${nameOf(each)} ${scalar(profile)}`;
    });
    expect(unique(enforced)).toEqual([
      'mayfly-agents restricted',
      'mayfly-buildkit privileged',
      'mayfly-builds baseline',
      'mayfly-image-builds baseline',
      'mayfly-payments restricted',
      'mayfly-system restricted',
    ]);
  });
});
