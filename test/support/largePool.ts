/** A pool of a given size for measurements: overlapping templates, mixed demands, agents half booting and half idle. */
import { type Random, seededRandom } from '../../infra/local/world/random.ts';
import type { AgentJob } from '../../shared/domain/agentJob.ts';
import { offerOf, unmetDemands } from '../../shared/domain/demand.ts';
import type { JobRequest } from '../../shared/domain/jobRequest.ts';
import { placeholderCapabilities, promisedCapabilities } from '../../shared/domain/offer.ts';
import { known } from '../../shared/domain/read.ts';
import type { PoolPolicy, Template } from '../../shared/domain/template.ts';
import type { GroupMember, Observed } from '../../shared/plan/observed.ts';
import {
  aBootingAgent,
  aJobRequest,
  anAgent,
  anAgentJob,
  anObserved,
  aPlaceholder,
  aPod,
  minutesAgo,
  noon,
} from './builders.ts';
import { aPoolPolicy, aTemplate } from './policyBuilders.ts';

export interface LargePool {
  readonly policy: PoolPolicy;
  readonly observed: Observed;
}

export interface PoolSize {
  readonly requests: number;
  readonly agents: number;
  readonly tombstones?: number;
  /** How many different lists of demands the requests bear. */
  readonly demandLists: number;
  /** Parallel jobs that are free; undefined = no limit. With too few for all a plan decides twice. */
  readonly freeLicences?: number;
  /** Other pools of the licence group, each with requests of its own. */
  readonly otherPools?: number;
}

const tools = Array.from({ length: 20 }, (_, index) => `tool${index}`);

/** Each offers eight of twenty tools, so that any two overlap and no request fits one template alone. */
const templates: readonly Template[] = Array.from({ length: 20 }, (_, index) =>
  aTemplate({
    name: `template-${index}`,
    cost: 1 + (index % 4),
    maxAgents: 100_000,
    capabilities: Object.fromEntries(
      tools
        .slice(index)
        .concat(tools)
        .slice(0, 8)
        .map((tool) => [tool, '1']),
    ),
  }),
);

const policyOf = ({ freeLicences }: PoolSize): PoolPolicy =>
  aPoolPolicy({ templates, maxAgents: 100_000, parallelJobs: freeLicences === undefined ? 'unlimited' : 'auto' });

const templateAt = (index: number): Template => templates[index % templates.length] ?? aTemplate();

/** One to three tools of one template, now and then one that no template has, and a version as pipelines ask for it. */
function demandList(random: Random): readonly string[] {
  const offered = Object.keys(templateAt(random.between(0, 19)).capabilities);
  const wanted = Array.from({ length: random.between(1, 3) }, () => offered[random.between(0, 7)] ?? 'tool0');
  const rare = random.chance(0.02) ? ['mainframe'] : [];
  return [...new Set([...wanted, ...rare]), 'Agent.Version -gtVersion 2.182.1'];
}

function requestsOf(size: PoolSize, random: Random): readonly JobRequest[] {
  const lists = Array.from({ length: size.demandLists }, () => demandList(random));
  return Array.from({ length: size.requests }, (_, index) =>
    aJobRequest({
      id: 1_000_000 + index,
      queuedAt: minutesAgo(10) + random.between(0, 500_000),
      demands: lists[random.between(0, lists.length - 1)] ?? [],
    }),
  );
}

const offers = templates.map((template) => ({ template, offer: offerOf(placeholderCapabilities(template)) }));

/** The first that satisfies a request; any, where none does. */
const templateFor = ({ demands, id }: JobRequest): Template =>
  offers.find(({ offer }) => unmetDemands(offer, demands).length === 0)?.template ?? templateAt(id);

/**
 * Each was made for another request, and every third of these has gone. Every second agent is online and has idled for
 * a few seconds; the others wait for their pod's agent.
 */
function agentsOf(count: number, requests: readonly JobRequest[]) {
  const pairs = Array.from({ length: count }, (_, index) => {
    const request = requests[(index * 5) % requests.length] ?? aJobRequest();
    const template = templateFor(request);
    const agentJob = anAgentJob({
      purpose: { kind: 'request', requestId: index % 3 === 0 ? 800_000 + index : request.id, attempt: 1 },
      template: template.name,
      uid: `job-${index}`,
      agentId: 10_000 + index,
      phaseAt: noon - 30_000,
      pod: aPod({ name: `pod-${index}`, uid: `pod-${index}` }),
    });
    const registered = { id: 10_000 + index, name: agentJob.name, capabilities: promisedCapabilities(template) };
    const idleAt = noon - 1000 * (1 + (index % 40));
    const agent = index % 2 === 0 ? anAgent({ ...registered, statusChangedAt: idleAt }) : aBootingAgent(registered);
    return { agentJob, agent };
  });
  return { agents: pairs.map(({ agent }) => agent), agentJobs: pairs.map(({ agentJob }) => agentJob) };
}

/** Of requests that still live or are gone, failed or not, inside and outside the window of the breaker. */
function tombstonesOf(count: number): readonly AgentJob[] {
  return Array.from({ length: count }, (_, index) =>
    anAgentJob({
      purpose: { kind: 'request', requestId: 995_000 + index * 5, attempt: 2 },
      template: templateAt(index).name,
      uid: `tombstone-${index}`,
      phase: 'tombstone',
      phaseAt: minutesAgo(index % 60),
      suspended: true,
      ...(index % 3 === 0 ? { reason: 'neverStarted' } : { reason: 'finished', served: 900_000 + index }),
    }),
  );
}

/** What the others of the group want: each has some agents and wishes for as many again. */
function groupOf(count: number, random: Random): readonly GroupMember[] {
  return Array.from({ length: count }, (_, index) => {
    const wishes = Array.from({ length: 50 }, (__, wish) => ({
      requestId: 2_000_000 + index * 1000 + wish,
      queuedAt: minutesAgo(10) + random.between(0, 500_000),
    }));
    const needs = known({ claims: 50, wishes: wishes.toSorted((a, b) => a.queuedAt - b.queuedAt) });
    return { organisation: 'contoso', poolId: 100 + index, needs };
  });
}

/** The same size and seed give the same pool. */
export function aLargePool(size: PoolSize, seed = 1): LargePool {
  const random = seededRandom(seed);
  const requests = requestsOf(size, random);
  const { agents, agentJobs } = agentsOf(size.agents, requests);
  const placeholders = templates.map((template, index) => aPlaceholder(template, { id: 11 + index }));
  const observed = anObserved({
    requests,
    agentJobs: [...agentJobs, ...tombstonesOf(size.tombstones ?? 0)],
    parallelJobs: { value: { total: 500 + (size.freeLicences ?? 0), used: 500 } },
    group: groupOf(size.otherPools ?? 0, random),
  });
  return {
    policy: policyOf(size),
    observed: { ...observed, agents: { known: true, value: [...placeholders, ...agents] } },
  };
}
