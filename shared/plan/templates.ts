/** Which template serves a request: the cheapest that satisfies it, then the least overqualified, then the first named. */
import { type Offer, offerOf, parseDemand, unmetDemands } from '../domain/demand.ts';
import type { JobRequest } from '../domain/jobRequest.ts';
import { offeredCapabilities } from '../domain/offer.ts';
import type { Template } from '../domain/template.ts';

export interface TemplateVerdict {
  readonly template: string;
  readonly unmet: readonly string[];
}

export type TemplateChoice =
  | { readonly kind: 'fits'; readonly templates: readonly Template[] }
  | { readonly kind: 'unparsable'; readonly demands: readonly string[] }
  | { readonly kind: 'none'; readonly verdicts: readonly TemplateVerdict[] };

export interface OfferedTemplate {
  readonly template: Template;
  readonly offer: Offer;
}

/** Worked out once for many requests. */
export const offersOf = (templates: readonly Template[]): readonly OfferedTemplate[] =>
  templates.map((template) => ({ template, offer: offerOf(offeredCapabilities(template)) }));

/** The templates that satisfy a request, best first, or why there is none. */
export function chooseTemplates(request: JobRequest, offers: readonly OfferedTemplate[]): TemplateChoice {
  const unparsable = request.demands.filter((demand) => parseDemand(demand) === undefined);
  if (unparsable.length > 0) return { kind: 'unparsable', demands: unparsable };
  const fitting = offers.filter(({ offer }) => unmetDemands(offer, request.demands).length === 0);
  if (fitting.length > 0) {
    const best = fitting.toSorted((a, b) => a.template.cost - b.template.cost || a.offer.size - b.offer.size);
    return { kind: 'fits', templates: best.map(({ template }) => template) };
  }
  const verdicts = offers.map(({ template, offer }) => ({
    template: template.name,
    unmet: unmetDemands(offer, request.demands),
  }));
  return { kind: 'none', verdicts };
}
