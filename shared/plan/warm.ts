/**
 * Idle agents ahead of demand: of those that no request needs, as many as the schedule wants are kept. They are made
 * after everything that waits, and replaced when they are too old or run an image that is no longer the template's.
 */
import { type AgentJob, isOver } from '../domain/agentJob.ts';
import type { EpochMs } from '../domain/instant.ts';
import { agentJobName, templateShort } from '../domain/names.ts';
import { withParameters } from '../domain/offer.ts';
import { type Amounts, added } from '../domain/quota.ts';
import type { SkipReason } from '../domain/reasons.ts';
import type { Template } from '../domain/template.ts';
import { hasFailed } from './attempts.ts';
import { retryAt } from './backoff.ts';
import { claimRoom, type Situation } from './decide.ts';
import { candidateImage } from './images/trials.ts';
import type { Alarm, CreateAction, Skip, WarmState } from './plan.ts';
import { isDrained, type Usable } from './supply.ts';
import { scopeOf, type View } from './view.ts';
import { warmTargets } from './warmSchedule.ts';

export interface Warm {
  readonly actions: readonly CreateAction[];
  readonly alarms: readonly Alarm[];
  readonly states: readonly WarmState[];
  /** Names of agents that are left over and stay all the same. */
  readonly kept: ReadonlySet<string>;
  /** Names of idle agents that are to be retired for a younger one. */
  readonly replaced: ReadonlySet<string>;
}

interface Stock {
  readonly template: Template;
  readonly target: number;
  /** Best first: online ones before booting ones, the youngest of each first. */
  readonly fresh: readonly Usable[];
  readonly stale: readonly Usable[];
}

const born = ({ agentJob }: Usable): number => agentJob?.createdAt ?? 0;
const isOnline = ({ state }: Usable): boolean => state === 'online';

/** An agent of a candidate is as good as one of the image in force: it is to prove itself. */
function isStale({ agentJob, state }: Usable, template: Template, view: View): boolean {
  if (agentJob === undefined || state !== 'online') return false;
  const isOld = view.now - agentJob.createdAt > view.policy.warmMaxAgeMs;
  if (isOld || agentJob.image === undefined || isUnpinned(template)) return isOld;
  return ![template.image, candidateImage(view, template)].includes(agentJob.image);
}

/** A tag that could not be read: its agents run it by digest, and whether by that of today nobody can say. */
const isUnpinned = ({ image, unread }: Template): boolean => unread !== undefined && !image.includes('@');

/** Agents with chosen parameters are somebody's special wish: they are no stock. */
function stockOf(view: View, template: Template, target: number, leftOver: readonly Usable[]): Stock {
  const own = leftOver.filter(
    ({ agentJob }) => agentJob?.template === template.name && Object.keys(agentJob.parameters ?? {}).length === 0,
  );
  const stale = own.filter((usable) => isStale(usable, template, view));
  const fresh = own
    .filter((usable) => !stale.includes(usable))
    .toSorted((a, b) => Number(isOnline(b)) - Number(isOnline(a)) || born(b) - born(a) || (a.name < b.name ? -1 : 1));
  return { template, target, fresh, stale };
}

const isWarmOf =
  (template: Template) =>
  ({ purpose, template: name }: AgentJob): boolean =>
    purpose.kind === 'warm' && name === template.name;

/** Names are by slot and minute: control planes that plan in the same minute meet at the same ones. */
function* freeNames(
  view: View,
  template: Template,
): Generator<{ readonly name: string; readonly slot: number; readonly minute: number }> {
  const minute = Math.floor(view.now / 60_000);
  const taken = new Set(
    view.agentJobs.flatMap(({ purpose, template: name }) =>
      purpose.kind === 'warm' && templateShort(name) === templateShort(template.name) ? [purpose.slot] : [],
    ),
  );
  for (let slot = 0; ; slot++) {
    const name = agentJobName(scopeOf(view.policy), { kind: 'warm', slot, minute }, template.name);
    if (!taken.has(slot) && !view.agentsByName.has(name)) yield { name, slot, minute };
  }
}

interface Filled {
  readonly actions: readonly CreateAction[];
  readonly heldBy?: SkipReason;
}

/** What its own past says, or `waitedFor`: what keeps requests that need the room more. */
function heldBack(
  { view }: Situation,
  attempts: readonly AgentJob[],
  again: EpochMs | undefined,
  waitedFor: SkipReason | undefined,
): SkipReason | undefined {
  if (attempts.some((agentJob) => hasFailed(view, agentJob))) return 'retiringFirst';
  return again !== undefined && view.now < again ? 'backingOff' : waitedFor;
}

function fill(situation: Situation, { template, target, fresh }: Stock, waitedFor: SkipReason | undefined): Filled {
  const { view } = situation;
  // What it would make, a newer configuration might not want.
  if (view.isOutdated) return { actions: [] };
  const attempts = view.agentJobs.filter(isWarmOf(template));
  const again = retryAt(attempts, view.policy);
  // After a failure one at a time: what failed for one most likely fails for all.
  const missing = again === undefined ? target - fresh.length : Math.min(1, target - fresh.length);
  const heldBy = missing > 0 ? heldBack(situation, attempts, again, waitedFor) : undefined;
  if (heldBy !== undefined) return { actions: [], heldBy };
  const names = freeNames(view, template);
  const actions: CreateAction[] = [];
  while (actions.length < missing) {
    const { value } = names.next();
    if (value === undefined) break;
    const { name, slot, minute } = value;
    const claimed = claimRoom(situation, name, template, false);
    if (typeof claimed === 'string') return { actions, heldBy: claimed };
    actions.push({
      kind: 'create',
      name,
      ...claimed,
      ...(situation.trials.take(template, {}, claimed.cluster, []) ?? { template }),
      parameters: {},
      purpose: { kind: 'warm', slot, minute },
      registration: situation.registration,
    });
  }
  return { actions };
}

/** Stale ones go once enough younger ones are online; where there is no room for a younger one, one at a time before. */
function staleToGo(
  view: View,
  { template, fresh, stale, target }: Stock,
  { actions, heldBy }: Filled,
): readonly Usable[] {
  const isGoing = (agentJob: AgentJob): boolean =>
    agentJob.template === template.name && agentJob.phase === 'retiring' && !isOver(agentJob);
  if (view.isOutdated) return [];
  if (fresh.filter(isOnline).length >= target) return stale;
  if (view.agentJobs.some(isGoing)) return [];
  const isBlocked = heldBy !== undefined && actions.length === 0 && fresh.length < target;
  return isBlocked && roomReasons.has(heldBy) ? stale.slice(0, 1) : [];
}

const roomReasons: ReadonlySet<SkipReason> = new Set(['atTemplateLimit', 'atPoolLimit', 'atQuota']);

function stateOf({ template, target, fresh, stale }: Stock, { actions, heldBy }: Filled): WarmState {
  const ready = fresh.filter(isOnline).length;
  return {
    template: template.name,
    target,
    ready,
    booting: fresh.length - ready,
    stale: stale.length,
    creating: actions.length,
    ...(heldBy === undefined ? {} : { heldBy }),
  };
}

const shortAlarm = ({ template, target, ready, heldBy }: WarmState): readonly Alarm[] =>
  heldBy !== undefined && roomReasons.has(heldBy)
    ? [{ reason: 'warmShort', subject: template, detail: `${ready} of ${target} are ready: ${heldBy}` }]
    : [];

/** Waiting requests that have no room, by what has none. What is on its way out makes room already. */
class Shortage {
  readonly #held: readonly Skip[];
  readonly #going: readonly AgentJob[];
  /** Requests for which the room of any template will do. */
  #anywhere: number;

  constructor({ agentJobs }: View, skips: readonly Skip[]) {
    this.#held = skips.filter(({ reason }) => roomReasons.has(reason));
    this.#going = agentJobs.filter((agentJob) => agentJob.phase === 'retiring' && !isOver(agentJob));
    const anywhere = this.#held.filter(({ reason }) => reason !== 'atTemplateLimit');
    this.#anywhere = Math.max(0, anywhere.length - this.#going.length);
  }

  /** Why a stock takes no more room: a request waits for it, and what is too little for that one is not for the stock. */
  holds({ name }: Template): SkipReason | undefined {
    return this.#held.find(({ reason, detail }) => reason !== 'atTemplateLimit' || detail === name)?.reason;
  }

  /** How many of so many idle agents must go; each of them makes room for one request. */
  claim({ name }: Template, idle: number): number {
    const held = this.#held.filter(({ reason, detail }) => reason === 'atTemplateLimit' && detail === name);
    const going = this.#going.filter(({ template }) => template === name);
    const own = Math.max(0, held.length - going.length);
    const claimed = Math.min(idle, own + this.#anywhere);
    this.#anywhere -= Math.max(0, claimed - own);
    return claimed;
  }
}

/** What a quota cannot hold even beside no warm agent at all is not helped by giving one up. */
function helpable({ view, headroom, choose }: Situation, stocks: readonly Stock[], skips: readonly Skip[]) {
  if (!skips.some(({ reason }) => reason === 'atQuota')) return skips;
  const freed = stocks
    .flatMap(({ template, fresh }) => fresh.map(() => headroom.amountsOf(template)))
    .reduce<Amounts>(added, {});
  const requests = new Map(view.requests.map((request) => [request.id, request]));
  return skips.filter(({ reason, requestId }) => {
    const request = requests.get(requestId);
    if (reason !== 'atQuota' || request === undefined) return true;
    const choice = choose(request);
    if (choice.kind !== 'fits') return false;
    return choice.candidates.some((each) => headroom.wouldFit(withParameters(each.template, each.parameters), freed));
  });
}

/**
 * `leftOver` = usable agents of ours that no waiting request needs; `skips` = of requests that the server may start now.
 * Takes room only after all requests have, and gives it up where one of them has none.
 */
export function planWarm(situation: Situation, leftOver: readonly Usable[], skips: readonly Skip[]): Warm {
  const { view } = situation;
  const targets = warmTargets(view.policy.warm, view.now);
  const stocks = view.policy.templates.flatMap((template): readonly Stock[] => {
    const target = isDrained(view, { template: template.name }) ? 0 : (targets.get(template.name) ?? 0);
    return target === 0 ? [] : [stockOf(view, template, target, leftOver)];
  });
  const shortage = new Shortage(view, helpable(situation, stocks, skips));
  const filled = stocks.map((stock) => ({ stock, filled: fill(situation, stock, shortage.holds(stock.template)) }));
  const states = filled.map(({ stock, filled: own }) => stateOf(stock, own));
  const replaced = filled.flatMap(({ stock, filled: own }) => staleToGo(view, stock, own).map(({ name }) => name));
  const kept = stocks.flatMap(({ template, fresh, stale, target }) => {
    const wanted = Math.min(target, fresh.length);
    return [...fresh.slice(0, wanted - shortage.claim(template, wanted)), ...stale];
  });
  return {
    actions: filled.flatMap(({ filled: own }) => own.actions),
    alarms: states.flatMap(shortAlarm),
    states,
    kept: new Set(kept.map(({ name }) => name).filter((name) => !replaced.includes(name))),
    replaced: new Set(replaced),
  };
}
