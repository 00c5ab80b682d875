/** What becomes of one request for which no usable agent is left: a new agent job, or one reason why not. */
import type { AgentJob } from '../domain/agentJob.ts';
import { isOn } from '../domain/control.ts';
import type { JobRequest } from '../domain/jobRequest.ts';
import { agentJobName } from '../domain/names.ts';
import { withParameters } from '../domain/offer.ts';
import type { SkipReason } from '../domain/reasons.ts';
import type { Template } from '../domain/template.ts';
import type { Attempts } from './attempts.ts';
import { afterFall, type Breaker, retryAt } from './backoff.ts';
import type { Headroom } from './headroom.ts';
import type { Trials } from './images/trials.ts';
import { isPrivate } from './licence.ts';
import type { CreateAction, Refusal, Skip } from './plan.ts';
import type { Candidate, TemplateChoice } from './templates.ts';
import { scopeOf, type View } from './view.ts';

/** What all decisions of a plan share. */
export interface Situation {
  readonly view: View;
  readonly attempts: Attempts;
  /** In the stead of which request a new agent is made for an unmatched one. */
  readonly steadOf: (requestId: number) => number;
  readonly headroom: Headroom;
  readonly breakerOf: (template: string) => Breaker;
  readonly choose: (request: JobRequest) => TemplateChoice;
  /** Templates whose breaker let its probe through in this plan. */
  readonly probed: Set<string>;
  readonly refused: Refusals;
  readonly trials: Trials;
  /** Why a request gets no second agent although the server does not use its first. */
  readonly contradicted: ReadonlyMap<number, string>;
  readonly registration: 'jit' | 'initConfig';
}

export type Decision = CreateAction | Skip;

export const isSkip = (decision: Decision): decision is Skip => 'reason' in decision;

/** Why no agent of a template may be created now, whoever asks; undefined = it may, if there is room. */
export function templateRefusal({ view, breakerOf, probed }: Situation, template: Template): SkipReason | undefined {
  const control = view.observed.control.value;
  if (control !== undefined && isOn(control.drained, template.name)) return 'drained';
  if (control !== undefined && isOn(control.paused, template.name)) return 'paused';
  if (template.agentVersion === undefined) return 'agentVersionUnknown';
  const breaker = breakerOf(template.name);
  return breaker.open && (!breaker.probe || probed.has(template.name)) ? 'breakerOpen' : undefined;
}

/** Room for one agent, taken; or what refuses it. */
export function claimRoom(
  situation: Situation,
  name: string,
  template: Template,
  forPrivate: boolean,
): { readonly cluster: string } | SkipReason {
  const { headroom, breakerOf, probed } = situation;
  const refusal = templateRefusal(situation, template) ?? headroom.limit(template, forPrivate);
  if (refusal !== undefined) return refusal;
  const placed = headroom.place(name, template);
  if (typeof placed === 'string') return placed;
  headroom.take(template, placed.cluster, forPrivate);
  if (breakerOf(template.name).open) probed.add(template.name);
  return placed;
}

/** Attempts that no node took, of a request and of the one in whose stead it now waits. */
function fallenOf(request: JobRequest, { attempts, steadOf }: Situation): readonly AgentJob[] {
  const past = new Set([request.id, steadOf(request.id)]);
  const hasFallen = ({ reason, phase }: AgentJob): boolean =>
    reason === 'fellBack' && (phase === 'retiring' || phase === 'tombstone');
  return [...past].flatMap((id) => attempts.of(id).filter(hasFallen));
}

/** Templates of which no node took a pod before this one come last, and what was to stand in for them first. */
function afterFallbacks(fallen: readonly AgentJob[], candidates: readonly Candidate[], { view }: Situation) {
  if (fallen.length === 0) return candidates;
  const names = new Set(fallen.map(({ template }) => template));
  const next = view.policy.templates.find(({ name }) => name === fallen.at(-1)?.template)?.fallback?.template;
  const turn = ({ template: { name } }: Candidate): number => (names.has(name) ? 2 : name === next ? 0 : 1);
  return candidates.toSorted((a, b) => turn(a) - turn(b));
}

type Refused = Omit<Skip, 'requestId'>;

function refusedBy(refusals: readonly Refusal[]): Refused {
  const [first] = refusals;
  return {
    reason: first?.reason ?? 'noTemplate',
    ...(first === undefined ? {} : { detail: first.template }),
    ...(refusals.length > 1 ? { refusals } : {}),
  };
}

interface Answer {
  readonly takenCount: number;
  readonly told: Refused;
}

/** What was answered last to requests with one choice of templates: it holds for all of them until room is taken. */
export class Refusals {
  readonly #known = new Map<readonly Candidate[], Map<boolean, Answer>>();

  find(candidates: readonly Candidate[], forPrivate: boolean, takenCount: number): Refused | undefined {
    const last = this.#known.get(candidates)?.get(forPrivate);
    return last?.takenCount === takenCount ? last.told : undefined;
  }

  note(candidates: readonly Candidate[], forPrivate: boolean, takenCount: number, told: Refused): void {
    const last = this.#known.get(candidates) ?? new Map<boolean, Answer>();
    this.#known.set(candidates, last.set(forPrivate, { takenCount, told }));
  }
}

/** The first of the candidates that everything allows, or what keeps each of them. */
function firstAllowed(
  request: JobRequest,
  candidates: readonly Candidate[],
  situation: Situation,
  fallen: readonly AgentJob[],
): CreateAction | readonly Refusal[] {
  const { attempts, view, registration } = situation;
  const purpose = { kind: 'request', requestId: request.id, attempt: attempts.next(request.id) } as const;
  const refusals: Refusal[] = [];
  for (const { template: plain, parameters } of candidates) {
    const template = withParameters(plain, parameters);
    const again = afterFall(fallen, plain, view.policy);
    if (again !== undefined && view.now < again) {
      refusals.push({ template: template.name, reason: 'backingOff' });
      continue;
    }
    const name = agentJobName(scopeOf(view.policy), purpose, template.name);
    const claimed = claimRoom(situation, name, template, isPrivate(request));
    if (typeof claimed === 'object') {
      const tried = situation.trials.take(plain, parameters, claimed.cluster, request.demands);
      const image =
        tried === undefined ? { template } : { ...tried, template: withParameters(tried.template, parameters) };
      return { kind: 'create', name, ...claimed, ...image, parameters, purpose, registration };
    }
    refusals.push({ template: template.name, reason: claimed });
  }
  return refusals;
}

/** The first of the fitting templates that everything allows, or what keeps the best one. */
function create(request: JobRequest, candidates: readonly Candidate[], situation: Situation): Decision {
  const { refused, headroom } = situation;
  const fallen = fallenOf(request, situation);
  const ordered = afterFallbacks(fallen, candidates, situation);
  const forPrivate = isPrivate(request);
  const known = refused.find(ordered, forPrivate, headroom.takenCount);
  if (known !== undefined) return { requestId: request.id, ...known };
  const found = firstAllowed(request, ordered, situation, fallen);
  if ('kind' in found) return found;
  const told = refusedBy(found);
  refused.note(ordered, forPrivate, headroom.takenCount, told);
  return { requestId: request.id, ...told };
}

/** Why no template can serve it, or those that can. */
function fitting(request: JobRequest, situation: Situation): readonly Candidate[] | Skip {
  const skip = (reason: SkipReason, detail: string): Skip => ({ requestId: request.id, reason, detail });
  const choice = situation.choose(request);
  switch (choice.kind) {
    case 'fits':
      return choice.candidates;
    case 'unparsable':
      return skip('unparsableDemand', choice.demands.join('; '));
    case 'contradictory':
      return skip('contradictoryParameters', choice.demands.join('; '));
    case 'unknownParameter':
      return skip('unknownParameter', `${choice.demands.join('; ')}; listed: ${choice.listed.join(', ') || 'none'}`);
    case 'none': {
      const verdicts = choice.verdicts.map(({ template, unmet }) => `${template}: ${unmet.join(', ')}`);
      return skip('noTemplate', verdicts.join('; '));
    }
  }
}

/** What its own past says: a reason to wait before anything new is made for it. */
function heldByPast(request: JobRequest, situation: Situation): Skip | undefined {
  const { view, attempts, steadOf, contradicted } = situation;
  const skip = (reason: SkipReason, detail: string): Skip => ({ requestId: request.id, reason, detail });
  const unused = contradicted.get(request.id);
  if (unused !== undefined) return skip('notAssignedByServer', unused);
  const failed = attempts.failed(request.id) ?? attempts.failed(steadOf(request.id));
  if (failed !== undefined) return skip('retiringFirst', failed.name);
  const again = retryAt(attempts.of(request.id), view.policy);
  return again !== undefined && view.now < again ? skip('backingOff', new Date(again).toISOString()) : undefined;
}

export function decide(request: JobRequest, situation: Situation): Decision {
  const candidates = fitting(request, situation);
  if ('reason' in candidates) return candidates;
  const { policy, observed } = situation.view;
  for (const word of ['drained', 'paused'] as const) {
    if (observed.control.value?.[word].pool === true)
      return { requestId: request.id, reason: word, detail: policy.poolName };
  }
  return heldByPast(request, situation) ?? create(request, candidates, situation);
}
