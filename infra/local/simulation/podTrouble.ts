/** What befalls a pod before its agent runs, drawn by chance. */
import type { PodStory } from '../kubernetes/podStory.ts';
import type { Random } from '../world/random.ts';

/** `share` of the pods have some trouble, which passes for half of them. */
export function drawStory(cluster: string, random: Random, share: number): PodStory {
  const troubled = random.chance(share);
  const trouble = troubled ? random.pick(['unschedulable', 'pullFailure', 'mountFailure', 'none'] as const) : 'none';
  const passes = random.chance(0.5) ? { forMs: random.between(5000, 240_000) } : {};
  return {
    scheduleAfterMs: random.between(50, 3000),
    node: `${cluster}-${random.between(1, 3)}`,
    pullMs: random.between(100, 20_000),
    startMs: random.between(100, 2000),
    ...(trouble === 'none' ? {} : { [trouble]: { message: `${trouble} by chance`, ...passes } }),
  };
}
