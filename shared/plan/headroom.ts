/** How many more agents the limits allow now. Each creation in a plan takes from it, so no plan exceeds a limit. */
import { type AgentJob, isAlive } from '../domain/agentJob.ts';
import { hash64 } from '../domain/hash.ts';
import type { EpochMs } from '../domain/instant.ts';
import { withParameters } from '../domain/offer.ts';
import { type Amounts, hasRoom, lessened } from '../domain/quota.ts';
import type { SkipReason } from '../domain/reasons.ts';
import type { Template } from '../domain/template.ts';
import { everyClusterKnown, type Observed, refusalKey } from './observed.ts';
import { agentJobAmounts } from './podAmounts.ts';
import { remembered } from './remembered.ts';
import { type Usable, workerName } from './supply.ts';
import type { View } from './view.ts';

/** Rendezvous hashing: every control plane prefers the same cluster for a name, and a lost one moves only its own names. */
export function clustersByPreference(name: string, clusters: readonly string[]): readonly string[] {
  if (clusters.length < 2) return clusters;
  return clusters
    .map((cluster) => ({ cluster, weight: hash64(`${cluster}/${name}`) }))
    .toSorted((a, b) => (a.weight < b.weight ? 1 : a.weight > b.weight ? -1 : a.cluster < b.cluster ? -1 : 1))
    .map(({ cluster }) => cluster);
}

const isLive = (agentJob: AgentJob): boolean => isAlive(agentJob) || agentJob.phase === 'creating';

/** What agent jobs of each template take, worked out once. */
const amountsOnce = (): ((template: Template) => Amounts) =>
  remembered(({ name, cpu, memory }: Template) => JSON.stringify([name, cpu, memory]), agentJobAmounts);

export interface Left {
  readonly pass: number;
  readonly pool: number;
  readonly template: number;
  /** By cluster: what each of its quotas leaves. */
  readonly quotas: ReadonlyMap<string, readonly Amounts[]>;
}

export class Headroom {
  #pass: number;
  #pool: number;
  #parallel: number;
  #taken = 0;
  readonly #templates: Map<string, number>;
  readonly #clusters: readonly string[];
  /** What each quota of a cluster leaves. */
  readonly #quotas: Map<string, readonly Amounts[]>;
  readonly #takes = amountsOnce();
  readonly #refusals: Observed['refusals'];
  readonly #now: EpochMs;

  /** `parallel` = how many private requests may get an agent beyond those that have one. */
  constructor(view: View, usable: readonly Usable[], parallel: number) {
    const { policy, observed } = view;
    this.#refusals = observed.refusals;
    this.#now = view.now;
    const live = view.agentJobs.filter(isLive);
    const perTemplate = Map.groupBy(live, (agentJob) => agentJob.template);
    this.#templates = new Map(
      policy.templates.map(({ name, maxAgents }) => [name, maxAgents - (perTemplate.get(name)?.length ?? 0)]),
    );
    this.#pass = policy.maxCreationsPerPass;
    this.#pool = policy.maxAgents - live.length - unseenCount(view, usable);
    this.#parallel = parallel;
    const readable = observed.clusters.filter((cluster) => cluster.agentJobs.known);
    this.#clusters = readable.map(({ name }) => name);
    this.#quotas = new Map(
      readable.map(({ name, quotas }) => {
        const podless = live.filter((agentJob) => agentJob.cluster === name && agentJob.pod === undefined);
        return [name, lessenedBy(quotas.value ?? [], podless, view, this.#takes)];
      }),
    );
  }

  /** What is left now, for whoever explains a refusal. */
  left(template: string): Left {
    return { pass: this.#pass, pool: this.#pool, template: this.#templates.get(template) ?? 0, quotas: this.#quotas };
  }

  /** How many agents have been given room: as long as it stays, every answer does. */
  get takenCount(): number {
    return this.#taken;
  }

  /** What forbids one more agent of this template; undefined = nothing. */
  limit(template: Template, isPrivate: boolean): SkipReason | undefined {
    if ((this.#templates.get(template.name) ?? 0) <= 0) return 'atTemplateLimit';
    if (this.#pool <= 0) return 'atPoolLimit';
    if (isPrivate && this.#parallel <= 0) return 'atParallelJobLimit';
    if (this.#pass <= 0) return 'atPassLimit';
    return undefined;
  }

  #refuses(cluster: string, { name }: Template): boolean {
    const refusing = this.#refusals?.get(refusalKey(cluster, name));
    return refusing !== undefined && this.#now < refusing.until;
  }

  /** Whether a quota would take an agent of this template if so much of it were given back. */
  wouldFit(template: Template, freed: Amounts): boolean {
    const missing = lessened(this.#takes(template), freed);
    return [...this.#quotas.values()].some((rooms) => rooms.every((room) => hasRoom(room, missing)));
  }

  amountsOf(template: Template): Amounts {
    return this.#takes(template);
  }

  /** The cluster for a name, or why none takes another agent of this template now. */
  place(name: string, template: Template): { readonly cluster: string } | SkipReason {
    if (this.#clusters.length === 0) return 'noClusterReadable';
    const willing = this.#clusters.filter((cluster) => !this.#refuses(cluster, template));
    if (willing.length === 0) return 'createRefused';
    const needed = this.#takes(template);
    const cluster = clustersByPreference(name, willing).find((candidate) =>
      this.#quotas.get(candidate)?.every((room) => hasRoom(room, needed)),
    );
    return cluster === undefined ? 'atQuota' : { cluster };
  }

  take(template: Template, cluster: string, isPrivate: boolean): void {
    this.#templates.set(template.name, (this.#templates.get(template.name) ?? 0) - 1);
    this.#pool -= 1;
    this.#pass -= 1;
    this.#taken += 1;
    if (isPrivate) this.#parallel -= 1;
    const needed = this.#takes(template);
    this.#quotas.set(
      cluster,
      (this.#quotas.get(cluster) ?? []).map((room) => lessened(room, needed)),
    );
  }
}

/** A Job counts in its quota as soon as it exists, its pod only once it does: what is on its way is taken. */
function lessenedBy(
  quotas: readonly Amounts[],
  podless: readonly AgentJob[],
  view: View,
  takes: (template: Template) => Amounts,
): readonly Amounts[] {
  if (quotas.length === 0) return quotas;
  const templates = new Map(view.policy.templates.map((template) => [template.name, template]));
  const pods = podless.flatMap(({ template: name, parameters = {} }) => {
    const template = templates.get(name);
    return template === undefined ? [] : [{ ...takes(withParameters(template, parameters)), jobs: 0, secrets: 0 }];
  });
  return quotas.map((room) => pods.reduce<Amounts>(lessened, room));
}

/**
 * Agents of ours that hold room though no list shows their Job: all of them while a cluster is out of reach, else only
 * those so new that the lists may lie apart.
 */
function unseenCount(view: View, usable: readonly Usable[]): number {
  const candidates = everyClusterKnown(view.observed) ? usable.filter(({ state }) => state === 'booting') : view.agents;
  return candidates.filter(({ name }) => !view.agentJobsByName.has(name) && workerName(view.policy, name) !== undefined)
    .length;
}
