/** What a plan and the world after it make of a pool: enough of both to plan again, and to see everything served. */
import type { Agent } from '../../shared/domain/agent.ts';
import type { AgentJob } from '../../shared/domain/agentJob.ts';
import type { JobRequest } from '../../shared/domain/jobRequest.ts';
import { promisedCapabilities } from '../../shared/domain/offer.ts';
import { known } from '../../shared/domain/read.ts';
import type { Action, Plan } from '../../shared/plan/plan.ts';
import { aBootingAgent, anAgentJob, aPlaceholder, aPod, withoutAgentId, withoutPod } from './builders.ts';
import type { PoolCase } from './planArbitraries.ts';
import { agentJobsOf, agentsOf, canTake, inLine, isBehind, requestsOf, takersIn } from './planOracle.ts';
import { type Creation, creationsOf } from './planRoom.ts';

function creating({ policy, observed }: PoolCase, action: Creation): AgentJob {
  const { name, cluster, template, parameters, purpose } = action;
  const born = anAgentJob({
    name,
    cluster,
    uid: `uid-${name}`,
    template: template.name,
    parameters,
    image: template.image,
    purpose,
    phase: 'creating',
    phaseAt: observed.at,
    createdAt: observed.at,
    createBy: observed.at + policy.createByMs,
    suspended: true,
  });
  return withoutAgentId(withoutPod(born));
}

function withParts(
  pool: PoolCase,
  parts: {
    readonly at?: number;
    readonly requests?: readonly JobRequest[];
    readonly agents?: readonly Agent[];
    readonly agentJobs?: readonly AgentJob[];
  },
): PoolCase {
  const { observed } = pool;
  const agentJobs = parts.agentJobs ?? agentJobsOf(pool);
  return {
    ...pool,
    observed: {
      ...observed,
      at: parts.at ?? observed.at,
      requests: known(parts.requests ?? requestsOf(pool)),
      agents: known(parts.agents ?? agentsOf(pool)),
      clusters: observed.clusters.map((cluster) =>
        cluster.agentJobs.known
          ? { ...cluster, agentJobs: known(agentJobs.filter((agentJob) => agentJob.cluster === cluster.name)) }
          : cluster,
      ),
    },
  };
}

/** The pool right after the creations of a plan: each Job is there, and nothing else has happened. */
export function afterCreations(pool: PoolCase, plan: Plan): PoolCase {
  const born = creationsOf(plan).map((action) => creating(pool, action));
  return withParts(pool, { agentJobs: [...agentJobsOf(pool), ...born] });
}

type Change = (pool: PoolCase) => PoolCase;

function retired(pool: PoolCase, agentJob: AgentJob, reason: string): PoolCase {
  const over: AgentJob = { ...withoutPod(agentJob), phase: 'tombstone', phaseAt: pool.observed.at, suspended: true };
  const served = agentsOf(pool).find((agent) => isBehind(agentJob, agent))?.lastCompletedRequest?.id;
  const told: AgentJob = { ...over, reason: agentJob.reason ?? reason, ...(served === undefined ? {} : { served }) };
  return withParts(pool, {
    agents: agentsOf(pool).filter((agent) => !isBehind(agentJob, agent)),
    agentJobs: agentJobsOf(pool).map((each) => (each.uid === agentJob.uid ? told : each)),
  });
}

type OnAgentJob = Extract<Action, { readonly agentJob: AgentJob }>;
type OnPlaceholder = Extract<
  Action,
  { readonly kind: 'createPlaceholder' | 'repairPlaceholder' | 'deletePlaceholder' }
>;
type OnAgent = Exclude<Action, OnAgentJob | OnPlaceholder>;

const changed = (pool: PoolCase, { uid }: AgentJob, changes: Partial<AgentJob>): PoolCase =>
  withParts(pool, { agentJobs: agentJobsOf(pool).map((each) => (each.uid === uid ? { ...each, ...changes } : each)) });

function doneToAgentJob(pool: PoolCase, action: OnAgentJob): PoolCase {
  switch (action.kind) {
    case 'retire':
      return retired(pool, action.agentJob, action.reason);
    case 'rollBack':
      return retired(pool, action.agentJob, 'create-by passed');
    case 'noteAgent':
      return changed(pool, action.agentJob, { agentId: action.agentId });
    case 'bury':
      return withParts(pool, { agentJobs: agentJobsOf(pool).filter(({ uid }) => uid !== action.agentJob.uid) });
    case 'noteLost':
      return changed(pool, action.agentJob, { lost: action.lost, rerun: 'open' });
    case 'rerun':
      return changed(pool, action.agentJob, { rerun: 'asked' });
    case 'endOverAge':
      return changed(pool, action.agentJob, { suspended: true, overAge: action.requestId });
  }
}

const withoutAgent = (pool: PoolCase, agentId: number): PoolCase =>
  withParts(pool, { agents: agentsOf(pool).filter(({ id }) => id !== agentId) });

function doneToPlaceholder(pool: PoolCase, action: OnPlaceholder): PoolCase {
  if (action.kind === 'deletePlaceholder') return withoutAgent(pool, action.agentId);
  const others = agentsOf(pool).filter(({ name }) => name !== action.name);
  const id = action.kind === 'repairPlaceholder' ? action.agentId : 20_000 + others.length;
  return withParts(pool, { agents: [...others, aPlaceholder(action.template, { id })] });
}

function doneToAgent(pool: PoolCase, action: OnAgent): PoolCase {
  switch (action.kind) {
    case 'create':
      return withParts(pool, { agentJobs: [...agentJobsOf(pool), creating(pool, action)] });
    case 'disable':
      return withParts(pool, {
        agents: agentsOf(pool).map((each) => (each.id === action.agentId ? { ...each, enabled: false } : each)),
      });
    case 'noteControl':
    case 'noteImage':
    case 'deleteLeftover':
    case 'tellRun':
    case 'cancelRun':
      return pool;
    case 'deleteGhost':
      return withoutAgent(pool, action.agentId);
  }
}

const isOnPlaceholder = (action: Action): action is OnPlaceholder =>
  action.kind === 'createPlaceholder' || action.kind === 'repairPlaceholder' || action.kind === 'deletePlaceholder';

/** One action, done at once and without a fault. */
function done(pool: PoolCase, action: Action): PoolCase {
  if ('agentJob' in action) return doneToAgentJob(pool, action);
  return isOnPlaceholder(action) ? doneToPlaceholder(pool, action) : doneToAgent(pool, action);
}

export const applied = (pool: PoolCase, plan: Plan): PoolCase => plan.actions.reduce(done, pool);

/** Creations get on: what was being created is started and registered. */
const start: Change = (pool) => {
  const { at } = pool.observed;
  const born = agentJobsOf(pool).filter(({ phase }) => phase === 'creating');
  const agents = born.map((agentJob, index): Agent => {
    const template = pool.policy.templates.find(({ name }) => name === agentJob.template);
    const capabilities = template === undefined ? {} : promisedCapabilities(template, agentJob.parameters);
    return aBootingAgent({ id: at + index, name: agentJob.name, createdAt: at, capabilities });
  });
  const ids = new Map(agents.map(({ name, id }) => [name, id]));
  const agentJobs = agentJobsOf(pool).map((agentJob): AgentJob => {
    const agentId = ids.get(agentJob.name);
    if (agentId === undefined) return agentJob;
    const pod = aPod({ name: agentJob.name, createdAt: at, mainStartedAt: at });
    return { ...agentJob, phase: 'started', phaseAt: at, suspended: false, agentId, pod };
  });
  return withParts(pool, { agents: [...agentsOf(pool), ...agents], agentJobs });
};

/** Agents that boot come online. */
const connect: Change = (pool) => {
  const { at } = pool.observed;
  const running = new Map(agentJobsOf(pool).map((agentJob) => [agentJob.name, agentJob]));
  const agents = agentsOf(pool).map((agent) => {
    const boots = running.get(agent.name)?.phase === 'started' && agent.statusChangedAt === undefined;
    return boots ? { ...agent, online: true, statusChangedAt: at } : agent;
  });
  return withParts(pool, { agents });
};

/** The server gives each idle agent the oldest request that it can serve, while the parallel jobs last. */
const assign: Change = (pool) => {
  const { at, parallelJobs } = pool.observed;
  const ids = new Map(agentsOf(pool).map(({ name, id }) => [name, id]));
  const online = new Set(agentsOf(pool).flatMap((agent) => (agent.online ? [agent.name] : [])));
  const idle = takersIn(pool).filter(({ name }) => online.has(name));
  let free = (parallelJobs.value?.total ?? Number.POSITIVE_INFINITY) - (parallelJobs.value?.used ?? 0);
  const requests = inLine(requestsOf(pool)).map((request): JobRequest => {
    if (request.assignedAt !== undefined || (request.parallelism === 'private' && free <= 0)) return request;
    const place = idle.findIndex((taker) => canTake(taker, request));
    const [taker] = place < 0 ? [] : idle.splice(place, 1);
    const id = ids.get(taker?.name ?? '');
    if (taker === undefined || id === undefined) return request;
    if (request.parallelism === 'private') free -= 1;
    return { ...request, assignedAt: at, receivedAt: at, reservedAgent: { id, name: taker.name } };
  });
  return withParts(pool, { requests });
};

/** What has run for one step is over: its agent is offline and its pod has ended. */
const finish: Change = (pool) => {
  const { at } = pool.observed;
  const isOver = ({ receivedAt, result }: JobRequest): boolean =>
    receivedAt !== undefined && receivedAt < at && result === undefined;
  const over = new Map(
    requestsOf(pool)
      .filter(isOver)
      .map(({ id, reservedAgent }) => [reservedAgent?.name ?? '', id]),
  );
  return withParts(pool, {
    requests: requestsOf(pool).map((each) => (isOver(each) ? { ...each, finishedAt: at, result: 'succeeded' } : each)),
    agents: agentsOf(pool).map((agent) => {
      const id = over.get(agent.name);
      return id === undefined ? agent : { ...agent, online: false, lastCompletedRequest: { id, finishedAt: at } };
    }),
    agentJobs: agentJobsOf(pool).map((agentJob) =>
      over.has(agentJob.name) && agentJob.pod !== undefined
        ? { ...agentJob, pod: { ...agentJob.pod, phase: 'Succeeded', finishedAt: at } }
        : agentJob,
    ),
  });
};

/** Parallel jobs in use follow what runs. */
const count: Change = (pool) => {
  const { value } = pool.observed.parallelJobs;
  const running = requestsOf(pool).filter(
    ({ parallelism, assignedAt, result }) =>
      parallelism === 'private' && assignedAt !== undefined && result === undefined,
  );
  if (value === undefined) return pool;
  const parallelJobs = { value: { ...value, used: running.length } };
  return { ...pool, observed: { ...pool.observed, parallelJobs } };
};

/** The world goes on for one step of five seconds; what began in this step does not end in it. */
export function fiveSecondsLater(pool: PoolCase): PoolCase {
  const later = withParts(pool, { at: pool.observed.at + 5000 });
  return [finish, count, assign, count, connect, start].reduce((world, change) => change(world), later);
}
