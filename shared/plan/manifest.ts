/**
 * The only author of the Kubernetes objects that an agent job consists of. The Job is born suspended: it has no pod
 * until its creator has registered the agent, stored its files and moved the phase. Nothing in it can restart a
 * container, end one early or give a step more than this one agent's own credentials.
 */
import type { AgentJobPurpose } from '../domain/agentJob.ts';
import type { EpochMs } from '../domain/instant.ts';
import type { JsonObject } from '../domain/json.ts';
import { annotations, formatInstant, labelSchema, labels, managedBy } from '../domain/names.ts';
import type { ChosenParameters, PoolPolicy, Template } from '../domain/template.ts';
import { type AgentRegistration, buildAgentPodSpec, generatedPodSpec } from './manifestPod.ts';
import { buildAgentSecretManifest, buildRegistrationSecretManifest } from './manifestSecrets.ts';
import { agentFilesVolume } from './podPlaces.ts';

export {
  type AgentRegistration,
  agentFilesVolume,
  buildAgentPodSpec,
  buildAgentSecretManifest,
  buildRegistrationSecretManifest,
  generatedPodSpec,
};

/** Collects Jobs that no control plane lives to delete; all others are deleted or kept as tombstones by us. */
const ttlSeconds = 86_400;

export interface AgentJobSpec {
  readonly policy: PoolPolicy;
  readonly template: Template;
  readonly name: string;
  readonly purpose: AgentJobPurpose;
  readonly parameters?: ChosenParameters;
  /** The creator's random nonce. */
  readonly creator: string;
  /** Both are Azure DevOps' time. */
  readonly createdAt: EpochMs;
  readonly createBy: EpochMs;
  readonly namespace: string;
  /** Since when its image has been the candidate that it is to prove. */
  readonly candidate?: EpochMs | undefined;
  /** Absent = the control plane registers the agent. */
  readonly registration?: AgentRegistration;
}

/** The Job of step 1: suspended, phase `creating`. Protected parts of the template's pod block are not applied. */
export function buildAgentJobManifest(spec: AgentJobSpec): JsonObject {
  const marks = agentJobLabels(spec);
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: spec.name,
      namespace: spec.namespace,
      labels: marks,
      annotations: {
        [annotations.phase]: 'creating',
        [annotations.creator]: spec.creator,
        [annotations.createdAt]: formatInstant(spec.createdAt),
        [annotations.createBy]: formatInstant(spec.createBy),
        [annotations.image]: spec.template.image,
        ...(spec.candidate === undefined ? {} : { [annotations.candidate]: formatInstant(spec.candidate) }),
        ...chosenAnnotation(spec.parameters ?? {}),
      },
    },
    spec: {
      suspend: true,
      completions: 1,
      parallelism: 1,
      backoffLimit: 0,
      // The default starts a second pod while the first is still being deleted: two agents under one name.
      podReplacementPolicy: 'Failed',
      ttlSecondsAfterFinished: ttlSeconds,
      template: {
        metadata: {
          labels: { ...spec.template.podLabels, ...marks },
          annotations: {
            ...spec.template.podAnnotations,
            'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false',
            'karpenter.sh/do-not-disrupt': 'true',
          },
        },
        spec: buildAgentPodSpec(spec.template, spec.name, spec.registration),
      },
    },
  };
}

function chosenAnnotation({ cpu, memory, image }: ChosenParameters): Readonly<Record<string, string>> {
  const chosen = { cpu, memory, image };
  const isNothing = Object.values(chosen).every((value) => value === undefined);
  return isNothing ? {} : { [annotations.parameters]: JSON.stringify(chosen) };
}

/** The labels of an agent job, its pod and its Secret: the parts of the name, for selectors and people. */
export function agentJobLabels(spec: Pick<AgentJobSpec, 'policy' | 'template' | 'purpose'>): Record<string, string> {
  const { policy, template, purpose } = spec;
  const parts =
    purpose.kind === 'request'
      ? { [labels.requestId]: String(purpose.requestId), [labels.attempt]: String(purpose.attempt) }
      : { [labels.slot]: String(purpose.slot), [labels.minute]: String(purpose.minute) };
  return {
    [labels.managedBy]: managedBy,
    [labels.schema]: labelSchema,
    [labels.installation]: policy.installation,
    [labels.organisation]: policy.organisation.short,
    [labels.poolId]: String(policy.poolId),
    [labels.template]: template.name,
    [labels.purpose]: purpose.kind,
    ...parts,
  };
}
