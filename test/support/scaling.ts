/**
 * Control planes, hooks and slow agents on virtual time, without any fault: what is counted here must come out exact.
 * Looking goes past the doors.
 */
import { type RateLimit, RateLimiter } from '../../infra/local/azureDevOps/wire/rateLimit.ts';
import { AzureDevOpsWorld } from '../../infra/local/azureDevOps/world.ts';
import { inProcessKubernetesApi } from '../../infra/local/kubernetes/inProcess.ts';
import type { PodStory } from '../../infra/local/kubernetes/podStory.ts';
import { KubernetesWorld } from '../../infra/local/kubernetes/world.ts';
import { agentWorkload, type Temper } from '../../infra/local/simulation/agentInPod.ts';
import { ControlPlane, type Surroundings } from '../../infra/local/simulation/controlPlane.ts';
import { Invariants } from '../../infra/local/simulation/invariants.ts';
import { CallCounter, Mortal } from '../../infra/local/simulation/mortal.ts';
import { organisationUrl, policyFor } from '../../infra/local/simulation/scenario.ts';
import { isSettled } from '../../infra/local/simulation/settled.ts';
import { VirtualClock } from '../../infra/local/world/clock.ts';
import { Faults, Journal } from '../../infra/local/world/faults.ts';
import { type Random, seededRandom } from '../../infra/local/world/random.ts';
import { clusterOver } from '../../shared/adapters/kubernetes/cluster.ts';
import { type EpochMs, minutesMs, secondsMs } from '../../shared/domain/instant.ts';
import { isJsonObject, type JsonObject } from '../../shared/domain/json.ts';
import { labels, placeholderName } from '../../shared/domain/names.ts';
import type { PoolPolicy, Template } from '../../shared/domain/template.ts';
import { scopeOf } from '../../shared/plan/view.ts';
import type { Cluster } from '../../shared/ports.ts';
import type { PassReport } from '../../shared/reconcile/reconcilePool.ts';
import { aTemplate } from './policyBuilders.ts';
import { ScalingCount } from './scalingCount.ts';

const namespace = 'mayfly-agents';
const cluster = 'east';
export const poolId = 7;

/** With the ten seconds of the agent's own start: twenty from the pod to the session. */
const slowStory: PodStory = { scheduleAfterMs: 1000, node: 'east-1', pullMs: 8000, startMs: 1000 };
const connectMs = secondsMs(10);

function storyOf(pod: JsonObject, { unschedulable, story }: ScalingOptions): PodStory {
  if (story !== undefined) return { ...slowStory, ...story(pod) };
  const { metadata } = pod;
  const marks = isJsonObject(metadata) ? metadata['labels'] : undefined;
  const template = isJsonObject(marks) ? marks[labels.template] : undefined;
  return typeof template === 'string' && unschedulable?.(template) === true
    ? { ...slowStory, unschedulable: { message: 'no node' } }
    : slowStory;
}

/** Limits that never bind, where a scenario is not about them. */
export function scalingPolicy(overrides: Partial<PoolPolicy> = {}, templates?: readonly Template[]): PoolPolicy {
  const plain = templates ?? [aTemplate({ maxAgents: 10_000, capabilities: { docker: '27' } })];
  return { ...policyFor(poolId, [cluster], plain), maxAgents: 10_000, ...overrides };
}

export interface ScalingOptions {
  readonly policies?: readonly PoolPolicy[];
  readonly planes?: number;
  readonly seed?: number;
  readonly parallelJobs?: number;
  readonly sweepMs?: number;
  readonly startsAt?: EpochMs;
  /** Of the calls of Azure DevOps. */
  readonly rateLimit?: RateLimit;
  /** Control planes tell the runs of requests what becomes of them. */
  readonly tellsRuns?: boolean;
  /** Templates whose pods no node ever takes. */
  readonly unschedulable?: (template: string) => boolean;
  /** Of pods that are not like all others. */
  readonly story?: (pod: JsonObject) => Partial<PodStory>;
  readonly temper?: (pod: JsonObject) => Temper;
  readonly onReport?: (report: PassReport) => void;
}

export interface QueueSpec {
  readonly poolId?: number;
  readonly demands?: readonly string[];
  readonly durationMs?: number | ((random: Random) => number);
}

export class ScalingWorld {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly ado: AzureDevOpsWorld;
  readonly kubernetes: KubernetesWorld;
  readonly policies: readonly PoolPolicy[];
  readonly invariants: Invariants;
  readonly count: ScalingCount;
  readonly #options: ScalingOptions;
  readonly #around: Surroundings;
  #planes: readonly ControlPlane[];
  readonly #mortals: Mortal[] = [];

  constructor(options: ScalingOptions) {
    const { policies = [scalingPolicy()], planes = 1, seed = 1, parallelJobs = 100_000 } = options;
    this.clock = new VirtualClock(options.startsAt);
    this.random = seededRandom(seed);
    this.policies = policies;
    const { clock, random } = this;
    const organisation = { name: 'contoso', url: organisationUrl, authorizationUrl: `${organisationUrl}/oauth` };
    this.ado = new AzureDevOpsWorld({ clock, random, organisation, parallelJobs });
    const workload = agentWorkload(this.ado, ({ pod }) => ({
      temper: options.temper?.(pod) ?? { kind: 'sound' },
      connectMs,
    }));
    this.kubernetes = new KubernetesWorld({
      clock,
      random,
      namespaces: [namespace],
      story: (pod) => storyOf(pod, options),
      workload,
    });
    this.invariants = new Invariants(this.ado, policies);
    this.invariants.watchCluster(cluster, this.kubernetes);
    this.count = new ScalingCount(this.ado, this.kubernetes);
    for (const policy of policies) this.ado.addPool({ id: policy.poolId, name: policy.poolName });
    this.#options = options;
    this.#around = {
      clock,
      random,
      ado: this.ado,
      clusters: new Map([[cluster, this.kubernetes]]),
      namespace,
      policies,
      journal: new Journal(10),
      faults: new Faults(),
      leastLatencyMs: 25,
      latencyMs: 100,
      ...(options.rateLimit !== undefined && { limiter: new RateLimiter(options.rateLimit) }),
      tellsRuns: options.tellsRuns === true,
    };
    this.#planes = Array.from({ length: planes }, (_, index) => this.#boot(this.#around, `plane-${index}`, options));
    this.#hooks();
  }

  #boot(around: Surroundings, name: string, options: ScalingOptions): ControlPlane {
    const mortal = new Mortal(new CallCounter(), undefined, () => undefined);
    this.#mortals.push(mortal);
    const plane = new ControlPlane(around, {
      name,
      mortal,
      sweepMs: options.sweepMs ?? secondsMs(1),
      overlapChance: 0,
      onReport: (report) => {
        this.invariants.onReport(report);
        this.count.onReport(report);
        options.onReport?.(report);
      },
      onBlindCreation: (blind) => this.invariants.onBlindCreation(blind),
      log: { write: () => undefined },
    });
    plane.start();
    return plane;
  }

  /** Two or three copies of each, soon and out of order. */
  #hooks(): void {
    const { random, clock } = this;
    this.ado.onJobState(() => {
      for (let copy = random.between(2, 3); copy > 0; copy--) {
        clock.after(random.between(0, 500), () => {
          const plane = random.pick(this.#planes);
          for (const policy of this.policies) plane.look(policy.poolId, 'hook');
        });
      }
    });
  }

  /** The cluster as somebody else's calls reach it. */
  clusterFor(caller: string): Cluster {
    const { clock, random, journal, faults } = this.#around;
    const door = `kubernetes:${cluster}`;
    const latencyMs = (): number => random.between(25, 100);
    const api = inProcessKubernetesApi(this.kubernetes, { caller, door, journal, faults, clock, random, latencyMs });
    return clusterOver(api, { name: cluster, namespace });
  }

  /** Queues so many and answers their ids. */
  queue(howMany: number, spec: QueueSpec = {}): readonly number[] {
    const { durationMs = secondsMs(30), demands = [] } = spec;
    return Array.from({ length: howMany }, () => {
      const queued = this.ado.queueJob({
        poolId: spec.poolId ?? poolId,
        demands,
        durationMs: typeof durationMs === 'number' ? durationMs : durationMs(this.random),
        parallelism: 'private',
      });
      if (queued.kind === 'refused') throw new Error(queued.message);
      return queued.requestId;
    });
  }

  cancel(requestIds: readonly number[]): void {
    for (const id of requestIds) this.ado.cancelJob(id);
  }

  /** Sets keys of the control map of the pool. */
  say(data: Readonly<Record<string, string>>): void {
    const name = `mayfly-pool-${poolId}`;
    const { items } = this.kubernetes.list('configmaps', namespace, { fieldSelector: `metadata.name=${name}` }).body;
    if (Array.isArray(items) && items.length > 0)
      this.kubernetes.patch('configmaps', namespace, name, { type: 'merge', body: { data } });
    else
      this.kubernetes.create('configmaps', namespace, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name },
        data,
      });
  }

  /** The control planes finish what they are at, and others with this configuration take their place. */
  async reconfigure(policies: readonly PoolPolicy[]): Promise<void> {
    for (const plane of this.#planes) plane.stop();
    await this.advance(secondsMs(3));
    this.#stopPlanes();
    const around = { ...this.#around, policies };
    this.#planes = this.#planes.map((_, index) => this.#boot(around, `new-plane-${index}`, this.#options));
  }

  #stopPlanes(): void {
    for (const plane of this.#planes) plane.stop();
    for (const mortal of this.#mortals) mortal.alive = false;
  }

  advance(ms: number): Promise<void> {
    return this.clock.advance(ms);
  }

  /** Lets time pass until it holds and answers how much that was; stops after `limitMs`. */
  async until(holds: () => boolean, limitMs = minutesMs(30)): Promise<number> {
    const from = this.clock.now();
    while (!holds() && this.clock.now() - from < limitMs) await this.clock.advance(500);
    return this.clock.now() - from;
  }

  /** Placeholders never are. */
  onlineAgents(): number {
    return this.policies.flatMap((policy) => this.ado.listAgents(policy.poolId)).filter(({ online }) => online).length;
  }

  /** What pods that have not ended run, with what their agents are at. */
  runningImages(): readonly string[] {
    const agents = this.policies.flatMap((policy) => this.ado.listAgents(policy.poolId));
    const busy = new Map(agents.map((agent) => [agent.name, agent.assignedRequestId !== undefined]));
    return this.count.jobs.flatMap(({ name, image, isOver }) =>
      isOver ? [] : [`${image.slice(-1)} ${busy.get(name) === true ? 'busy' : 'idle'}`],
    );
  }

  isSettled(): boolean {
    // Looking at everything costs more than a pass does.
    if (this.count.live > 0 || this.count.open > 0) return false;
    const { ado, policies, invariants } = this;
    const clusters = new Map([[cluster, this.kubernetes]]);
    return isSettled({ ado, clusters, namespace, policies, orphans: invariants.orphans });
  }

  /** Placeholders stand: pipelines can be queued. */
  async ready(): Promise<this> {
    await this.until(() =>
      this.policies.every((policy) => {
        const names = new Set(this.ado.listAgents(policy.poolId).map(({ name }) => name));
        return policy.templates.every(({ name }) => names.has(placeholderName(scopeOf(policy), name)));
      }),
    );
    return this;
  }

  /** Stops the control planes; everything that is wrong or left over, each as a sentence. */
  end(): readonly string[] {
    this.#stopPlanes();
    this.invariants.finish(this.clock.now(), new Map([[cluster, this.kubernetes]]), namespace);
    return this.invariants.violations;
  }

  /** Until nothing is on its way any more, then as `end`. */
  async settle(limitMs = minutesMs(60)): Promise<readonly string[]> {
    await this.until(() => this.isSettled(), limitMs);
    return this.end();
  }
}

export function aScalingWorld(options: ScalingOptions = {}): Promise<ScalingWorld> {
  return new ScalingWorld(options).ready();
}

export interface Tally {
  readonly jobs: number;
  /** Requests that ran to their end. */
  readonly ran: number;
  readonly trouble: readonly string[];
  readonly violations: readonly string[];
}

/** After everything is over. */
export async function tallyOf(world: ScalingWorld): Promise<Tally> {
  const violations = await world.settle();
  const { jobs, ran, trouble } = world.count;
  return { jobs: jobs.length, ran: ran.size, trouble, violations };
}

export const exactly = (requests: number): Tally => ({ jobs: requests, ran: requests, trouble: [], violations: [] });
