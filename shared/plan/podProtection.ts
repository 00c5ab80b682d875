/** What a template's `pod` block may not touch, each with the reason; the list is closed. */
import { agentContainer } from '../domain/containers.ts';
import type { JsonObject, JsonValue } from '../domain/json.ts';
import { isJsonObject } from '../domain/json.ts';
import { noToken, overlaps, type Place } from './podRefusals.ts';

export { agentContainer };
/** The volume of the agent's files, of which one is its private key. */
export const agentFilesVolume = 'agent-files';
export const agentFilesFolder = '/mayfly/agent';

interface Protection {
  readonly path: string;
  readonly rule: string;
}

const oneRun = 'is fixed: one agent runs once, and a restarted one finds its session taken';
const field = (name: string): string => `is set by the template's own ${name}`;
const agent = `containers[${agentContainer}]`;

export const protectedPaths: readonly Protection[] = [
  { path: 'restartPolicy', rule: oneRun },
  { path: 'activeDeadlineSeconds', rule: 'is refused: it kills running pipeline jobs' },
  { path: 'terminationGracePeriodSeconds', rule: field('terminationGrace') },
  { path: 'automountServiceAccountToken', rule: noToken },
  { path: 'serviceAccount', rule: 'is the old name of serviceAccountName' },
  { path: 'enableServiceLinks', rule: 'is fixed: each link would become a capability of the agent' },
  { path: 'hostNetwork', rule: 'is refused: it lifts the pod out of every network policy' },
  { path: 'hostPID', rule: 'is refused: it shows the processes of the node' },
  { path: 'hostIPC', rule: 'is refused: it shares the memory of the node' },
  { path: 'shareProcessNamespace', rule: "is refused: it shows the agent's files to the other containers" },
  { path: 'ephemeralContainers', rule: 'is refused: they cannot be part of a new pod' },
  { path: 'os', rule: field('os') },
  { path: 'nodeName', rule: 'is refused: it goes past the scheduler' },
  { path: 'nodeSelector.kubernetes.io/os', rule: field('os') },
  { path: 'nodeSelector.kubernetes.io/arch', rule: field('architecture') },
  { path: `volumes[${agentFilesVolume}]`, rule: "is fixed: it holds the agent's credentials" },
  { path: `${agent}.image`, rule: field('image') },
  { path: 'volumes[work].persistentVolumeClaim', rule: 'is refused: agents would work in one folder; use ephemeral' },
  { path: `${agent}.command`, rule: 'is fixed: the entrypoint of the image handles credentials and signals' },
  { path: `${agent}.args`, rule: 'is fixed: the entrypoint of the image handles credentials and signals' },
  { path: `${agent}.envFrom`, rule: 'is refused: names unknown here could not be kept from the capabilities' },
  { path: `${agent}.livenessProbe`, rule: 'is refused: a failing probe would kill a running pipeline job' },
  { path: `${agent}.startupProbe`, rule: 'is refused: a failing probe would kill a running pipeline job' },
  { path: `${agent}.restartPolicy`, rule: oneRun },
  { path: `${agent}.restartPolicyRules`, rule: oneRun },
  { path: `${agent}.lifecycle`, rule: 'is refused: a hook that waits or fails keeps the entrypoint from its signals' },
  { path: `${agent}.terminationMessagePath`, rule: 'is fixed: a file mounted there could hide one of the agent' },
  { path: `${agent}.resources.requests.cpu`, rule: field('cpu') },
  { path: `${agent}.resources.requests.memory`, rule: field('memory') },
  { path: `${agent}.resources.limits.memory`, rule: field('memory') },
  { path: `${agent}.securityContext.privileged`, rule: 'is refused: steps would own the node' },
  { path: `${agent}.env[agent.disableupdate]`, rule: 'is fixed: an update inside a single-use agent is lost with it' },
];

const rules: ReadonlyMap<string, string> = new Map(protectedPaths.map(({ path, rule }) => [path, rule]));

/** The rule that keeps this very path; undefined = it may be overridden. */
export function protectionOf(path: string): string | undefined {
  return rules.get(path);
}

/** The volume of the files is for `agent` alone; and a mount of `agent` at, above or below its files hides or replaces them. */
export function refusedMount({ key, path }: Pick<Place, 'key' | 'path'>, value: JsonValue): string | undefined {
  if (key !== 'volumeMounts' || !isJsonObject(value)) return undefined;
  if (value['name'] === agentFilesVolume) return "is refused: only the agent reads the agent's credentials";
  const mountPath = value['mountPath'];
  const hides = path.startsWith(`${agent}.`) && typeof mountPath === 'string' && overlaps(mountPath, agentFilesFolder);
  return hides ? "is refused: it hides the agent's credentials" : undefined;
}

/** For people, and safe to show: structure of objects and lists, the beginning of a text. */
export function describeFound(value: JsonValue): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (isJsonObject(value)) return describeObject(value);
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}… (${text.length} characters)` : text;
}

function describeObject(value: JsonObject): string {
  const keys = Object.keys(value);
  const shown = keys.slice(0, 5).join(', ');
  return keys.length === 0 ? 'an empty object' : `an object with ${shown}${keys.length > 5 ? ', …' : ''}`;
}
