/**
 * The limits that cut a request, in figures. They are those that the plan met: the same headroom, lessened by what was
 * created for older requests.
 */
import type { UpstreamErrorKind } from '../domain/errors.ts';
import { byAge, type JobRequest } from '../domain/jobRequest.ts';
import { withParameters } from '../domain/offer.ts';
import { hasRoom, type QuotaResource, quotaResources } from '../domain/quota.ts';
import type { SkipReason } from '../domain/reasons.ts';
import type { Template } from '../domain/template.ts';
import type { Fate, Told } from './explainFate.ts';
import { Headroom } from './headroom.ts';
import { isPrivate } from './licence.ts';
import type { CreateAction, Refusal } from './plan.ts';
import { agentJobAmounts } from './podAmounts.ts';

/** In pods, Jobs, cores or bytes. */
export interface Lack {
  readonly resource: QuotaResource;
  readonly needed: number;
  readonly left: number;
}

export interface GroupTrail {
  readonly organisation: string;
  readonly poolId: number;
  readonly claims?: number;
  readonly wishes?: number;
  readonly error?: UpstreamErrorKind;
}

/** `used` exist already, `planned` are created for older requests by this plan. */
interface Figures {
  readonly maximum: number;
  readonly used: number;
  readonly planned: number;
}

export type Cap =
  | ({ readonly kind: 'pool' } & Figures)
  | ({ readonly kind: 'template'; readonly template: string } & Figures)
  | { readonly kind: 'pass'; readonly maximum: number; readonly planned: number }
  | {
      readonly kind: 'parallelJobs';
      /** As the organisation tells; absent = it could not be asked. */
      readonly total?: number;
      readonly used?: number;
      readonly free: number;
      /** About to be taken by requests of this pool that have an agent. */
      readonly claimed: number;
      /** Requests of this pool that would get an agent, and of these, how many may. */
      readonly wishes: number;
      readonly share: number;
      /** The other pools of the licence group, where they were looked at. */
      readonly group: readonly GroupTrail[];
    }
  | {
      readonly kind: 'quota';
      readonly template: string;
      readonly clusters: readonly { readonly cluster: string; readonly lacks: readonly Lack[] }[];
    }
  | {
      readonly kind: 'clusters';
      readonly unread: readonly { readonly cluster: string; readonly error: UpstreamErrorKind }[];
    };

interface Ahead {
  readonly headroom: Headroom;
  readonly creations: readonly CreateAction[];
}

/** The headroom as it was when this request's turn came: oldest first, each creation took its part. */
function aheadOf({ view, provision, request }: Told): Ahead {
  const headroom = new Headroom(view, provision.usable, provision.deal.room);
  const older = new Map(provision.waiting.filter((each) => byAge(each, request) < 0).map((each) => [each.id, each]));
  const ownerOf = ({ purpose }: CreateAction): JobRequest | undefined =>
    purpose.kind === 'request' ? older.get(purpose.requestId) : undefined;
  const creations = provision.actions.filter((action) => ownerOf(action) !== undefined);
  for (const action of creations) {
    const owner = ownerOf(action);
    headroom.take(action.template, action.cluster, owner !== undefined && isPrivate(owner));
  }
  return { headroom, creations };
}

function figures(maximum: number, left: number, planned: number): Figures {
  return { maximum, used: maximum - left - planned, planned };
}

function licenceCap({ view, provision }: Told): Cap {
  const { free, needs, share } = provision.deal;
  const usage = view.observed.parallelJobs.value;
  const group = view.observed.group.map(
    ({ organisation, poolId, needs: theirs }): GroupTrail => ({
      organisation,
      poolId,
      ...(theirs.known ? { claims: theirs.value.claims, wishes: theirs.value.wishes.length } : { error: theirs.error }),
    }),
  );
  return {
    kind: 'parallelJobs',
    ...(usage === undefined ? {} : { total: usage.total, used: usage.used }),
    free,
    claimed: needs.claims,
    wishes: needs.wishes.length,
    share,
    group,
  };
}

function quotaCap({ provision, request }: Told, template: Template, { headroom }: Ahead): Cap {
  const choice = provision.shared.choose(request);
  const candidate =
    choice.kind === 'fits' ? choice.candidates.find((each) => each.template.name === template.name) : undefined;
  const needs = agentJobAmounts(withParameters(template, candidate?.parameters ?? {}));
  const clusters = [...headroom.left(template.name).quotas].map(([cluster, rooms]) => ({
    cluster,
    lacks: rooms.flatMap((room) =>
      quotaResources.flatMap((resource): readonly Lack[] => {
        const [needed = 0, left = Number.POSITIVE_INFINITY] = [needs[resource], room[resource]];
        return hasRoom({ [resource]: left }, { [resource]: needed }) ? [] : [{ resource, needed, left }];
      }),
    ),
  }));
  return { kind: 'quota', template: template.name, clusters };
}

function unreadClusters({ view }: Told): Cap {
  const unread = view.observed.clusters.flatMap(({ name, agentJobs }) =>
    agentJobs.known ? [] : [{ cluster: name, error: agentJobs.error }],
  );
  return { kind: 'clusters', unread };
}

type CapReason =
  | 'atTemplateLimit'
  | 'atPoolLimit'
  | 'atParallelJobLimit'
  | 'atPassLimit'
  | 'atQuota'
  | 'noClusterReadable';
type TellCap = (told: Told, template: Template, ahead: Ahead) => Cap;

const capsByReason: Readonly<Record<CapReason, TellCap>> = {
  atTemplateLimit(_told, { name, maxAgents }, { headroom, creations }) {
    const planned = creations.filter(({ template }) => template.name === name).length;
    return { kind: 'template', template: name, ...figures(maxAgents, headroom.left(name).template, planned) };
  },
  atPoolLimit({ view }, { name }, { headroom, creations }) {
    return { kind: 'pool', ...figures(view.policy.maxAgents, headroom.left(name).pool, creations.length) };
  },
  atPassLimit: ({ view }, _template, { creations }) => ({
    kind: 'pass',
    maximum: view.policy.maxCreationsPerPass,
    planned: creations.length,
  }),
  atParallelJobLimit: licenceCap,
  atQuota: quotaCap,
  noClusterReadable: unreadClusters,
};

const isCapReason = (reason: SkipReason): reason is CapReason => Object.hasOwn(capsByReason, reason);

/** A limit of the whole pool is told once, one of a template for each that it kept. */
const keyOf = ({ template, reason }: Refusal): string =>
  reason === 'atTemplateLimit' || reason === 'atQuota' ? `${reason} ${template}` : reason;

/** Every limit among what refused the request; none where something else did. */
export function capsOf(told: Told, fate: Fate): readonly Cap[] {
  if (fate.kind !== 'skipped' || fate.refusals.length === 0) return [];
  const ahead = aheadOf(told);
  const once = new Map(fate.refusals.map((refusal) => [keyOf(refusal), refusal]));
  return [...once.values()].flatMap(({ template: name, reason }): readonly Cap[] => {
    const template = told.view.policy.templates.find((each) => each.name === name);
    return template === undefined || !isCapReason(reason) ? [] : [capsByReason[reason](told, template, ahead)];
  });
}
