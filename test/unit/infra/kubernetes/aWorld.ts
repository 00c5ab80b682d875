/** A cluster with one namespace, its clock, and what it said happened. */
import type { PodStory, Workload } from '../../../../infra/local/kubernetes/podStory.ts';
import { KubernetesWorld, type KubernetesWorldOptions } from '../../../../infra/local/kubernetes/world.ts';
import type { WorldEvent } from '../../../../infra/local/kubernetes/worldEvent.ts';
import { VirtualClock } from '../../../../infra/local/world/clock.ts';
import { seededRandom } from '../../../../infra/local/world/random.ts';
import type { JsonObject } from '../../../../shared/domain/json.ts';

export const namespace = 'agents';

export interface Scene {
  readonly world: KubernetesWorld;
  readonly clock: VirtualClock;
  readonly events: WorldEvent[];
  /** "podEnded suspended 0" and the like, in order. */
  said(): readonly string[];
}

export function aScene(options: Partial<KubernetesWorldOptions> = {}): Scene {
  const clock = new VirtualClock();
  const world = new KubernetesWorld({ clock, random: seededRandom(3), namespaces: [namespace], ...options });
  const events: WorldEvent[] = [];
  world.onEvent((event) => events.push(event));
  const said = (): readonly string[] =>
    events.map((event) => {
      const why = 'why' in event ? ` ${event.why}` : '';
      const by = 'byCaller' in event ? ` by ${event.byCaller}` : '';
      const code = 'exitCode' in event ? ` ${event.exitCode}` : '';
      return `${event.kind}${why}${by}${code}`;
    });
  return { world, clock, events, said };
}

/** A Job of one container as Mayfly makes them; `spec` and `podSpec` override. */
export function aJob(name: string, spec: JsonObject = {}, podSpec: JsonObject = {}): JsonObject {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, labels: { app: 'agents' }, annotations: { phase: 'creating' } },
    spec: {
      backoffLimit: 0,
      podReplacementPolicy: 'Failed',
      template: {
        spec: {
          restartPolicy: 'Never',
          automountServiceAccountToken: false,
          containers: [{ name: 'agent', image: 'registry.example/agent:1' }],
          ...podSpec,
        },
      },
      ...spec,
    },
  };
}

export const aStory = (story: Partial<PodStory> = {}): PodStory => ({
  scheduleAfterMs: 100,
  node: 'node-1',
  pullMs: 100,
  startMs: 100,
  ...story,
});

/** Does not listen to TERM; ends after this long. */
export function stubborn(ms: number, exitCode = 0): Workload {
  return {
    run: async ({ clock }) => {
      await clock.sleep(ms);
      return exitCode;
    },
  };
}

/** Ends of TERM with this code. */
export function obedient(exitCode: number): Workload {
  return {
    run: ({ terminated }) =>
      new Promise((resolve) => {
        terminated.addEventListener('abort', () => resolve(exitCode), { once: true });
      }),
  };
}
