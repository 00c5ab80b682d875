/** New images that somebody brings into a history, and what is wrong with some of them: for ever, as with a bad build. */

import type { ImagePolicy } from '../../../shared/domain/imagePolicy.ts';
import { formatField } from '../../../shared/domain/imageRecords.ts';
import { imageKey, imageShort, noImageState } from '../../../shared/domain/imageState.ts';
import { hoursMs } from '../../../shared/domain/instant.ts';
import { isJsonObject, type JsonObject } from '../../../shared/domain/json.ts';
import type { PodStory } from '../kubernetes/podStory.ts';
import type { Random } from '../world/random.ts';
import type { AgentBehaviour } from './agentInPod.ts';

export const imageFlaws = ['none', 'none', 'isPulledByNoNode', 'crashesAtStart', 'neverConnects'] as const;
export type ImageFlaw = (typeof imageFlaws)[number];

/** What a history's templates run, and what may be brought in its place. */
export const simulatedImage: ImagePolicy = {
  name: 'agent',
  reference: 'registry.example/agent:weekly',
  allowedRepositories: ['registry.example/agent'],
  provenAgents: 2,
  keptImages: 5,
  maxAgeMs: hoursMs(24),
  buildTimeoutMs: hoursMs(1),
  followTag: false,
};

const record = (value: unknown): JsonObject => (isJsonObject(value) ? value : {});

function imageOf(pod: JsonObject): string {
  const containers = record(pod['spec'])['containers'];
  const image = Array.isArray(containers) ? record(containers[0])['image'] : undefined;
  return typeof image === 'string' ? image : '';
}

export class ImageTrouble {
  readonly #flaws = new Map<string, ImageFlaw>();

  /** The data of a control map that make a new image the candidate; `at` = Azure DevOps' time. */
  bring(random: Random, at: number): Readonly<Record<string, string>> {
    const digest = `sha256:${String(this.#flaws.size + 1).padStart(64, '0')}`;
    this.#flaws.set(digest, random.pick(imageFlaws));
    const state = { ...noImageState, candidate: { digest, version: '5.279.0', since: at, proven: [] } };
    return { [imageKey(imageShort(simulatedImage.name), 'candidate')]: formatField(state, 'candidate') ?? '' };
  }

  #flawOf(pod: JsonObject): ImageFlaw {
    return this.#flaws.get(imageOf(pod).split('@')[1] ?? '') ?? 'none';
  }

  /** `drawn` by chance, unless the image itself decides. */
  story(pod: JsonObject, drawn: PodStory): PodStory {
    return this.#flawOf(pod) === 'isPulledByNoNode'
      ? { ...drawn, pullFailure: { message: 'manifest unknown' } }
      : drawn;
  }

  behaviour(pod: JsonObject, drawn: AgentBehaviour): AgentBehaviour {
    const flaw = this.#flawOf(pod);
    return flaw === 'crashesAtStart' || flaw === 'neverConnects' ? { ...drawn, temper: { kind: flaw } } : drawn;
  }
}
