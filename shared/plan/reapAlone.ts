/**
 * The ghost rule on any pool, by somebody who has no configuration: no installation says which agents are whose, so a
 * pattern of names does, and what runs is known only from the names of Jobs and pods in one namespace, if at all.
 */
import type { Agent } from '../domain/agent.ts';
import type { EpochMs } from '../domain/instant.ts';
import { isUnfinished, type JobRequest } from '../domain/jobRequest.ts';
import { isProbeAgentName, parseName } from '../domain/names.ts';
import { type GhostFacts, whyKept } from './ghostRule.ts';
import { byAge, ghostRow, keptAgent, type ReapPreview, type ReapRow } from './reap.ts';
import { wasEverOnline } from './supply.ts';

export interface UnconfiguredPool {
  readonly organisation: { readonly name: string; readonly short: string };
  readonly poolId: number;
  readonly at: EpochMs;
  readonly agents: readonly Agent[];
  readonly requests: readonly JobRequest[];
  readonly graceMs: number;
  /** A glob of agent names: `*` for any text, `?` for one character. Absent = the names that Mayfly makes. */
  readonly pattern?: string;
  /** The names of the Jobs and pods that are not over, in the namespace; absent = they are not known. */
  readonly running?: readonly string[];
  /** The cluster that was asked and did not say. */
  readonly clusterUnknown?: { readonly name: string; readonly why: string };
}

/** True where a glob covers the whole name. */
export function globbed(pattern: string, name: string): boolean {
  const source = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 's').test(name);
}

/** What a name of any installation's Mayfly in this pool stands for; undefined = not of its making. */
function ownName({ organisation, poolId }: UnconfiguredPool, name: string): 'worker' | 'placeholder' | undefined {
  const installation = /^mf-([a-z0-9]{4})-/.exec(name)?.[1];
  if (installation === undefined) return undefined;
  const scope = { installation, organisation: organisation.short, poolId };
  // The throw-away agent of a probe goes by the next probe only.
  if (isProbeAgentName(scope, name)) return 'placeholder';
  const kind = parseName(scope, name)?.kind;
  return kind === 'request' || kind === 'warm' ? 'worker' : kind;
}

/** A placeholder of another system has no mark to tell it by, but nothing has ever been online as it. */
function nameOf(pool: UnconfiguredPool, agent: Agent): ReturnType<GhostFacts['nameIs']> {
  const own = ownName(pool, agent.name);
  if (pool.pattern === undefined || own === 'placeholder') return own ?? 'other';
  if (!globbed(pool.pattern, agent.name)) return 'other';
  return own === 'worker' || wasEverOnline(agent) ? 'worker' : 'placeholder';
}

/**
 * Mayfly's agent bears the name of its Job. Others take the pod's, or put something before it: that may mean too many are
 * kept, never too few.
 */
function isRunning({ running = [] }: UnconfiguredPool): (agent: Agent) => boolean {
  const names = new Set(running);
  return ({ name }) =>
    names.has(name) || running.some((each) => each.startsWith(`${name}-`) || name.endsWith(`-${each}`));
}

export function previewAlone(pool: UnconfiguredPool): ReapPreview {
  const { agents, requests, at, graceMs, running, organisation, poolId, clusterUnknown } = pool;
  const reserved = new Set(requests.filter(isUnfinished).flatMap(({ reservedAgent }) => reservedAgent?.id ?? []));
  const facts: GhostFacts = {
    now: at,
    graceMs,
    nameIs: (agent) => nameOf(pool, agent),
    isReserved: ({ id }) => reserved.has(id),
    hasAgentJob: isRunning(pool),
    everyClusterKnown: running !== undefined,
  };
  const rows = agents.map((agent): ReapRow => {
    const reason = whyKept(agent, facts);
    return reason === undefined ? ghostRow(agent) : keptAgent(agent, reason);
  });
  const of = (verdict: ReapRow['verdict']): readonly ReapRow[] =>
    rows.filter((row) => row.verdict === verdict).toSorted(byAge);
  return {
    organisation: organisation.name,
    poolId,
    pool: `${poolId}`,
    at,
    rows: [...of('reap'), ...of('keep')],
    alarms: clusterUnknown
      ? [{ reason: 'clusterUnknown', subject: clusterUnknown.name, detail: clusterUnknown.why }]
      : [],
    clustersUnknown: clusterUnknown ? [clusterUnknown.name] : [],
    clustersAsked: running !== undefined || clusterUnknown !== undefined,
    shadow: false,
  };
}
