import { describe, expect, it } from 'vitest';
import { type Attributes, forbiddenRequest, isAllowed } from '../../../../../../infra/local/kubernetes/wire/rbac.ts';
import type { JsonObject } from '../../../../../../shared/domain/json.ts';

const role = (kind: string, namespace: string, ...rules: readonly JsonObject[]): JsonObject => ({
  kind,
  metadata: { name: 'role', namespace },
  rules,
});
const binding = (kind: string, namespace: string, roleKind: string, subject: JsonObject): JsonObject => ({
  kind,
  metadata: { name: 'binding', namespace },
  roleRef: { kind: roleKind, name: 'role' },
  subjects: [subject],
});
const ann: JsonObject = { kind: 'User', name: 'ann' };
const rule = (overrides: JsonObject = {}): JsonObject => ({
  apiGroups: [''],
  resources: ['configmaps'],
  verbs: ['get'],
  ...overrides,
});
const asked = (overrides: Partial<Attributes> = {}): Attributes => ({
  verb: 'get',
  group: '',
  resource: 'configmaps',
  namespace: 'a',
  name: 'one',
  ...overrides,
});

interface Row {
  readonly name: string;
  readonly given: { readonly objects: readonly JsonObject[]; readonly asked?: Attributes };
  readonly want: boolean;
}

const bound = (given: JsonObject): readonly JsonObject[] => [
  role('Role', 'a', given),
  binding('RoleBinding', 'a', 'Role', ann),
];

describe('isAllowed', () => {
  const rows: readonly Row[] = [
    { name: 'refuses without any rule', given: { objects: [] }, want: false },
    { name: 'allows what a bound Role says', given: { objects: bound(rule()) }, want: true },
    {
      name: 'refuses a verb that it does not say',
      given: { objects: bound(rule()), asked: asked({ verb: 'list' }) },
      want: false,
    },
    {
      name: 'refuses another API group',
      given: { objects: bound(rule()), asked: asked({ group: 'batch' }) },
      want: false,
    },
    {
      name: 'refuses another namespace',
      given: { objects: bound(rule()), asked: asked({ namespace: 'b' }) },
      want: false,
    },
    {
      name: 'refuses a Role of another namespace that a binding names',
      given: { objects: [role('Role', 'b', rule()), binding('RoleBinding', 'a', 'Role', ann)] },
      want: false,
    },
    { name: 'allows every verb to a star', given: { objects: bound(rule({ verbs: ['*'] })) }, want: true },
    { name: 'allows the one name of a rule', given: { objects: bound(rule({ resourceNames: ['one'] })) }, want: true },
    { name: 'refuses another name', given: { objects: bound(rule({ resourceNames: ['two'] })) }, want: false },
    {
      name: 'refuses what has no name to a rule with names',
      given: {
        objects: bound(rule({ verbs: ['list'], resourceNames: ['one'] })),
        asked: { verb: 'list', group: '', resource: 'configmaps', namespace: 'a' },
      },
      want: false,
    },
    {
      name: 'refuses a subresource to a rule about the resource',
      given: { objects: bound(rule()), asked: asked({ subresource: 'status' }) },
      want: false,
    },
    {
      name: 'allows a subresource that is named',
      given: { objects: bound(rule({ resources: ['configmaps/status'] })), asked: asked({ subresource: 'status' }) },
      want: true,
    },
    {
      name: 'allows a ClusterRole inside the namespace that binds it',
      given: { objects: [role('ClusterRole', '', rule()), binding('RoleBinding', 'a', 'ClusterRole', ann)] },
      want: true,
    },
    {
      name: 'allows everywhere what is bound to the cluster',
      given: {
        objects: [role('ClusterRole', '', rule()), binding('ClusterRoleBinding', '', 'ClusterRole', ann)],
        asked: asked({ namespace: 'b' }),
      },
      want: true,
    },
    {
      name: 'allows the groups of a user',
      given: {
        objects: [role('Role', 'a', rule()), binding('RoleBinding', 'a', 'Role', { kind: 'Group', name: 'team' })],
      },
      want: true,
    },
    {
      name: 'refuses a user who bears the name of a group',
      given: {
        objects: [role('Role', 'a', rule()), binding('RoleBinding', 'a', 'Role', { kind: 'Group', name: 'ann' })],
      },
      want: false,
    },
  ];
  it.each(rows)('$name', ({ given, want }) => {
    expect(isAllowed(given.objects, { user: 'ann', groups: ['team'] }, given.asked ?? asked())).toBe(want);
  });

  it('asks no rule about an administrator', () => {
    expect(isAllowed([], { user: 'ann', groups: ['system:masters'] }, asked())).toBe(true);
  });
});

describe('forbiddenRequest', () => {
  it('names the object, the subresource and the namespace', () => {
    const refused = forbiddenRequest({ user: 'ann', groups: [] }, asked({ resource: 'pods', subresource: 'log' }));
    expect(refused.message).toBe(
      'pods "one" is forbidden: User "ann" cannot get resource "pods/log" in API group "" in the namespace "a"',
    );
  });
});
