/**
 * Which template serves a request: the default one for those that demand nothing in particular, else the cheapest that
 * satisfies it, then the least overqualified, then the first named. Parameters are chosen by demand.
 */
import { type Offer, offerOf, parseDemand, satisfies, unmetDemands } from '../domain/demand.ts';
import type { JobRequest } from '../domain/jobRequest.ts';
import {
  listedValues,
  type ParameterName,
  parameterCapability,
  parameterNames,
  placeholderCapabilities,
} from '../domain/offer.ts';
import type { ChosenParameters, PoolPolicy, Template } from '../domain/template.ts';

export interface TemplateVerdict {
  readonly template: string;
  readonly unmet: readonly string[];
}

/** A template that satisfies a request, and what the request chose of it. */
export interface Candidate {
  readonly template: Template;
  readonly parameters: ChosenParameters;
}

export type TemplateChoice =
  | { readonly kind: 'fits'; readonly candidates: readonly Candidate[] }
  | { readonly kind: 'unparsable'; readonly demands: readonly string[] }
  /** Two values of one parameter: a placeholder offers both, so the server accepts what no agent can have. */
  | { readonly kind: 'contradictory'; readonly demands: readonly string[] }
  /** Only a value that no template lists is in the way. */
  | { readonly kind: 'unknownParameter'; readonly demands: readonly string[]; readonly listed: readonly string[] }
  | { readonly kind: 'none'; readonly verdicts: readonly TemplateVerdict[] };

export interface OfferedTemplate {
  readonly template: Template;
  readonly offer: Offer;
}

/** Worked out once for many requests; best first where a request leaves the choice. */
export function offersOf(policy: PoolPolicy): readonly OfferedTemplate[] {
  return policy.templates
    .map((template) => ({ template, offer: offerOf(placeholderCapabilities(template)) }))
    .toSorted((a, b) => a.template.cost - b.template.cost || a.offer.size - b.offer.size);
}

/** The name that a demand asks for, in lower case; what cannot be parsed asks for nothing. */
const demandedName = (text: string): string => parseDemand(text)?.name.toLowerCase() ?? '';

function parameterOf(text: string): ParameterName | undefined {
  const name = demandedName(text);
  return parameterNames.find((parameter) => name.startsWith(parameterCapability(parameter, '')));
}

/** Parameters for which different values are demanded. */
function contradictions(demands: readonly string[]): readonly string[] {
  if (demands.length < 2) return [];
  return parameterNames.flatMap((parameter) => {
    const asked = demands.filter((text) => parameterOf(text) === parameter);
    return new Set(asked.map(demandedName)).size > 1 ? asked : [];
  });
}

function chosenFrom(template: Template, demands: readonly string[]): ChosenParameters {
  if (demands.length === 0) return {};
  const names = new Set(demands.map(demandedName));
  const chosen = parameterNames.flatMap((parameter) => {
    const value = listedValues(template, parameter).find((each) =>
      names.has(parameterCapability(parameter, each).toLowerCase()),
    );
    return value === undefined ? [] : [[parameter, value]];
  });
  return Object.fromEntries(chosen);
}

/** Nothing but what every agent has by itself. */
const isUndemanding = (demands: readonly string[]): boolean =>
  demands.every((text) => demandedName(text).startsWith('agent.'));

function defaultFirst(
  fitting: readonly OfferedTemplate[],
  { defaultTemplate }: PoolPolicy,
): readonly OfferedTemplate[] {
  const preferred = fitting.filter(({ template }) => template.name === defaultTemplate);
  return [...preferred, ...fitting.filter((each) => !preferred.includes(each))];
}

function whyNone(demands: readonly string[], offers: readonly OfferedTemplate[]): TemplateChoice {
  const verdicts = offers.map(({ template, offer }) => ({ template, unmet: unmetDemands(offer, demands) }));
  const near = verdicts.filter(({ unmet }) => unmet.every((text) => parameterOf(text) !== undefined));
  const fewest = Math.min(...near.map(({ unmet }) => unmet.length));
  const nearest = near.filter(({ unmet }) => unmet.length === fewest);
  if (nearest.length === 0)
    return { kind: 'none', verdicts: verdicts.map(({ template, unmet }) => ({ template: template.name, unmet })) };
  const unmet = [...new Set(nearest.flatMap((verdict) => verdict.unmet))];
  const asked = new Set(unmet.map(parameterOf));
  const listed = nearest.flatMap(({ template }) =>
    parameterNames
      .filter((parameter) => asked.has(parameter))
      .flatMap((parameter) => listedValues(template, parameter).map((value) => parameterCapability(parameter, value))),
  );
  return { kind: 'unknownParameter', demands: unmet, listed: [...new Set(listed)] };
}

/** The templates that satisfy a request, best first, or why there is none. `offers` as `offersOf` gave them. */
export function chooseTemplates(
  { demands }: Pick<JobRequest, 'demands'>,
  offers: readonly OfferedTemplate[],
  policy: PoolPolicy,
): TemplateChoice {
  const parsed = demands.map(parseDemand).filter((demand) => demand !== undefined);
  if (parsed.length < demands.length)
    return { kind: 'unparsable', demands: demands.filter((demand) => parseDemand(demand) === undefined) };
  const ofParameters = demands.filter((text) => parameterOf(text) !== undefined);
  const contradictory = contradictions(ofParameters);
  if (contradictory.length > 0) return { kind: 'contradictory', demands: contradictory };
  const fitting = offers.filter(({ offer }) => parsed.every((demand) => satisfies(offer, demand)));
  if (fitting.length === 0) return whyNone(demands, offers);
  const ordered = isUndemanding(demands) ? defaultFirst(fitting, policy) : fitting;
  const candidates = ordered.map(({ template }) => ({ template, parameters: chosenFrom(template, ofParameters) }));
  return { kind: 'fits', candidates };
}
