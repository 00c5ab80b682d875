/**
 * What the agent jobs of a look show of each candidate: agents that came online and finished a job prove it, one that
 * did not start ends it. Judged before anything is planned, so that a plan goes by what it sees and not by what was
 * written down before.
 */
import { type AgentJob, standsBehind } from '../../domain/agentJob.ts';
import { type ImagePolicy, pinned } from '../../domain/imagePolicy.ts';
import { type Candidate, type ImageState, imageShort, noImageState } from '../../domain/imageState.ts';
import type { PoolPolicy, Template } from '../../domain/template.ts';
import type { View } from '../view.ts';
import { blamesCandidate } from './blame.ts';
import { applied, type ImageChange, type JudgedImage } from './transitions.ts';

/** The agent jobs that were made to try this candidate, and no earlier one of the same image. */
export function agentJobsOf(view: View, image: ImagePolicy, candidate: Candidate): readonly AgentJob[] {
  const { since } = candidate;
  const reference = pinned(image, candidate);
  return view.agentJobs.filter((agentJob) => agentJob.candidate === since && agentJob.image === reference);
}

/** Its agent has finished a job. The look that sees it so may be the last one before both are gone. */
function hasComeThrough(view: View, agentJob: AgentJob): boolean {
  if (agentJob.lost !== undefined) return false;
  if (agentJob.served !== undefined) return true;
  const agent = view.agentsByName.get(agentJob.name);
  return agent?.lastCompletedRequest !== undefined && standsBehind(agentJob, agent);
}

function changesOf(view: View, image: ImagePolicy, { candidate }: ImageState): readonly ImageChange[] {
  if (candidate === undefined) return [];
  const { digest, since, proven } = candidate;
  const tried = agentJobsOf(view, image, candidate);
  const failed = tried.find(blamesCandidate);
  if (failed !== undefined) return [{ kind: 'rolledBack', digest, since, reason: failed.reason ?? 'neverStarted' }];
  const through = tried.filter((agentJob) => hasComeThrough(view, agentJob)).map(({ name }) => name);
  const agents = [...new Set([...proven, ...through])].toSorted();
  const isNew = agents.length > proven.length || proven.length >= image.provenAgents;
  return isNew ? [{ kind: 'proved', digest, since, agents }] : [];
}

function judged(view: View, policy: ImagePolicy): JudgedImage {
  const { control } = view.observed;
  const state = control.value?.images?.get(imageShort(policy.name)) ?? noImageState;
  // Whoever works by an older configuration may know other rules for it.
  const changes = view.isOutdated ? [] : changesOf(view, policy, state);
  const after = changes.reduce((each, change) => applied(each, change, policy, view.now), state);
  return { policy, state: after, changes };
}

function inForce(template: Template, images: readonly JudgedImage[]): Template {
  const image = images.find(({ policy }) => policy.name === template.rebuilt);
  // People may have removed, or garbled, what is in force: what was good before is safer than what the tag stands for.
  const known = image?.state.inForce ?? image?.state.good[0];
  if (image === undefined || known === undefined) return template;
  const { version } = known;
  const reference = pinned(image.policy, known);
  if (reference === undefined) return template;
  // The name by which requests choose the configured image goes with it.
  const named = Object.entries(template.parameters.image).map(([name, each]) => [
    name,
    each === template.image ? reference : each,
  ]);
  return {
    ...template,
    image: reference,
    agentVersion: version ?? template.agentVersion,
    parameters: { ...template.parameters, image: Object.fromEntries(named) },
  };
}

/**
 * Nobody can say what is in force, and the tag may stand for what was never tried, or was given up: nothing is made of
 * it until a control map can be read, and no idle agent is taken for one of an older image.
 */
function undecided(template: Template, images: readonly JudgedImage[]): Template {
  const image = images.find(({ policy }) => policy.name === template.rebuilt);
  if (image === undefined) return template;
  const unread = 'no control map says which image is in force';
  return { ...template, image: image.policy.reference, agentVersion: undefined, unread };
}

function policyInForce({ policy, observed }: View, images: readonly JudgedImage[]): PoolPolicy {
  const { value, error } = observed.control;
  const decided = value === undefined && error !== undefined ? undecided : inForce;
  return { ...policy, templates: policy.templates.map((template) => decided(template, images)) };
}

/** The view with its images judged, and its templates running those in force. */
export function withImages(view: View): View {
  const images = (view.policy.images ?? []).map((policy) => judged(view, policy));
  return images.length === 0 ? view : { ...view, images, policy: policyInForce(view, images) };
}
