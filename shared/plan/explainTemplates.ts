/** What each template of the pool is to one request: unfit and why, refused and why, chosen, or merely fit. */
import { unmetDemands } from '../domain/demand.ts';
import type { SkipReason } from '../domain/reasons.ts';
import type { ChosenParameters } from '../domain/template.ts';
import type { Fate, Told } from './explainFate.ts';
import { offersOf, type TemplateChoice } from './templates.ts';

/** An open breaker in figures. */
export interface BreakerTrail {
  readonly failures: number;
  /** So many inside the window open it. */
  readonly limit: number;
  readonly windowMs: number;
  /** One creation may be tried now; where it is refused all the same, an older request was the try. */
  readonly probe: boolean;
  readonly lastReason?: string;
}

export interface TemplateTrail {
  readonly template: string;
  readonly verdict: 'chosen' | 'fits' | 'refused' | 'unfit';
  /** Demands, as written, that it does not meet. */
  readonly unmet: readonly string[];
  /** What the request would choose of it. */
  readonly parameters: ChosenParameters;
  readonly refusal?: SkipReason;
  readonly breaker?: BreakerTrail;
}

function breakerTrail({ view, provision }: Told, template: string): BreakerTrail | undefined {
  const { open, probe, failures, lastReason } = provision.shared.breakerOf(template);
  if (!open) return undefined;
  const { breakerFailures: limit, breakerWindowMs: windowMs } = view.policy.backoff;
  return { failures, limit, windowMs, probe, ...(lastReason === undefined ? {} : { lastReason }) };
}

function unmetOf(choice: TemplateChoice, unmet: readonly string[]): readonly string[] {
  // A placeholder offers every value of a parameter, so of two that exclude each other it meets both; no agent does.
  return choice.kind === 'contradictory' ? choice.demands : unmet;
}

/** In the order of preference, those that fit first. */
export function templateTrails(told: Told, fate: Fate): readonly TemplateTrail[] {
  const { view, provision, request } = told;
  const choice = provision.shared.choose(request);
  const candidates = choice.kind === 'fits' ? choice.candidates : [];
  const rank = (template: string): number => {
    const place = candidates.findIndex((candidate) => candidate.template.name === template);
    return place < 0 ? candidates.length : place;
  };
  const refusals = fate.kind === 'skipped' ? fate.refusals : [];
  const chosen = fate.kind === 'created' ? fate.template : undefined;
  return offersOf(view.policy)
    .map(({ template, offer }): TemplateTrail => {
      const { name } = template;
      const unmet = unmetOf(choice, unmetDemands(offer, request.demands));
      const refusal = refusals.find((each) => each.template === name)?.reason;
      const parameters = candidates.find((each) => each.template.name === name)?.parameters ?? {};
      const breaker = breakerTrail(told, name);
      const fitting = name === chosen ? 'chosen' : refusal === undefined ? 'fits' : 'refused';
      return {
        template: name,
        verdict: unmet.length > 0 ? 'unfit' : fitting,
        unmet,
        parameters,
        ...(refusal === undefined ? {} : { refusal }),
        ...(breaker === undefined ? {} : { breaker }),
      };
    })
    .toSorted((a, b) => rank(a.template) - rank(b.template));
}
