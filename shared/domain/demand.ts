/**
 * The server's demand grammar: `name`, `name -equals value`, `name -gtVersion version`. Names are case-blind, the
 * value of -equals too; -gtVersion is a minimum, and a suffix after "-" in the offered version is cut off.
 * Source: demands documentation, and the Demand classes of the public runner SDK, which shares the server's ancestry.
 */
import type { Capabilities } from './agent.ts';

export type Demand =
  | { readonly kind: 'exists'; readonly name: string }
  | { readonly kind: 'equals'; readonly name: string; readonly value: string }
  | { readonly kind: 'minimumVersion'; readonly name: string; readonly version: string };

/** Reads one demand; undefined = not of the grammar. */
export function parseDemand(text: string): Demand | undefined {
  const parts = /^\s*(\S+)(?:\s+-(\w+)\s+(.*\S))?\s*$/s.exec(text);
  const name = parts?.[1];
  if (name === undefined) return undefined;
  const operator = parts?.[2]?.toLowerCase();
  const value = parts?.[3] ?? '';
  if (operator === undefined) return { kind: 'exists', name };
  if (operator === 'equals') return { kind: 'equals', name, value };
  if (operator === 'gtversion') return { kind: 'minimumVersion', name, version: value };
  return undefined;
}

/** Capabilities looked up case-blind. Build it once per agent or template, then ask for many demands. */
export type Offer = ReadonlyMap<string, string>;

export function offerOf(capabilities: Capabilities): Offer {
  return new Map(Object.entries(capabilities).map(([name, value]) => [name.toLowerCase(), value]));
}

function parseVersion(text: string): readonly number[] | undefined {
  const parts = text.trim().split('.');
  if (parts.length < 2 || parts.length > 4) return undefined;
  const numbers = parts.map((part) => (/^\d+$/.test(part) ? Number(part) : Number.NaN));
  return numbers.some(Number.isNaN) ? undefined : numbers;
}

/** True when `offered` (its suffix cut off) is at least `minimum`; an unparsable side never matches. */
export function isAtLeastVersion(offered: string, minimum: string): boolean {
  const have = parseVersion(offered.split('-')[0] ?? '');
  const want = parseVersion(minimum);
  if (have === undefined || want === undefined) return false;
  for (let index = 0; index < 4; index++) {
    const difference = (have[index] ?? 0) - (want[index] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

export function satisfies(offer: Offer, demand: Demand): boolean {
  const offered = offer.get(demand.name.toLowerCase());
  if (offered === undefined) return false;
  switch (demand.kind) {
    case 'exists':
      return true;
    case 'equals':
      return offered.toLowerCase() === demand.value.toLowerCase();
    case 'minimumVersion':
      return isAtLeastVersion(offered, demand.version);
  }
}

/** The demands, as written, that an offer does not satisfy. Empty = it fits. */
export function unmetDemands(offer: Offer, demands: readonly string[]): readonly string[] {
  return demands.filter((text) => {
    const demand = parseDemand(text);
    return demand === undefined || !satisfies(offer, demand);
  });
}
