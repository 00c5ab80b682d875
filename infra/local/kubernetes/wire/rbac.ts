/**
 * Role based access control: what no rule allows is refused. The objects are read anew for every question, so that a
 * role that a test creates over the wire counts at once.
 * Source: kubernetes.io/docs/reference/access-authn-authz/rbac.
 */
import type { JsonObject, JsonValue } from '../../../../shared/domain/json.ts';
import { list, nameOf, namespaceOf, record, text } from '../object.ts';
import { KubernetesStatus } from '../statusError.ts';
import { adminGroup, type Identity } from './identity.ts';

/** What is asked, in the words of the authorizer. */
export interface Attributes {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string | undefined;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
}

const strings = (value: JsonValue | undefined, key: string): readonly string[] => list(value, key).map(String);
const holds = (values: readonly string[], wanted: string): boolean => values.includes('*') || values.includes(wanted);

function resourceHolds(resources: readonly string[], asked: Attributes): boolean {
  if (asked.subresource === undefined) return holds(resources, asked.resource);
  const { resource, subresource } = asked;
  return holds(resources, `${resource}/${subresource}`) || resources.includes(`*/${subresource}`);
}

function ruleAllows(rule: JsonValue, asked: Attributes): boolean {
  const names = strings(rule, 'resourceNames');
  return (
    holds(strings(rule, 'verbs'), asked.verb) &&
    holds(strings(rule, 'apiGroups'), asked.group) &&
    resourceHolds(strings(rule, 'resources'), asked) &&
    // A rule with names never allows what has no name yet: create, and list without a selector by name.
    (names.length === 0 || (asked.name !== undefined && names.includes(asked.name)))
  );
}

/** A service account is a user with this name. */
const accountUser = (namespace: string, name: string): string => `system:serviceaccount:${namespace}:${name}`;

function isSubject(subject: JsonValue, binding: JsonObject, identity: Identity): boolean {
  const name = text(subject, 'name') ?? '';
  const kind = text(subject, 'kind');
  if (kind === 'User') return identity.user === name;
  if (kind === 'Group') return identity.groups.includes(name);
  if (kind !== 'ServiceAccount') return false;
  return identity.user === accountUser(text(subject, 'namespace') ?? namespaceOf(binding), name);
}

/** A binding of a namespace counts there only, and names a Role of it or a ClusterRole. */
function rolesBound(objects: readonly JsonObject[], identity: Identity, namespace: string | undefined): JsonObject[] {
  const counts = (object: JsonObject): boolean =>
    text(object, 'kind') === 'ClusterRoleBinding' ||
    (text(object, 'kind') === 'RoleBinding' && namespaceOf(object) === namespace);
  return objects.filter(counts).flatMap((binding) => {
    if (!list(binding, 'subjects').some((subject) => isSubject(subject, binding, identity))) return [];
    const { kind, name } = record(binding, 'roleRef');
    return objects.filter(
      (role) =>
        text(role, 'kind') === kind &&
        nameOf(role) === name &&
        (kind === 'ClusterRole' || namespaceOf(role) === namespaceOf(binding)),
    );
  });
}

export function isAllowed(objects: readonly JsonObject[], identity: Identity, asked: Attributes): boolean {
  if (identity.groups.includes(adminGroup)) return true;
  const roles = rolesBound(objects, identity, asked.namespace);
  return roles.some((role) => list(role, 'rules').some((rule) => ruleAllows(rule, asked)));
}

/** The wording that kube-apiserver v1.36.2 answers (recorded: "rbac: ..."). */
export function forbiddenRequest(identity: Identity, asked: Attributes): KubernetesStatus {
  const { group, resource, name } = asked;
  const qualified = group === '' ? resource : `${resource}.${group}`;
  const subject = name === undefined ? qualified : `${qualified} "${name}"`;
  const target = asked.subresource === undefined ? resource : `${resource}/${asked.subresource}`;
  const where = asked.namespace === undefined ? 'at the cluster scope' : `in the namespace "${asked.namespace}"`;
  const what = `User "${identity.user}" cannot ${asked.verb} resource "${target}" in API group "${group}" ${where}`;
  const details = { ...(name === undefined ? {} : { name }), ...(group === '' ? {} : { group }), kind: resource };
  return new KubernetesStatus({ code: 403, reason: 'Forbidden', message: `${subject} is forbidden: ${what}`, details });
}

/** For a path that is no resource, which only the unauthenticated are refused here. */
export function forbiddenPath(identity: Identity, verb: string, path: string): KubernetesStatus {
  const message = `forbidden: User "${identity.user}" cannot ${verb} path "${path}"`;
  return new KubernetesStatus({ code: 403, reason: 'Forbidden', message, details: {} });
}
