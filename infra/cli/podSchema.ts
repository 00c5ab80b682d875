/**
 * The JSON Schema of a pod spec, read off the models that the Kubernetes SDK generates from the published OpenAPI: the
 * version that we check against is the one whose client we ship, and an update of the SDK renews both.
 */
import { readFile } from 'node:fs/promises';
import * as sdk from '@kubernetes/client-node';
import type { JsonObject } from '../../shared/domain/json.ts';

const models = new URL('../../node_modules/@kubernetes/client-node/dist/gen/models/', import.meta.url);

interface Attribute {
  readonly name: string;
  readonly baseName: string;
  readonly type: string;
  readonly format: string;
}

/** Resource quantities, which the generated models call strings; the server reads numbers too. */
const quantities: ReadonlySet<string> = new Set([
  'V1EmptyDirVolumeSource.sizeLimit',
  'V1ResourceFieldSelector.divisor',
  'V1PodSpec.overhead',
  'V1ResourceRequirements.limits',
  'V1ResourceRequirements.requests',
  'V1VolumeResourceRequirements.limits',
  'V1VolumeResourceRequirements.requests',
]);

/** k8s.io/apimachinery/pkg/api/resource, ParseQuantity. */
const quantity: JsonObject = {
  type: ['string', 'number'],
  pattern: '^[+-]?(\\d+(\\.\\d*)?|\\.\\d+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?\\d+)?$',
};

/** The specification names them in prose only. Source: k8s.io/api/core/v1 v1.36, constants of these types. */
const choices: Readonly<Record<string, string>> = {
  'V1PodSpec.restartPolicy': 'Always OnFailure Never',
  'V1PodSpec.dnsPolicy': 'ClusterFirst ClusterFirstWithHostNet Default None',
  'V1PodSpec.preemptionPolicy': 'PreemptLowerPriority Never',
  'V1PodOS.name': 'linux windows',
  'V1Container.imagePullPolicy': 'Always IfNotPresent Never',
  'V1Container.restartPolicy': 'Always OnFailure Never',
  'V1Container.terminationMessagePolicy': 'File FallbackToLogsOnError',
  'V1ContainerPort.protocol': 'TCP UDP SCTP',
  'V1VolumeMount.mountPropagation': 'None HostToContainer Bidirectional',
  'V1VolumeMount.recursiveReadOnly': 'Disabled IfPossible Enabled',
  'V1Toleration.operator': 'Exists Equal Lt Gt',
  'V1Toleration.effect': 'NoSchedule PreferNoSchedule NoExecute',
  'V1NodeSelectorRequirement.operator': 'In NotIn Exists DoesNotExist Gt Lt',
  'V1LabelSelectorRequirement.operator': 'In NotIn Exists DoesNotExist',
  'V1TopologySpreadConstraint.whenUnsatisfiable': 'DoNotSchedule ScheduleAnyway',
  'V1TopologySpreadConstraint.nodeAffinityPolicy': 'Honor Ignore',
  'V1TopologySpreadConstraint.nodeTaintsPolicy': 'Honor Ignore',
  'V1PodSecurityContext.fsGroupChangePolicy': 'OnRootMismatch Always',
  'V1PodSecurityContext.supplementalGroupsPolicy': 'Merge Strict',
  'V1SeccompProfile.type': 'RuntimeDefault Unconfined Localhost',
  'V1AppArmorProfile.type': 'RuntimeDefault Unconfined Localhost',
  'V1SecurityContext.procMount': 'Default Unmasked',
  'V1PersistentVolumeClaimSpec.volumeMode': 'Filesystem Block',
  'V1ImageVolumeSource.pullPolicy': 'Always IfNotPresent Never',
};

/** Every type that a pod spec can reach, under its name without the version that the SDK puts before it. */
export async function derivePodSchema(): Promise<JsonObject> {
  const definitions = new Map<string, JsonObject>();
  const open = ['V1PodSpec'];
  for (let type = open.pop(); type !== undefined; type = open.pop()) {
    if (definitions.has(type)) continue;
    const attributes = attributesOf(type);
    const required = await requiredOf(type, attributes);
    const properties = attributes.map((each) => [each.baseName, schemaOf(`${type}.${each.name}`, each, open)] as const);
    definitions.set(type, {
      type: 'object',
      properties: Object.fromEntries(properties),
      ...(required.length === 0 ? {} : { required }),
      additionalProperties: false,
    });
  }
  const sorted = [...definitions].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'PodSpec of Kubernetes release-1.36',
    $comment: 'Derived from the OpenAPI specification of Kubernetes (Apache-2.0), see infra/cli/podSchema.ts.',
    $ref: '#/definitions/PodSpec',
    definitions: Object.fromEntries(sorted.map(([type, definition]) => [plain(type), definition])),
  };
}

const plain = (type: string): string => type.replace(/^(Core)?V1/, '');

function attributesOf(type: string): readonly Attribute[] {
  const model: unknown = Reflect.get(sdk, type);
  if (typeof model !== 'function') throw new Error(`the SDK has no model ${type}`);
  return Reflect.get(model, 'attributeTypeMap') as readonly Attribute[];
}

/** Only the declarations tell: an optional property bears a question mark. */
async function requiredOf(type: string, attributes: readonly Attribute[]): Promise<readonly string[]> {
  const declaration = await readFile(new URL(`${type}.d.ts`, models), 'utf8');
  return attributes.filter(({ name }) => declaration.includes(`    '${name}': `)).map(({ baseName }) => baseName);
}

function schemaOf(place: string, { type, format }: Attribute, open: string[]): JsonObject {
  if (quantities.has(place)) return type === 'string' ? quantity : { type: 'object', additionalProperties: quantity };
  const choice = choices[place];
  if (choice !== undefined) return { type: 'string', enum: choice.split(' ') };
  return schemaOfType(type, format, open);
}

/** Managed fields are any JSON; nobody writes them. */
const scalars: Readonly<Record<string, JsonObject>> = {
  string: { type: 'string' },
  boolean: { type: 'boolean' },
  IntOrString: { type: ['integer', 'string'] },
  Date: { type: 'string' },
  object: { type: 'object' },
  any: { type: 'object' },
};

function schemaOfType(type: string, format: string, open: string[]): JsonObject {
  const item = /^Array<(.+)>$/.exec(type)?.[1];
  if (item !== undefined) return { type: 'array', items: schemaOfType(item, '', open) };
  const value = /^\{ \[key: string\]: (.+); \}$/.exec(type)?.[1];
  if (value !== undefined) return { type: 'object', additionalProperties: schemaOfType(value, '', open) };
  if (type === 'number') return { type: format.startsWith('int') ? 'integer' : 'number' };
  const scalar = scalars[type];
  if (scalar !== undefined) return scalar;
  open.push(type);
  return { $ref: `#/definitions/${plain(type)}` };
}
