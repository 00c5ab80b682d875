import type { KubernetesApi } from '../../../shared/adapters/kubernetes/api.ts';
import type { WorldClock } from '../world/clock.ts';
import type { Faults, Journal } from '../world/faults.ts';
import type { Random } from '../world/random.ts';
import type { KubernetesWorld } from './world.ts';

export interface InProcessOptions {
  /** Who calls: a control plane's name. */
  readonly caller: string;
  /** "kubernetes:<cluster>". */
  readonly door: string;
  readonly journal: Journal;
  readonly faults: Faults;
  readonly clock: WorldClock;
  readonly random: Random;
  /** Half before the world is asked, half after; 0 = none. */
  readonly latencyMs?: number | (() => number);
}

/** The in-process door: the port over the world, with journal, latency and faults. */
export function inProcessKubernetesApi(_world: KubernetesWorld, _options: InProcessOptions): KubernetesApi {
  throw new Error('not yet');
}
