/**
 * Which of the agents that a plan makes tries a candidate: one at a time of each image, while nobody knows whether it
 * works. All others get the image in force.
 */
import { hasStopped, isTombstone } from '../../domain/agentJob.ts';
import { offerOf, parseDemand, unmetDemands } from '../../domain/demand.ts';
import { pinned } from '../../domain/imagePolicy.ts';
import type { Candidate } from '../../domain/imageState.ts';
import type { EpochMs } from '../../domain/instant.ts';
import type { ChosenParameters, Template } from '../../domain/template.ts';
import { everyClusterKnown, refusalKey } from '../observed.ts';
import type { View } from '../view.ts';
import { agentJobsOf } from './judge.ts';
import type { JudgedImage } from './transitions.ts';

export interface Trial {
  /** With the image of the candidate. */
  readonly template: Template;
  readonly candidate: EpochMs;
}

type Tried = JudgedImage & { readonly state: { readonly candidate: Candidate } };

const isTried = (image: JudgedImage): image is Tried => image.state.candidate !== undefined;

function imageOf({ images = [] }: View, { rebuilt }: Template): Tried | undefined {
  return images.filter(isTried).find(({ policy }) => policy.name === rebuilt);
}

/** By what its agents name the candidate of a template; undefined = there is none. */
export function candidateImage(view: View, template: Template): string | undefined {
  const image = imageOf(view, template);
  return image && pinned(image.policy, image.state.candidate);
}

/** An agent of it is there, or coming, of which nobody knows yet what it shows. */
function isBeingTried(view: View, { policy, state: { candidate } }: Tried): boolean {
  return agentJobsOf(view, policy, candidate).some(
    (agentJob) =>
      !candidate.proven.includes(agentJob.name) &&
      !isTombstone(agentJob) &&
      !(agentJob.phase === 'retiring' && hasStopped(agentJob)),
  );
}

function trialOf(template: Template, { policy, state: { candidate } }: Tried): Trial | undefined {
  const image = pinned(policy, candidate);
  if (image === undefined) return undefined;
  const agentVersion = candidate.version ?? template.agentVersion;
  return { template: { ...template, image, agentVersion }, candidate: candidate.since };
}

const versionCapability = 'Agent.Version';

/** Pipelines demand a least version of the agent, which one in another image may not have. */
function isRecent(agentVersion: string | undefined, demands: readonly string[]): boolean {
  const ofVersion = demands.filter((text) => parseDemand(text)?.name.toLowerCase() === versionCapability.toLowerCase());
  const offered = agentVersion === undefined ? {} : { [versionCapability]: agentVersion };
  return unmetDemands(offerOf(offered), ofVersion).length === 0;
}

export class Trials {
  readonly #view: View;
  /** Names of images of which one more agent may try the candidate. */
  readonly #open: Set<string>;

  constructor(view: View) {
    this.#view = view;
    const { observed, images = [], isOutdated } = view;
    // What is not seen may be trying it; what was written down since the last look may have ended it.
    const mayTry = everyClusterKnown(observed) && observed.control.error === undefined && !isOutdated;
    const idle = mayTry ? images.filter(isTried).filter((image) => !isBeingTried(view, image)) : [];
    this.#open = new Set(idle.map(({ policy }) => policy.name));
  }

  /** What the next agent of this template is to try; undefined = it gets the image in force. */
  take(
    template: Template,
    { image: chosen }: ChosenParameters,
    cluster: string,
    demands: readonly string[],
  ): Trial | undefined {
    const image = imageOf(this.#view, template);
    if (image === undefined || chosen !== undefined || this.#isRefused(cluster, template)) return undefined;
    const trial = trialOf(template, image);
    if (trial === undefined || !isRecent(trial.template.agentVersion, demands)) return undefined;
    return this.#open.delete(image.policy.name) ? trial : undefined;
  }

  #isRefused(cluster: string, { name }: Template): boolean {
    const refusing = this.#view.observed.refusals?.get(refusalKey(cluster, name, true));
    return refusing !== undefined && this.#view.now < refusing.until;
  }
}
