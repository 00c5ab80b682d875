/** What holds of every plan: each waiting request ends in one way, and each way is right. */
import { describe, expect, it, vi } from 'vitest';
import { type Random, seededRandom } from '../../../infra/local/world/random.ts';
import type { JobRequest } from '../../../shared/domain/jobRequest.ts';
import { known, type Read, unknown } from '../../../shared/domain/read.ts';
import type { SkipReason } from '../../../shared/domain/reasons.ts';
import type { Template } from '../../../shared/domain/template.ts';
import type { Plan, Skip } from '../../../shared/plan/plan.ts';
import { planPool } from '../../../shared/plan/planPool.ts';
import type { PoolCase } from '../../support/planArbitraries.ts';
import {
  agentAbilities,
  agentJobsOf,
  agentsOf,
  canTake,
  fits,
  fitsButForParameters,
  fittingTemplates,
  isContradictory,
  isHopeless,
  isIgnored,
  isOurs,
  requestsOf,
  separatedIn,
  servableIn,
  takersIn,
  trustedTakers,
  waitingIn,
} from '../../support/planOracle.ts';
import { everyPool, idsOf, numeric, planOf, propertyTimeoutMs } from '../../support/planProperties.ts';
import {
  answersIn,
  attemptsAt,
  type Creation,
  creationsOf,
  hasFallen,
  isEndingFirst,
  mustWait,
  obstaclesTo,
  type Room,
  requestOf,
  roomAfter,
} from '../../support/planRoom.ts';

vi.setConfig({ testTimeout: propertyTimeoutMs });

/** What a plan says, without the order in which it says it. */
function toldBy({ actions, skips, served, alarms, warm, thefts, nextLookAt }: Plan) {
  const sorted = (values: readonly unknown[]): readonly string[] =>
    values.map((value) => JSON.stringify(value)).toSorted();
  return {
    actions: sorted(actions),
    skips: sorted(skips),
    served: sorted([...served]),
    alarms: sorted(alarms),
    warm,
    thefts,
    nextLookAt,
  };
}

function shuffledRead<T>(read: Read<readonly T[]>, random: Random): Read<readonly T[]> {
  return read.known ? known(random.shuffled(read.value)) : read;
}

function shuffled({ policy, observed, wanted }: PoolCase, random: Random): PoolCase {
  const clusters = observed.clusters.map(({ name, agentJobs, quotas: { value = [] } }) => ({
    name,
    agentJobs: shuffledRead(agentJobs, random),
    quotas: { value: random.shuffled(value) },
  }));
  return {
    wanted,
    policy: { ...policy, clusters: random.shuffled(policy.clusters), warm: random.shuffled(policy.warm) },
    observed: {
      ...observed,
      requests: shuffledRead(observed.requests, random),
      agents: shuffledRead(observed.agents, random),
      clusters: random.shuffled(clusters),
      group: random.shuffled(observed.group),
      runsOver: new Set(random.shuffled([...observed.runsOver])),
    },
  };
}

const templateNamed = ({ policy }: PoolCase, name: string): Template | undefined =>
  policy.templates.find((template) => template.name === name);

/** An agent that came online with less than its own request needs. */
function isDeceived(pool: PoolCase, plan: Plan, name: string, request: JobRequest): boolean {
  const taker = takersIn(pool).find((each) => each.name === name);
  const own = /-(\d+)-\d+$/.exec(name)?.[1] === String(request.id);
  return own && taker?.isOnline === true && !fits(taker.abilities, request) && !plan.served.has(request.id);
}

/** Where several agents of ours are left idle before one request, none of them is kept from others for it. */
const isToBlame = (pool: PoolCase, request: JobRequest): boolean =>
  takersIn(pool).filter(({ name, ours }) => ours && isIgnored(pool, name, request)).length > 1;

describe('a plan', () => {
  it('is the same for the same pool', () => {
    everyPool((pool, plan) => {
      expect(planOf(structuredClone(pool))).toEqual(plan);
    });
  });

  it('does not depend on the order in which anything was read', () => {
    everyPool((pool, plan) => {
      for (const each of [1, 2, 3]) {
        const again = planOf(shuffled(pool, seededRandom(each)));
        expect(toldBy(again)).toEqual(toldBy(plan));
      }
    });
  });

  it('ends each waiting request in one way and speaks of no other', () => {
    everyPool((pool, plan) => {
      const ends = [
        ...plan.served.keys(),
        ...answersIn(plan).map((creation) => requestOf(creation) ?? -1),
        ...plan.skips.map(({ requestId }) => requestId),
      ];
      expect(ends.toSorted(numeric)).toEqual(idsOf(waitingIn(pool)));
    });
  });

  it('serves requests by distinct agents that can take them', () => {
    everyPool((pool, plan) => {
      const takers = new Map(takersIn(pool).map((taker) => [taker.name, taker]));
      const wrong = servableIn(pool).filter((request) => {
        const name = plan.served.get(request.id);
        const taker = takers.get(name ?? '');
        return name !== undefined && (taker === undefined || !canTake(taker, request));
      });
      expect(wrong).toEqual([]);
      expect(new Set(plan.served.values()).size).toBe(plan.served.size);
    });
  });

  it('leaves no request without a usable agent that nobody has and that could take it', () => {
    everyPool((pool, plan) => {
      const taken = new Set(plan.served.values());
      const free = trustedTakers(pool, plan).filter(({ name }) => !taken.has(name));
      const unserved = servableIn(pool).filter((each) => !plan.served.has(each.id) && !isToBlame(pool, each));
      expect(unserved.filter((request) => free.some((taker) => canTake(taker, request)))).toEqual([]);
    });
  });

  it('says of no agent without cause that the server does not use it, and counts on none of which that is true', () => {
    everyPool((pool, plan) => {
      const slander = separatedIn(pool, plan).filter(
        ({ name, request }) => !isIgnored(pool, name, request) && !isDeceived(pool, plan, name, request),
      );
      expect(slander).toEqual([]);
      const requests = requestsOf(pool).filter(({ id }) => plan.served.has(id));
      expect(requests.filter((request) => isIgnored(pool, plan.served.get(request.id) ?? '', request))).toEqual([]);
    });
  });

  it('is empty where the requests or the agents are unknown', () => {
    everyPool(({ policy, observed }) => {
      for (const part of ['requests', 'agents'] as const) {
        const { actions, skips, served } = planPool(policy, { ...observed, [part]: unknown('timeout') });
        expect({ actions, skips, served: served.size }).toEqual({ actions: [], skips: [], served: 0 });
      }
    });
  });
});

describe('a creation', () => {
  it('has a name that nobody has and a cluster that answered', () => {
    everyPool((pool, plan) => {
      const creations = creationsOf(plan);
      const used = new Set([...agentJobsOf(pool), ...agentsOf(pool)].map(({ name }) => name));
      const readable = pool.observed.clusters.flatMap(({ name, agentJobs }) => (agentJobs.known ? [name] : []));
      expect(new Set(creations.map(({ name }) => name)).size).toBe(creations.length);
      expect(creations.filter(({ name, cluster }) => used.has(name) || !readable.includes(cluster))).toEqual([]);
    });
  });

  it('makes an agent that can do what its request demands, in the size and with the image that it demands', () => {
    everyPool((pool, plan) => {
      const wrong = answersIn(plan).filter((creation) => {
        const request = requestsOf(pool).find(({ id }) => id === requestOf(creation));
        const template = templateNamed(pool, creation.template.name);
        if (request === undefined || template === undefined) return true;
        const { parameters } = creation;
        const cpu = parameters.cpu ?? template.cpu;
        const image = parameters.image === undefined ? template.image : template.parameters.image[parameters.image];
        const isInPlace = creation.template.cpu === cpu && creation.template.image === image;
        return !isInPlace || !fits(agentAbilities(template, parameters), request);
      });
      expect(wrong).toEqual([]);
    });
  });

  it('is of the cheapest template that nothing forbids', () => {
    everyPool((pool, plan) => {
      const answers = answersIn(plan);
      const room = roomAfter(pool, plan, answers);
      const dear = answers.filter((creation) => {
        const request = requestsOf(pool).find(({ id }) => id === requestOf(creation));
        if (request === undefined || attemptsAt(pool, request).some(hasFallen)) return false;
        const isDefault = creation.template.name === pool.policy.defaultTemplate;
        const isPlain = request.demands.every((demand) => demand.startsWith('Agent.'));
        const cheaper = fittingTemplates(pool, request).filter(({ cost }) => cost < creation.template.cost);
        const others = isDefault && isPlain ? [] : cheaper;
        return others.some(
          (template) =>
            obstaclesTo(pool, template, request, { room, answers, past: pastOf(pool, plan, request) }).size === 0,
        );
      });
      expect(dear).toEqual([]);
    });
  });

  it('is of the default template for a request without demands, where nothing forbids it', () => {
    everyPool((pool, plan) => {
      const answers = answersIn(plan);
      const room = roomAfter(pool, plan, answers);
      const template = templateNamed(pool, pool.policy.defaultTemplate ?? '');
      const strayed = answers.filter((creation) => {
        const request = requestsOf(pool).find(({ id }) => id === requestOf(creation));
        if (request === undefined || template === undefined || request.demands.length > 0) return false;
        if (attemptsAt(pool, request).length > 0 || creation.template.name === template.name) return false;
        return obstaclesTo(pool, template, request, { room, answers, past: pastOf(pool, plan, request) }).size === 0;
      });
      expect(strayed).toEqual([]);
    });
  });

  it('is not of a template that no node took for its request, if another one will do', () => {
    everyPool((pool, plan) => {
      const answers = answersIn(plan);
      const room = roomAfter(pool, plan, answers);
      const again = answers.filter((creation) => {
        const request = requestsOf(pool).find(({ id }) => id === requestOf(creation));
        if (request === undefined) return true;
        const fallen = attemptsAt(pool, request).filter(hasFallen);
        const names = new Set(fallen.map(({ template }) => template));
        const others = fittingTemplates(pool, request).filter(({ name }) => !names.has(name));
        if (!names.has(creation.template.name)) return false;
        return others.some(
          (template) =>
            obstaclesTo(pool, template, request, { room, answers, past: pastOf(pool, plan, request) }).size === 0,
        );
      });
      expect(again).toEqual([]);
    });
  });
});

interface Said {
  readonly pool: PoolCase;
  readonly plan: Plan;
  readonly request: JobRequest;
  readonly fitting: readonly Template[];
  /** What the creations for requests leave: warm ones come after them. */
  readonly room: Room;
  readonly answers: readonly Creation[];
}

/** What is left of the parallel jobs, the other pools of the group may have wished for. */
function hasNoShare({ observed }: PoolCase, { parallelism }: JobRequest, { parallel }: Room): boolean {
  const wishes = observed.group.map(({ needs }) => (needs.known ? needs.value.wishes.length : 0));
  return parallelism === 'private' && parallel <= wishes.reduce((sum, each) => sum + each, 0);
}

/** No fitting template could be used, and this is one of the reasons. */
const isHeldBy =
  (reason: SkipReason) =>
  ({ pool, plan, request, fitting, room, answers }: Said): boolean => {
    const isBeyond = hasNoShare(pool, request, room);
    const found = fitting.map((template) =>
      obstaclesTo(pool, template, request, { room, answers, past: pastOf(pool, plan, request) }),
    );
    return found.every(({ size }) => size > 0 || isBeyond) && found.some((each) => each.has(reason));
  };

/** Where its own agent serves another, that one's own yet another and so on: the last whose own serves nobody. */
function inWhoseStead({ pool, plan, request }: Pick<Said, 'pool' | 'plan' | 'request'>): JobRequest {
  const ownOf = ({ id }: JobRequest): readonly string[] =>
    agentJobsOf(pool).flatMap(({ name, purpose }) =>
      purpose.kind === 'request' && purpose.requestId === id ? [name] : [],
    );
  const serverOf = (agents: readonly string[]): JobRequest | undefined =>
    requestsOf(pool).find(({ id }) => agents.includes(plan.served.get(id) ?? ''));
  let last = request;
  for (let next = serverOf(ownOf(last)); next !== undefined && next !== last; next = serverOf(ownOf(last))) last = next;
  return last;
}

/** Whose attempts at it count. */
const pastOf = (pool: PoolCase, plan: Plan, request: JobRequest): readonly JobRequest[] => [
  ...new Set([request, inWhoseStead({ pool, plan, request })]),
];

/** True before any template is looked at. */
const standing = {
  backingOff: ({ pool, request }) => mustWait(pool, request),
  userDelayed: ({ request }) => request.userDelayed,
  runOver: ({ pool, request }) => pool.observed.runsOver.has(request.id),
  unparsableDemand: ({ request }) => request.demands.some((demand) => demand.includes('-like')),
  contradictoryParameters: ({ request }) => isContradictory(request),
  unknownParameter: ({ pool, request, fitting }) => fitting.length === 0 && fitsButForParameters(pool, request),
  noTemplate: ({ pool, request, fitting }) => fitting.length === 0 && !fitsButForParameters(pool, request),
  retiringFirst: (said) => [said.request, inWhoseStead(said)].some((each) => isEndingFirst(said.pool, each)),
  notAssignedByServer: ({ pool, plan, request }) =>
    isToBlame(pool, request) ||
    separatedIn(pool, plan).some((each) => each.request.id === request.id && isOurs(pool, each.name)),
} satisfies Partial<Record<SkipReason, (said: Said) => boolean>>;

const truths: Readonly<Record<SkipReason, (said: Said) => boolean>> = {
  ...standing,
  backingOff: (said) => mustWait(said.pool, said.request) || isHeldBy('backingOff')(said),
  paused: isHeldBy('paused'),
  drained: isHeldBy('drained'),
  createRefused: isHeldBy('createRefused'),
  noClusterReadable: isHeldBy('noClusterReadable'),
  breakerOpen: isHeldBy('breakerOpen'),
  agentVersionUnknown: isHeldBy('agentVersionUnknown'),
  atTemplateLimit: isHeldBy('atTemplateLimit'),
  atPoolLimit: isHeldBy('atPoolLimit'),
  atPassLimit: isHeldBy('atPassLimit'),
  atQuota: isHeldBy('atQuota'),
  atParallelJobLimit: ({ pool, request, room }) => hasNoShare(pool, request, room),
};

function saidOf(pool: PoolCase, plan: Plan, request: JobRequest): Said {
  const answers = answersIn(plan);
  return {
    pool,
    plan,
    request,
    fitting: fittingTemplates(pool, request),
    room: roomAfter(pool, plan, answers),
    answers,
  };
}

describe('a skip', () => {
  it('tells the truth: with a fitting template, room and nothing in its way a request gets an agent', () => {
    everyPool((pool, plan) => {
      const isTrue = ({ requestId, reason }: Skip): boolean => {
        const request = requestsOf(pool).find(({ id }) => id === requestId);
        return request !== undefined && truths[reason](saidOf(pool, plan, request));
      };
      expect(plan.skips.filter((skip) => !isTrue(skip))).toEqual([]);
    });
  });

  it('is what a request gets that must wait whatever room there is', () => {
    everyPool((pool, plan) => {
      const created = new Set(answersIn(plan).map(requestOf));
      const rash = requestsOf(pool)
        .filter(({ id }) => created.has(id))
        .filter((request) => Object.values(standing).some((isSo) => isSo(saidOf(pool, plan, request))));
      expect(rash).toEqual([]);
      expect(requestsOf(pool).filter((each) => isHopeless(pool, each) && plan.served.has(each.id))).toEqual([]);
    });
  });

  it('for want of room never lets a younger request have the room', () => {
    everyPool((pool, plan) => {
      const requests = new Map(requestsOf(pool).map((request) => [request.id, request]));
      const passedOver = plan.skips.filter(({ requestId, reason }) => {
        const older = requests.get(requestId);
        if (older === undefined || !reason.startsWith('at')) return false;
        return answersIn(plan).some((creation) => {
          const other = requests.get(requestOf(creation) ?? -1);
          const isYounger = other !== undefined && (other.queuedAt - older.queuedAt || other.id - older.id) > 0;
          const sameRoom = older.parallelism === 'public' || other?.parallelism === 'private';
          const sameDemands = JSON.stringify(older.demands) === JSON.stringify(other?.demands);
          return isYounger && sameRoom && sameDemands && attemptsAt(pool, older).length === 0;
        });
      });
      expect(passedOver).toEqual([]);
    });
  });
});
