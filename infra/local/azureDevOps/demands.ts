/**
 * The server's demand grammar: `name` (exists), `name -equals value` (case-blind), `name -gtVersion value`
 * (a minimum). Source: actions/runner src/Sdk/DTWebApi/WebApi/{Demand,DemandMinimumVersion}.cs and
 * learn.microsoft.com pipelines/process/demands. Written apart from Mayfly's own matcher so that the two check each
 * other.
 */
import type { Capabilities } from '../../../shared/domain/agent.ts';

type Demand = (capabilities: ReadonlyMap<string, string>) => boolean;

/** A list of demands, parsed once; equal lists are one object, so that agents can remember the answer. */
export interface DemandSet {
  readonly demands: readonly string[];
  readonly satisfiedBy: (capabilities: ReadonlyMap<string, string>) => boolean;
}

/** Names are looked up whatever their case: the agent itself keeps capabilities case-blind. */
export function lookup(...sources: readonly Capabilities[]): ReadonlyMap<string, string> {
  const entries = sources.flatMap((source) => Object.entries(source));
  return new Map(entries.map(([name, value]) => [name.toLowerCase(), value]));
}

export class DemandSets {
  readonly #sets = new Map<string, DemandSet>();

  of(demands: readonly string[]): DemandSet {
    const key = demands.join('\n');
    const present = this.#sets.get(key);
    if (present !== undefined) return present;
    const parsed = demands.map(parse);
    const set = {
      demands: [...demands],
      satisfiedBy: (capabilities: ReadonlyMap<string, string>) => parsed.every((demand) => demand(capabilities)),
    };
    this.#sets.set(key, set);
    return set;
  }
}

function parse(text: string): Demand {
  const [, name = text.trim(), operator = 'exists', value = ''] = /^(\S+)\s+-(\S+)\s+(.+)$/.exec(text.trim()) ?? [];
  const key = name.toLowerCase();
  switch (operator.toLowerCase()) {
    case 'exists':
      return (capabilities) => capabilities.has(key);
    case 'equals':
      return (capabilities) => capabilities.get(key)?.toLowerCase() === value.toLowerCase();
    case 'gtversion':
      return (capabilities) => isAtLeast(capabilities.get(key), value);
    default:
      return () => false;
  }
}

function isAtLeast(found: string | undefined, minimum: string): boolean {
  // What follows a dash in the capability's version does not count; what is no version matches nothing.
  const have = parseVersion(found?.split('-')[0]);
  const want = parseVersion(minimum);
  if (have === undefined || want === undefined) return false;
  for (let place = 0; place < 4; place++) {
    const difference = (have[place] ?? -1) - (want[place] ?? -1);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

function parseVersion(text: string | undefined): readonly number[] | undefined {
  const trimmed = text?.trim() ?? '';
  return /^\d+(\.\d+){1,3}$/.test(trimmed) ? trimmed.split('.').map(Number) : undefined;
}
