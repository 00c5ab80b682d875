/**
 * Which waiting requests get a new agent. Every waiting request ends in exactly one of three ways: a distinct usable
 * agent will serve it, an agent job is created for it under a name never used before, or it is skipped for one reason.
 * The number to create comes from matching all of them at once, never from events or differences of counts.
 */
import { byAge, type JobRequest } from '../domain/jobRequest.ts';
import { Attempts } from './attempts.ts';
import { breakerAlarms, breakersOf } from './backoff.ts';
import {
  agentsOfBlamed,
  blameAlarm,
  type Contradiction,
  contradictionAlarms,
  firstOfEachTemplate,
  matchTrusted,
  mismatched,
} from './contradictions.ts';
import { decide, isSkip, Refusals, type Situation } from './decide.ts';
import { Headroom } from './headroom.ts';
import { Trials } from './images/trials.ts';
import { entitledFirst, freeParallelJobs, isPrivate, shareOf } from './licence.ts';
import type { Matching } from './matching.ts';
import type { LicenceNeeds } from './observed.ts';
import type { Alarm, CreateAction, Skip } from './plan.ts';
import { registrationOf } from './registration.ts';
import { remembered } from './remembered.ts';
import { steadOf } from './stead.ts';
import { type Usable, usableAgents } from './supply.ts';
import { chooseTemplates, offersOf } from './templates.ts';
import type { View } from './view.ts';
import { waitingRequests } from './waiting.ts';
import { planWarm, type Warm } from './warm.ts';

export interface Provision {
  readonly actions: readonly CreateAction[];
  readonly skips: readonly Skip[];
  readonly alarms: readonly Alarm[];
  readonly matching: Matching;
  readonly usable: readonly Usable[];
  readonly warm: Warm;
  /** Agents that the server does not use, and those of ours among them that are to be retired now. */
  readonly distrusted: ReadonlySet<string>;
  readonly unused: ReadonlySet<string>;
  /** Requests that wait now; those that their authors delay do not. */
  readonly waitingCount: number;
  /** Those requests, oldest first, and what was decided by: for whoever explains a decision. */
  readonly waiting: readonly JobRequest[];
  readonly shared: Shared;
  readonly deal: Deal;
}

/** What a pool asked of the parallel jobs and what it was given. */
export interface Deal {
  readonly free: number;
  readonly needs: LicenceNeeds;
  /** Of its wishes, how many are granted. */
  readonly share: number;
  /** With room for so many private requests the plan was made; infinite = enough for all that it wished. */
  readonly room: number;
}

/** Who waits, who will be served by whom, and what is left to decide. */
interface Ground {
  readonly waiting: ReturnType<typeof waitingRequests>;
  readonly usable: readonly Usable[];
  readonly matching: Matching;
  /** Oldest first. */
  readonly unmatched: readonly JobRequest[];
  readonly contradictions: readonly Contradiction[];
  readonly blamed: readonly JobRequest[];
  /** Requests that the server may start now. */
  readonly entitled: ReadonlySet<number>;
  readonly free: number;
}

function groundOf(view: View): Ground {
  const { policy, observed } = view;
  const waiting = waitingRequests(view.requests, policy.assignmentGraceMs, view.now, observed.runsOver);
  const usable = usableAgents(view);
  const free = freeParallelJobs(view);
  const { entitled, held } = entitledFirst(waiting.requests, free);
  const { matching, contradictions, blamed } = matchTrusted(view, entitled, held, usable);
  const inOrder = held.length === 0 && blamed.length === 0;
  const unmatched = inOrder ? matching.unmatched : [...matching.unmatched, ...blamed].toSorted(byAge);
  const own = [...mismatched(usable, unmatched), ...agentsOfBlamed(view, blamed, usable)];
  return {
    waiting,
    entitled: new Set(entitled.map(({ id }) => id)),
    usable,
    matching,
    unmatched,
    contradictions: [...contradictions, ...own],
    blamed,
    free,
  };
}

/** Requests whose own answer would be another agent of the kind that the server does not use. */
function contradictedBy({ contradictions, blamed }: Ground): ReadonlyMap<number, string> {
  const ours = contradictions.filter(({ agent }) => agent.ours);
  return new Map([
    ...ours.map(({ request, agent }): [number, string] => [request.id, agent.name]),
    // Its own agent among them says less of it than that there are several.
    ...blamed.map(({ id }): [number, string] => [id, 'several idle agents']),
  ]);
}

export type Shared = Omit<Situation, 'headroom' | 'probed' | 'refused' | 'trials'>;

function sharedOf(view: View, ground: Ground): Shared {
  const offers = offersOf(view.policy);
  const attempts = new Attempts(view);
  return {
    view,
    attempts,
    steadOf: steadOf(ground.matching, attempts),
    breakerOf: breakersOf(view),
    choose: remembered(
      (request: JobRequest) => JSON.stringify(request.demands),
      (request) => chooseTemplates(request, offers, view.policy),
    ),
    contradicted: contradictedBy(ground),
    registration: registrationOf(view.policy, view.observed.control.value),
  };
}

interface Decided {
  readonly creations: readonly CreateAction[];
  readonly skips: readonly Skip[];
  readonly situation: Situation;
}

/** Decides on all that no agent is left for, with room for so many private ones. */
function decideAll(shared: Shared, { usable, unmatched }: Ground, parallel: number): Decided {
  const situation = {
    ...shared,
    headroom: new Headroom(shared.view, usable, parallel),
    probed: new Set<string>(),
    trials: new Trials(shared.view),
    refused: new Refusals(),
  };
  const decisions = unmatched.map((request) => decide(request, situation));
  return {
    creations: decisions.filter((decision): decision is CreateAction => !isSkip(decision)),
    skips: decisions.filter(isSkip),
    situation,
  };
}

function needsOf(ground: Ground, creations: readonly CreateAction[]): LicenceNeeds {
  const created = new Set(creations.flatMap(({ purpose }) => (purpose.kind === 'request' ? purpose.requestId : [])));
  return {
    claims: ground.waiting.requests.filter((each) => isPrivate(each) && ground.matching.served.has(each.id)).length,
    wishes: ground.unmatched
      .filter((each) => isPrivate(each) && created.has(each.id))
      .map(({ id, queuedAt }) => ({ requestId: id, queuedAt })),
  };
}

/** What a pool would ask of the parallel jobs of its group if there were enough for all. */
export function licenceNeeds(view: View): LicenceNeeds {
  const ground = groundOf(view);
  return needsOf(ground, decideAll(sharedOf(view, ground), ground, Number.POSITIVE_INFINITY).creations);
}

/** First as if there were parallel jobs for all; where there are not, once more within this pool's share. */
function decideWithinLicence(view: View, shared: Shared, ground: Ground): Decided & { readonly deal: Deal } {
  const { free } = ground;
  const wished = decideAll(shared, ground, Number.POSITIVE_INFINITY);
  const needs = needsOf(ground, wished.creations);
  const all = { ...wished, deal: { free, needs, share: needs.wishes.length, room: Number.POSITIVE_INFINITY } };
  if (free === Number.POSITIVE_INFINITY) return all;
  const share = shareOf(view, needs, free);
  if (share >= needs.wishes.length) return all;
  return { ...decideAll(shared, ground, share), deal: { free, needs, share, room: share } };
}

export function planProvision(view: View): Provision {
  const ground = groundOf(view);
  const shared = sharedOf(view, ground);
  const { creations, skips, situation, deal } = decideWithinLicence(view, shared, ground);
  const { waiting, matching, usable, contradictions, entitled } = ground;
  const distrusted = new Set(contradictions.map(({ agent }) => agent.name));
  const warm = planWarm(
    situation,
    matching.leftOver.filter(({ ours, name }) => ours && !distrusted.has(name)),
    skips.filter(({ requestId }) => entitled.has(requestId)),
  );
  const counted = new Set(matching.served.values());
  return {
    actions: [...creations, ...warm.actions],
    skips: [...waiting.skips, ...skips],
    alarms: [
      ...waiting.alarms,
      ...contradictionAlarms(view, contradictions),
      ...ground.blamed.map(blameAlarm),
      ...breakerAlarms(view, shared.breakerOf),
      ...warm.alarms,
    ],
    matching,
    usable,
    warm,
    distrusted,
    unused: firstOfEachTemplate(contradictions.filter(({ agent }) => agent.ours && !counted.has(agent.name))),
    waitingCount: waiting.requests.length,
    waiting: waiting.requests,
    shared,
    deal,
  };
}
