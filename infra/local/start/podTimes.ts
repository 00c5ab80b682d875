/** How long things take in the local cluster: a fraction of what they take in a real one, so that nobody waits. */
import type { PodStory, StoryOf } from '../kubernetes/podStory.ts';
import type { Random } from '../world/random.ts';

/** From and to, in ms. */
export type Span = readonly [from: number, to: number];

export interface PodTimes {
  readonly schedule: Span;
  readonly pull: Span;
  readonly start: Span;
  /** From the start of the container to the agent's first call. */
  readonly agent: Span;
}

export const localPodTimes: PodTimes = {
  schedule: [100, 500],
  pull: [300, 1000],
  start: [100, 300],
  agent: [100, 400],
};

export const nodeNames = ['node-1', 'node-2', 'node-3'] as const;

export function podStories(times: PodTimes, random: Random): StoryOf {
  const within = ([from, to]: Span): number => random.between(from, to);
  return (): PodStory => ({
    scheduleAfterMs: within(times.schedule),
    node: random.pick(nodeNames),
    pullMs: within(times.pull),
    startMs: within(times.start),
  });
}
