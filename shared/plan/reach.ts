/** Which usable agents a waiting request can be served by, and in which order it would rather have them. */
import { type Demand, type Offer, parseDemand, satisfies } from '../domain/demand.ts';
import type { JobRequest } from '../domain/jobRequest.ts';
import type { Usable } from './supply.ts';

/** Indexes of agents, best first. */
export interface Reach {
  /** Those made for this request. */
  readonly own: readonly number[];
  /** All others that can serve anybody; one list, shared by all requests that the same agents can serve. */
  readonly others: readonly number[];
}

/** Candidates of one kind offer the same wherever anybody demands something: one verdict holds for all of them. */
interface Kind {
  readonly place: number;
  readonly offer: Offer;
}

interface Candidate {
  readonly index: number;
  readonly agent: Usable;
  readonly kind: number;
}

/** What candidates can do for one list of demands. */
interface Verdict {
  /** By the place of a kind. */
  readonly fits: readonly boolean[];
  /** Of a request for which no agent was made. */
  readonly reach: Reach;
}

type Demands = JobRequest['demands'];

const keyOf = (demands: Demands): string => JSON.stringify(demands);

/** Each text that anybody demands, read once. */
function readDemands(lists: Iterable<Demands>): ReadonlyMap<string, Demand | undefined> {
  const texts = new Set<string>();
  for (const list of lists) {
    for (const text of list) texts.add(text);
  }
  return new Map([...texts].map((text) => [text, parseDemand(text)]));
}

/** Real agents report many capabilities of their own, such as their name; only demanded ones tell kinds apart. */
function kindKey({ offer }: Usable, names: readonly string[]): string {
  let key = '';
  for (const name of names) {
    const value = offer.get(name);
    key += value === undefined ? '-;' : `${value.length}:${value};`;
  }
  return key;
}

function sorted(usable: readonly Usable[], names: readonly string[]) {
  const kinds = new Map<string, Kind>();
  const candidates = usable.map((agent, index): Candidate => {
    const key = kindKey(agent, names);
    const kind = kinds.get(key) ?? { place: kinds.size, offer: agent.offer };
    kinds.set(key, kind);
    return { agent, index, kind: kind.place };
  });
  return { candidates, kinds: [...kinds.values()] };
}

/** Agents made for nobody who waits come before those that another waiting request would miss. */
function bySpareness(candidates: readonly Candidate[], waiting: readonly JobRequest[]): readonly Candidate[] {
  const ids = new Set(waiting.map((request) => request.id));
  const isSpare = ({ agent }: Candidate): boolean => agent.madeFor === undefined || !ids.has(agent.madeFor);
  const { spare = [], missed = [] } = Object.groupBy(
    candidates.filter(({ agent }) => agent.onlyFor === undefined),
    (candidate) => (isSpare(candidate) ? 'spare' : 'missed'),
  );
  return [...spare, ...missed];
}

/** Lists of agents by the kinds that are on them, so that requests that the same kinds can serve share one. */
class Lists {
  readonly #candidates: readonly Candidate[];
  readonly #known = new Map<string, Reach>();

  constructor(candidates: readonly Candidate[]) {
    this.#candidates = candidates;
  }

  of(fits: readonly boolean[]): Reach {
    const key = fits.map(Number).join('');
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const others: number[] = [];
    for (const { kind, index } of this.#candidates) {
      if (fits[kind] === true) others.push(index);
    }
    const reach = { own: [], others };
    this.#known.set(key, reach);
    return reach;
  }
}

function verdictsOn(
  lists: ReadonlyMap<string, Demands>,
  usable: readonly Usable[],
  waiting: readonly JobRequest[],
): { readonly verdicts: ReadonlyMap<string, Verdict>; readonly candidates: readonly Candidate[] } {
  const read = readDemands(lists.values());
  const names = new Set([...read.values()].flatMap((demand) => demand?.name.toLowerCase() ?? []));
  const { candidates, kinds } = sorted(usable, [...names]);
  const shared = new Lists(bySpareness(candidates, waiting));
  const verdictOn = (demands: Demands): Verdict => {
    const wanted = demands.map((text) => read.get(text));
    const fits = kinds.map(({ offer }) => wanted.every((demand) => demand !== undefined && satisfies(offer, demand)));
    return { fits, reach: shared.of(fits) };
  };
  return { candidates, verdicts: new Map([...lists].map(([key, demands]) => [key, verdictOn(demands)])) };
}

const nobody: Reach = { own: [], others: [] };

/** For each waiting request; built once per list of demands and kind of agent, which are few where agents are many. */
export function reachOf(usable: readonly Usable[], waiting: readonly JobRequest[]): readonly Reach[] {
  if (usable.length === 0) return waiting.map(() => nobody);
  const keys = waiting.map(({ demands }) => keyOf(demands));
  const lists = new Map<string, Demands>();
  for (const [place, key] of keys.entries()) lists.set(key, waiting[place]?.demands ?? []);
  const { candidates, verdicts } = verdictsOn(lists, usable, waiting);
  const madeFor = Map.groupBy(candidates, ({ agent }) => agent.madeFor ?? -1);
  return waiting.map(({ id }, place) => {
    const verdict = verdicts.get(keys[place] ?? '');
    if (verdict === undefined) return nobody;
    const own = madeFor.get(id)?.filter(({ kind }) => verdict.fits[kind] === true);
    return own === undefined || own.length === 0
      ? verdict.reach
      : { own: own.map(({ index }) => index), others: verdict.reach.others };
  });
}
