/** Which usable agents a waiting request can be served by, and in which order it would rather have them. */
import { parseDemand, unmetDemands } from '../domain/demand.ts';
import type { JobRequest } from '../domain/jobRequest.ts';
import type { Usable } from './supply.ts';

/** Indexes of agents, best first. */
export interface Reach {
  /** Those made for this request. */
  readonly own: readonly number[];
  /** All others that can serve anybody; one list, shared by all requests with equal demands. */
  readonly others: readonly number[];
}

interface Candidate {
  readonly index: number;
  readonly agent: Usable;
  /** Candidates of one kind offer the same wherever anybody demands something: one verdict holds for all of them. */
  readonly kind: string;
}

/** What candidates can do for one list of demands. */
interface Verdict {
  readonly kinds: ReadonlySet<string>;
  readonly others: readonly number[];
}

const demandsOf = (request: JobRequest): string => request.demands.toSorted().join('\n');

/** The capabilities that anybody asks for, in lower case. */
function demandedNames(lists: Iterable<readonly string[]>): readonly string[] {
  const texts = new Set([...lists].flat());
  return [...new Set([...texts].map((text) => parseDemand(text)?.name.toLowerCase()))].filter(
    (name) => name !== undefined,
  );
}

/** Real agents report many capabilities of their own, such as their name; only demanded ones tell kinds apart. */
function kindOf({ offer }: Usable, names: readonly string[]): string {
  let kind = '';
  for (const name of names) {
    const value = offer.get(name);
    kind += value === undefined ? '-;' : `${value.length}:${value};`;
  }
  return kind;
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

/** For each waiting request; built once per list of demands and kind of agent, which are few where agents are many. */
export function reachOf(usable: readonly Usable[], waiting: readonly JobRequest[]): readonly Reach[] {
  const keys = waiting.map(demandsOf);
  const lists = new Map(waiting.map((request, index) => [keys[index] ?? '', request.demands]));
  const names = demandedNames(lists.values());
  const candidates = usable.map((agent, index): Candidate => ({ agent, index, kind: kindOf(agent, names) }));
  const offers = [...new Map(candidates.map(({ kind, agent }) => [kind, agent.offer]))];
  const madeFor = Map.groupBy(candidates, ({ agent }) => agent.madeFor ?? -1);
  const inOrder = bySpareness(candidates, waiting);
  const verdictOn = (demands: readonly string[]): Verdict => {
    const fitting = offers.filter(([, offer]) => unmetDemands(offer, demands).length === 0);
    const kinds = new Set(fitting.map(([kind]) => kind));
    return { kinds, others: inOrder.filter(({ kind }) => kinds.has(kind)).map(({ index }) => index) };
  };
  const verdicts = new Map([...lists].map(([key, demands]) => [key, verdictOn(demands)]));
  return waiting.map((request, place) => {
    const { kinds, others } = verdicts.get(keys[place] ?? '') ?? { kinds: new Set(), others: [] };
    const own = (madeFor.get(request.id) ?? []).filter(({ kind }) => kinds.has(kind)).map(({ index }) => index);
    return { own, others };
  });
}
