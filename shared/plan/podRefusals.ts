/**
 * Refusals that go by what a pod block says rather than where: the same sentence is as bad in a sidecar. Whoever may
 * push code to a pool runs it beside these containers, so what one of them may do a step can have done.
 */
import { agentContainer } from '../domain/containers.ts';
import type { JsonValue } from '../domain/json.ts';
import { isJsonObject } from '../domain/json.ts';

export interface Place {
  readonly key: string;
  readonly path: string;
  /** The pod has a user namespace of its own: root in it is nobody on the node. */
  readonly ownUsers: boolean;
}

export const noToken = 'is fixed: no pipeline step may hold a token for the API server';

export function refusedEverywhere(place: Place, value: JsonValue): string | undefined {
  if (value === null) return 'must not be null';
  const rule = Object.hasOwn(byKey, place.key) ? byKey[place.key] : undefined;
  return rule?.(value, place) ?? refusedReference(place.key, value);
}

type Rule = (value: JsonValue, place: Place) => string | undefined;

const always =
  (rule: string): Rule =>
  () =>
    rule;

const byKey: Readonly<Record<string, Rule>> = {
  hostPath: always('is refused: it hands files or sockets of the node to every step'),
  gitRepo: always('is refused: the node runs git, and with it hooks of the repository, as root'),
  restartPolicyRules: always('is refused: a rule may restart the agent, which finds its session taken'),
  hostProcess: (value) => (value === false ? undefined : 'is refused: steps would own the node'),
  hostPort: (value) => (value === 0 ? undefined : 'is refused: it opens a port of the node'),
  privileged: (value, { ownUsers }) =>
    value === false || ownUsers ? undefined : 'is refused unless hostUsers is false: steps would own the node',
  add: addedCapabilities,
  priorityClassName: (value) =>
    typeof value === 'string' && value.startsWith('system-')
      ? 'is refused: agents would evict what the node needs to run'
      : undefined,
  containers: otherContainer,
  serviceAccountToken: (value) => (isJsonObject(value) && !isForOutside(value['audience']) ? tokenRule : undefined),
  signerName: (value, { path }) =>
    path.endsWith('.podCertificate.signerName') && typeof value === 'string' && value.startsWith('kubernetes.io/')
      ? 'is refused: the API server takes such a certificate for the pod'
      : undefined,
};

/** Pod Security Standards, baseline (kubernetes.io/docs/concepts/security/pod-security-standards, 2026-11). */
const harmless =
  'AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT';
const isHarmless = (capability: JsonValue): boolean => harmless.split(' ').some((each) => each === capability);

function addedCapabilities(value: JsonValue, { path, ownUsers }: Place): string | undefined {
  const isList = path.endsWith('capabilities.add') && Array.isArray(value);
  return !isList || ownUsers || value.every(isHarmless)
    ? undefined
    : `must be among ${harmless.replaceAll(' ', ', ')} unless hostUsers is false`;
}

/** Nothing in a pod tells a second main container that the agent has ended, and the Job would wait for it for ever. */
function otherContainer(value: JsonValue, { path }: Place): string | undefined {
  return path.startsWith('containers[') && isJsonObject(value) && value['name'] !== agentContainer
    ? 'must stand in initContainers, with restartPolicy Always to run beside the agent: such end with it'
    : undefined;
}

/**
 * Audiences of clouds and vaults that exchange a token of the cluster for one of their own. A closed list: which
 * audiences an API server takes for its own is its own affair (--api-audiences).
 */
const audiences = ['api://AzureADTokenExchange', 'sts.amazonaws.com', '//iam.googleapis.com/', 'vault', 'sigstore'];
const tokenRule = `must have an audience outside of the cluster (${audiences.join(', ')})`;

function isForOutside(audience: JsonValue | undefined): boolean {
  if (typeof audience !== 'string') return false;
  // The sovereign clouds of Azure end differently, the pools of Google have paths.
  return (
    audiences.includes(audience) || /^(api:\/\/AzureADTokenExchange\w*|\/\/iam\.googleapis\.com\/.+)$/.test(audience)
  );
}

/** Keys under which a pod names a Secret, whole or by reference. */
const secretReferences: ReadonlySet<string> = new Set([
  'secretRef',
  'secretKeyRef',
  'secret',
  'nodePublishSecretRef',
  'imagePullSecrets',
]);

/** Our Secrets share the prefix of our names: a template that reads one reads the credentials of another agent. */
function refusedReference(key: string, value: JsonValue): string | undefined {
  return referredSecrets(key, value).some(isOurs)
    ? 'is refused: Secrets that begin with mf- hold the credentials of agents'
    : undefined;
}

const isOurs = (name: JsonValue | undefined): boolean => typeof name === 'string' && name.startsWith('mf-');

function referredSecrets(key: string, value: JsonValue): readonly (JsonValue | undefined)[] {
  // Of volumes of Azure Files, wherever they stand.
  if (key === 'secretName') return [value];
  if (!isJsonObject(value)) return [];
  // Each driver has names of its own for them.
  if (key === 'volumeAttributes') return Object.values(value);
  return secretReferences.has(key) ? [value['secretName'], value['name']] : [];
}

/** True where a mount at one of these paths would hide the other, wholly or in part. Of Windows paths too. */
export function overlaps(a: string, b: string): boolean {
  const [left, right] = [folder(a), folder(b)];
  return left.startsWith(right) || right.startsWith(left);
}

/** As the container runtime reads it: relative to the root, "." and ".." resolved, drive C where none is given. */
function folder(path: string): string {
  const parts: string[] = [];
  for (const part of path.replace(/^c:/i, '').toLowerCase().split(/[/\\]/)) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts
    .map((part) => `/${part}`)
    .join('')
    .concat('/');
}
