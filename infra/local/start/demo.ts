/**
 * The demonstration: 25 pipeline jobs over two pools in three waves, and one more that its author cancels after its
 * agent job was made. The agent of that one comes up with nothing to do and takes a request of the next wave.
 */
import type { WorldClock } from '../world/clock.ts';
import type { LocalSystem } from './localSystem.ts';

interface Wanted {
  readonly pool: string;
  readonly demands: readonly string[];
  readonly durationMs: number;
}

const plain = (pool: string, durationMs: number): Wanted => ({ pool, demands: [], durationMs });
const large = (durationMs: number): Wanted => ({ pool: 'linux', demands: ['size -equals large'], durationMs });
const node = (durationMs: number): Wanted => ({ pool: 'web', demands: ['node22'], durationMs });
const modernNode = (durationMs: number): Wanted => ({
  pool: 'web',
  demands: ['node22 -gtVersion 22.10.0', 'docker'],
  durationMs,
});

const waves: readonly { readonly afterMs: number; readonly jobs: readonly Wanted[] }[] = [
  {
    afterMs: 0,
    jobs: [
      plain('linux', 2000),
      plain('linux', 4000),
      large(5000),
      node(3000),
      plain('web', 1500),
      modernNode(2500),
      plain('linux', 1000),
      large(2000),
      node(6000),
    ],
  },
  {
    afterMs: 4000,
    jobs: [
      node(2000),
      plain('linux', 3000),
      { pool: 'linux', demands: ['docker', 'Agent.OS -equals Linux'], durationMs: 1500 },
      large(4000),
      plain('web', 1000),
      modernNode(1000),
      plain('linux', 5000),
      plain('linux', 1000),
    ],
  },
  {
    afterMs: 5000,
    jobs: [
      large(1000),
      plain('linux', 1000),
      plain('linux', 2000),
      node(1500),
      plain('web', 3000),
      { pool: 'web', demands: ['docker'], durationMs: 1000 },
      node(1000),
      plain('linux', 1500),
    ],
  },
];

export interface Demo {
  /** The 25, as they were queued. */
  readonly requestIds: readonly number[];
  readonly cancelledId: number;
  /** What a registered agent could never have run: nothing, unless the templates were changed. */
  readonly refused: readonly string[];
}

async function jobExists(
  system: LocalSystem,
  requestId: number,
  clock: WorldClock,
  signal: AbortSignal,
): Promise<void> {
  while (system.ledger.requests.get(requestId)?.jobCreatedAt === undefined) await clock.sleep(50, signal);
}

/** Queues all of it; resolves when the last wave is queued. Rejects when `signal` aborts. */
export async function playDemo(system: LocalSystem, clock: WorldClock, signal: AbortSignal): Promise<Demo> {
  const requestIds: number[] = [];
  const refused: string[] = [];
  const queue = ({ pool, ...spec }: Wanted): number | undefined => {
    const queued = system.queueJob(pool, spec);
    if (queued.kind === 'refused') refused.push(queued.message);
    return queued.kind === 'queued' ? queued.requestId : undefined;
  };
  const cancelledId = queue(node(60_000)) ?? 0;
  const cancelled = jobExists(system, cancelledId, clock, signal).then(() => system.devOps.cancelJob(cancelledId));
  cancelled.catch(() => undefined);
  for (const { afterMs, jobs } of waves) {
    await clock.sleep(afterMs, signal);
    requestIds.push(...jobs.flatMap((wanted) => queue(wanted) ?? []));
  }
  await cancelled;
  return { requestIds, cancelledId, refused };
}
