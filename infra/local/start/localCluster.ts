/** The local Kubernetes: one cluster whose RBAC is the deployed one, and whose pods run agents. */
import { fileURLToPath } from 'node:url';
import type { JsonObject } from '../../../shared/domain/json.ts';
import type { ListenerTimes } from '../agent/listener.ts';
import { wireAgent } from '../agent/wireAgent.ts';
import { list, nameOf, namespaceOf, text } from '../kubernetes/object.ts';
import type { ContainerContext, Workload } from '../kubernetes/podStory.ts';
import { type ResourceName, resourceTypes } from '../kubernetes/resource.ts';
import { adminGroup } from '../kubernetes/wire/identity.ts';
import { loadManifests } from '../kubernetes/wire/manifests.ts';
import { type KubernetesServer, startKubernetesServer } from '../kubernetes/wire/server.ts';
import { KubernetesWorld } from '../kubernetes/world.ts';
import type { WorldClock } from '../world/clock.ts';
import type { Watched } from '../world/faults.ts';
import type { Random } from '../world/random.ts';
import { localSecrets } from './localSettings.ts';
import { nodeNames, type PodTimes, podStories } from './podTimes.ts';

/** Whom the local overlay binds to the Role of the control plane. */
const controlPlaneUser = 'mayfly-local';

export interface ClusterOptions extends Watched {
  readonly clock: WorldClock;
  readonly random: Random;
  readonly port: number;
  readonly times: PodTimes;
  readonly agentTimes?: Partial<ListenerTimes>;
  /** All agents fall silent. */
  readonly powerOff: AbortSignal;
  readonly onAgentFailure: (error: unknown) => void;
  /** Told of each container when it starts; what its volumes hold then can be read from it. */
  readonly onContainer?: ((context: ContainerContext) => void) | undefined;
}

export interface LocalCluster {
  readonly world: KubernetesWorld;
  readonly server: KubernetesServer;
}

const overlay = fileURLToPath(new URL('../../kubernetes/overlays/local', import.meta.url));

const nodeObject = (name: string): JsonObject => ({ apiVersion: 'v1', kind: 'Node', metadata: { name } });

/** The same workload, under somebody's eyes. */
function watched(workload: Required<Workload>, onContainer: (context: ContainerContext) => void): Workload {
  return {
    runInit: (context) => {
      onContainer(context);
      return workload.runInit(context);
    },
    run: (context) => {
      onContainer(context);
      return workload.run(context);
    },
  };
}

/** As `kubectl apply -k` would, for the kinds that the stand-in stores; namespaces first. */
function apply(world: KubernetesWorld, objects: readonly JsonObject[]): void {
  const known = Object.keys(resourceTypes) as ResourceName[];
  const isNamespace = (object: JsonObject): boolean => text(object, 'kind') === 'Namespace';
  for (const object of objects.toSorted((a, b) => Number(isNamespace(b)) - Number(isNamespace(a)))) {
    const resource = known.find((name) => resourceTypes[name].kind === text(object, 'kind'));
    if (resource === undefined) continue;
    world.create(resource, resourceTypes[resource].namespaced ? namespaceOf(object) : undefined, object);
  }
}

/** The Job, Secret and pod names of a namespace, without asking through the door. */
export function namesIn(world: KubernetesWorld, namespace: string, resource: ResourceName): readonly string[] {
  return list(world.list(resource, namespace).body, 'items').map((item) => nameOf(item as JsonObject));
}

export async function startCluster(options: ClusterOptions): Promise<LocalCluster> {
  const { clock, random, port, times, agentTimes = {}, powerOff, onAgentFailure, journal, faults } = options;
  const [from, to] = times.agent;
  const startMs = (): number => random.between(from, to);
  const agent = wireAgent({ startMs, times: agentTimes, powerOff, onFailure: onAgentFailure });
  const world = new KubernetesWorld({
    clock,
    random,
    story: podStories(times, random),
    workload: watched(agent, options.onContainer ?? (() => {})),
  });
  const objects = loadManifests(overlay);
  apply(world, [...objects, ...nodeNames.map(nodeObject)]);
  const server = await startKubernetesServer({
    world,
    port,
    rbac: objects,
    tokens: new Map([
      [localSecrets.kubernetesToken, { user: controlPlaneUser, groups: [] }],
      ['local-admin', { user: 'admin', groups: [adminGroup] }],
    ]),
    door: 'kubernetes:primary',
    anonymousAdmin: true,
    ...(journal !== undefined && { journal }),
    ...(faults !== undefined && { faults }),
  });
  return { world, server };
}
