/** Per resource: what is filled in, and what is refused on create and on update. */
import type { JsonObject } from '../../../shared/domain/json.ts';
import type { Random } from '../world/random.ts';
import {
  daemonSetDefaults,
  eventDefaults,
  jobDefaults,
  namespaceDefaults,
  networkPolicyDefaults,
  podDefaults,
  secretDefaults,
} from './defaults.ts';
import { at, nameOf, record, same, text, uidOf, withKeys } from './object.ts';
import type { ResourceName } from './resource.ts';
import type { StatusCause } from './statusError.ts';
import { invalidValue, notAllowed, unsupported } from './validation/cause.ts';
import { daemonSetCauses, daemonSetUpdateCauses } from './validation/daemonSet.ts';
import { configMapCauses, dataUpdateCauses, secretCauses } from './validation/data.ts';
import { jobCauses, jobUpdateCauses } from './validation/job.ts';
import { dnsLabelCauses, metadataCauses } from './validation/metadata.ts';
import { networkPolicyCauses } from './validation/networkPolicy.ts';
import { podSpecCauses } from './validation/podSpec.ts';

interface Strategy {
  readonly prepare?: (object: JsonObject, random: Random) => JsonObject;
  readonly prepareUpdate?: (after: JsonObject, before: JsonObject) => JsonObject;
  readonly validate?: (object: JsonObject) => readonly StatusCause[];
  readonly validateUpdate?: (before: JsonObject, after: JsonObject) => readonly StatusCause[];
}

const restartPolicies = ['Always', 'OnFailure', 'Never'];
const podUpdateRule =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,' +
  '`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),' +
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

function podCauses(pod: JsonObject): readonly StatusCause[] {
  const policy = text(pod, 'spec', 'restartPolicy') ?? '';
  const restart = restartPolicies.includes(policy) ? [] : [unsupported('spec.restartPolicy', policy, restartPolicies)];
  return [...podSpecCauses('spec', record(pod, 'spec')), ...restart];
}

/** A client of the main resource cannot touch the status. */
const keepsStatus = (after: JsonObject, before: JsonObject): JsonObject =>
  withKeys(after, { status: before['status'] });

const strategies: Partial<Record<ResourceName, Strategy>> = {
  namespaces: {
    prepare: namespaceDefaults,
    prepareUpdate: keepsStatus,
    validate: (namespace) => dnsLabelCauses('metadata.name', nameOf(namespace)),
  },
  jobs: { prepare: jobDefaults, prepareUpdate: keepsStatus, validate: jobCauses, validateUpdate: jobUpdateCauses },
  pods: {
    prepare: podDefaults,
    prepareUpdate: keepsStatus,
    validate: podCauses,
    validateUpdate: (before, after) => (same(before['spec'], after['spec']) ? [] : [notAllowed('spec', podUpdateRule)]),
  },
  daemonsets: {
    prepare: daemonSetDefaults,
    prepareUpdate: keepsStatus,
    validate: daemonSetCauses,
    validateUpdate: daemonSetUpdateCauses,
  },
  secrets: {
    prepare: secretDefaults,
    prepareUpdate: secretDefaults,
    validate: secretCauses,
    validateUpdate: dataUpdateCauses,
  },
  configmaps: { validate: configMapCauses, validateUpdate: dataUpdateCauses },
  networkpolicies: { prepare: networkPolicyDefaults, validate: networkPolicyCauses },
  events: { prepare: eventDefaults },
  resourcequotas: { prepare: (quota) => ({ ...quota, status: {} }), prepareUpdate: keepsStatus },
};

export function prepared(resource: ResourceName, object: JsonObject, random: Random): JsonObject {
  return strategies[resource]?.prepare?.(object, random) ?? object;
}

export function preparedUpdate(resource: ResourceName, after: JsonObject, before: JsonObject): JsonObject {
  return strategies[resource]?.prepareUpdate?.(after, before) ?? after;
}

export function createCauses(resource: ResourceName, object: JsonObject): readonly StatusCause[] {
  const metadata = metadataCauses(object);
  // Without a usable name the rest would only repeat it.
  if (nameOf(object) === '') return metadata;
  return [...metadata, ...(strategies[resource]?.validate?.(object) ?? [])];
}

function identityCauses(before: JsonObject, after: JsonObject): readonly StatusCause[] {
  if (uidOf(before) === uidOf(after)) return [];
  return [invalidValue('metadata.uid', at(after, 'metadata', 'uid') ?? null, 'field is immutable')];
}

export function updateCauses(resource: ResourceName, before: JsonObject, after: JsonObject): readonly StatusCause[] {
  const strategy = strategies[resource];
  // A Job names the consequences of another UID as well, in its own order.
  const identity = resource === 'jobs' ? [] : identityCauses(before, after);
  const own = strategy?.validateUpdate?.(before, after) ?? [];
  const whole = resource === 'jobs' && own.length > 0 ? [] : createCauses(resource, after);
  return [...identity, ...own, ...whole];
}
