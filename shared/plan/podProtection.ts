/** What a template's `pod` block may not touch, each with the reason; the list is closed. */
import type { JsonObject, JsonValue } from '../domain/json.ts';
import { isJsonObject } from '../domain/json.ts';
import {
  agentContainer,
  agentFilesFolder,
  agentFilesVolume,
  agentImageFolder,
  caVolume,
  injectContainer,
  injectVolume,
  registerContainer,
  registrationFolder,
  registrationVolume,
  runFolder,
  runVolume,
} from './podPlaces.ts';
import { noToken, overlaps, type Place } from './podRefusals.ts';

export { agentFilesVolume };

interface Protection {
  readonly path: string;
  readonly rule: string;
}

const oneRun = 'is fixed: one agent runs once, and a restarted one finds its session taken';
const field = (name: string): string => `is set by the template's own ${name}`;
const agent = `containers[${agentContainer}]`;
const holdsCredentials = "is fixed: it holds the agent's credentials";
const holdsPoolCredential = "is fixed: it holds the pool's credential";
const oneUser = "is fixed: the agent's files are readable to the user of the agent image alone";

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
  { path: 'securityContext.runAsUser', rule: oneUser },
  { path: `volumes[${agentFilesVolume}]`, rule: holdsCredentials },
  { path: `volumes[${runVolume}]`, rule: holdsCredentials },
  { path: `volumes[${registrationVolume}]`, rule: holdsPoolCredential },
  { path: `volumes[${injectVolume}]`, rule: 'is fixed: it holds the agent that runs' },
  { path: `volumes[${caVolume}]`, rule: field('caBundle') },
  { path: `initContainers[${registerContainer}]`, rule: "is Mayfly's own: it holds the pool's credential" },
  { path: `initContainers[${injectContainer}]`, rule: field('inject') },
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
  { path: `${agent}.securityContext.runAsUser`, rule: oneUser },
  { path: `${agent}.securityContext.privileged`, rule: 'is refused: steps would own the node' },
  { path: `${agent}.env[agent.disableupdate]`, rule: 'is fixed: an update inside a single-use agent is lost with it' },
];

const rules: ReadonlyMap<string, string> = new Map(protectedPaths.map(({ path, rule }) => [path, rule]));

/** The rule that keeps this very path; undefined = it may be overridden. */
export function protectionOf(path: string): string | undefined {
  return rules.get(path);
}

const othersCredentials = "is refused: only the agent reads the agent's credentials";
const poolCredential = "is refused: no step may reach the pool's credential";

/** Volumes that no container but Mayfly's own mounts. */
const privateVolumes: ReadonlyMap<JsonValue | undefined, string> = new Map([
  [agentFilesVolume, othersCredentials],
  [runVolume, othersCredentials],
  [registrationVolume, poolCredential],
  [injectVolume, 'is refused: it holds the agent that runs'],
]);

/** A mount of `agent` at, above or below one of these hides or replaces what is there. */
const privateFolders: readonly (readonly [string, string])[] = [
  [agentFilesFolder, "is refused: it hides the agent's credentials"],
  [runFolder, "is refused: it hides the agent's credentials"],
  [registrationFolder, poolCredential],
  [agentImageFolder, 'is refused: it hides the agent'],
];

/** The volumes and folders of the agent are its own, whoever else mounts or hides them. */
export function refusedMount({ key, path }: Pick<Place, 'key' | 'path'>, value: JsonValue): string | undefined {
  if (key !== 'volumeMounts' || !isJsonObject(value)) return undefined;
  const { name, mountPath } = value;
  const refused = privateVolumes.get(name);
  if (refused !== undefined) return refused;
  if (!path.startsWith(`${agent}.`) || typeof mountPath !== 'string') return undefined;
  return privateFolders.find(([folder]) => overlaps(mountPath, folder))?.[1];
}

/**
 * Variables that give orders to the entrypoint, or arguments to config.sh. In any case: the agent compares the
 * beginning of names without regard to it (CommandSettings.cs).
 */
export function refusedVariable({ key, path }: Pick<Place, 'key' | 'path'>, value: JsonValue): string | undefined {
  if (key !== 'env' || !isJsonObject(value) || !path.startsWith(`${agent}.`)) return undefined;
  const { name } = value;
  return typeof name === 'string' && /^(MAYFLY_|VSTS_AGENT_INPUT_)/i.test(name)
    ? "is Mayfly's own: it would change how the agent is registered and run"
    : undefined;
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
