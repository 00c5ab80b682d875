/** The in-process door: the port AgentPools directly over the world, with the faults and delays of a network. */

import type { AgentPools } from '../../../shared/ports.ts';
import type { WorldClock } from '../world/clock.ts';
import type { Faults, Journal } from '../world/faults.ts';
import type { Random } from '../world/random.ts';
import type { AzureDevOpsWorld } from './world.ts';

export interface InProcessOptions {
  /** Who calls, for journal and events. */
  readonly caller: string;
  readonly journal: Journal;
  readonly faults: Faults;
  readonly clock: WorldClock;
  /** How long a call takes to reach the world and its answer to come back. Absent or 0: no wait at all. */
  readonly latencyMs?: () => { readonly before: number; readonly after: number };
  /** For partial lists. */
  readonly random?: Random;
}

export declare function inProcessAgentPools(world: AzureDevOpsWorld, options: InProcessOptions): AgentPools;
