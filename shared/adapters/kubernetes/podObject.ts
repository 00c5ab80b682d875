import { z } from 'zod';
import { agentContainer, registerContainer } from '../../domain/containers.ts';
import { instant } from './instants.ts';

const running = z.object({ startedAt: instant.nullish() });
const terminated = z.object({
  exitCode: z.number().int(),
  reason: z.string().optional(),
  message: z.string().optional(),
  startedAt: instant.nullish(),
  finishedAt: instant.nullish(),
});
const waiting = z.object({ reason: z.string().optional(), message: z.string().optional() });
const containerStatus = z.object({
  name: z.string(),
  started: z.boolean().nullish(),
  state: z
    .object({ running: running.optional(), terminated: terminated.optional(), waiting: waiting.optional() })
    .default({}),
});

const container = z.object({ name: z.string(), restartPolicy: z.string().optional() });

export const podSchema = z.object({
  metadata: z.object({
    name: z.string(),
    uid: z.string(),
    creationTimestamp: instant,
    deletionTimestamp: instant.nullish(),
    labels: z.record(z.string(), z.string()).default({}),
    ownerReferences: z.array(z.object({ uid: z.string() })).default([]),
  }),
  spec: z.object({
    nodeName: z.string().optional(),
    containers: z.array(container).min(1),
    initContainers: z.array(container).default([]),
  }),
  status: z
    .object({
      phase: z.enum(['Pending', 'Running', 'Succeeded', 'Failed', 'Unknown']).default('Pending'),
      reason: z.string().optional(),
      message: z.string().optional(),
      conditions: z
        .array(
          z.object({
            type: z.string(),
            status: z.string(),
            reason: z.string().optional(),
            message: z.string().optional(),
            lastTransitionTime: instant.nullish(),
          }),
        )
        .default([]),
      containerStatuses: z.array(containerStatus).default([]),
      initContainerStatuses: z.array(containerStatus).default([]),
    })
    .default({ phase: 'Pending', conditions: [], containerStatuses: [], initContainerStatuses: [] }),
});

export type PodObject = z.infer<typeof podSchema>;
export type Terminated = z.infer<typeof terminated>;
export type ContainerStatus = z.infer<typeof containerStatus>;

/** By name: the kubelet sorts statuses, and a mesh may have put a container of its own before the agent's. */
export function mainStatus(pod: PodObject): ContainerStatus | undefined {
  return pod.status.containerStatuses.find((status) => status.name === agentContainer);
}

/** The init container that registers the agent, where there is one. */
export function registerStatus(pod: PodObject): ContainerStatus | undefined {
  return pod.status.initContainerStatuses.find((status) => status.name === registerContainer);
}

export const failedInit = (pod: PodObject): ContainerStatus | undefined =>
  pod.status.initContainerStatuses.find((status) => (status.state.terminated?.exitCode ?? 0) !== 0);

export const condition = (pod: PodObject, type: string): PodObject['status']['conditions'][number] | undefined =>
  pod.status.conditions.find((entry) => entry.type === type);
