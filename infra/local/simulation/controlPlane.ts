/**
 * One control plane on virtual time: a sweep timer, hooks, its own next looks, and the passes that they cause. Passes
 * over one pool follow each other, as a Service Bus session sees to; now and then two overlap, as when its lock is lost.
 */
import { ThrottleMemory } from '../../../shared/adapters/azureDevOps/throttle.ts';
import { clusterOver } from '../../../shared/adapters/kubernetes/cluster.ts';
import { isJsonObject, type JsonObject } from '../../../shared/domain/json.ts';
import { Secret } from '../../../shared/domain/secret.ts';
import type { PoolPolicy } from '../../../shared/domain/template.ts';
import type { AgentKeys, Cluster, Log } from '../../../shared/ports.ts';
import type { ReconcileDeps } from '../../../shared/reconcile/deps.ts';
import { type PassReport, reconcilePool } from '../../../shared/reconcile/reconcilePool.ts';
import { inProcessAgentPools } from '../azureDevOps/inProcess.ts';
import type { InProcessOptions } from '../azureDevOps/inProcessCall.ts';
import { inProcessPipelineRuns } from '../azureDevOps/inProcessRuns.ts';
import type { RateLimiter } from '../azureDevOps/wire/rateLimit.ts';
import type { AzureDevOpsWorld } from '../azureDevOps/world.ts';
import { inProcessKubernetesApi } from '../kubernetes/inProcess.ts';
import type { KubernetesWorld } from '../kubernetes/world.ts';
import type { CancelTimer, WorldClock } from '../world/clock.ts';
import type { Faults, Journal } from '../world/faults.ts';
import type { Random } from '../world/random.ts';
import type { Mortal } from './mortal.ts';

/** All that the control planes of one history share. */
export interface Surroundings {
  readonly clock: WorldClock;
  readonly random: Random;
  readonly ado: AzureDevOpsWorld;
  readonly clusters: ReadonlyMap<string, KubernetesWorld>;
  readonly namespace: string;
  readonly policies: readonly PoolPolicy[];
  readonly journal: Journal;
  readonly faults: Faults;
  readonly latencyMs: number;
  /** No call is quicker on its way there or back; absent = 0. */
  readonly leastLatencyMs?: number;
  /** Of calls of Azure DevOps; all control planes are one identity. Absent = none. */
  readonly limiter?: RateLimiter;
  /** The runs of requests can be told and asked; absent = nobody tells them anything. */
  readonly tellsRuns?: boolean;
}

export interface ControlPlaneOptions {
  readonly name: string;
  readonly mortal: Mortal;
  readonly sweepMs: number;
  readonly overlapChance: number;
  readonly onReport: (report: PassReport) => void;
  /** A Job is about to be created by a pass that could not read every cluster. */
  readonly onBlindCreation: (name: string) => void;
  readonly log: Log;
}

/** Keys cost 0.2 s each for real; a history needs none that work. */
const keys: AgentKeys = {
  generate: () => Promise.resolve({ publicKey: { exponent: 'AQAB', modulus: 'AA' }, rsaParameters: new Secret('{}') }),
};

const passMs = 60_000;

function nameOf(manifest: JsonObject): string {
  const { metadata } = manifest;
  return isJsonObject(metadata) && typeof metadata['name'] === 'string' ? metadata['name'] : '';
}

export class ControlPlane {
  readonly #around: Surroundings;
  readonly #options: ControlPlaneOptions;
  readonly #deps: ReadonlyMap<number, ReconcileDeps>;
  /** By session: pools that share parallel jobs are passed over one after the other. */
  readonly #running = new Map<string, number>();
  readonly #wanted = new Map<number, string>();
  readonly #nextLook = new Map<number, CancelTimer>();
  /** The reads of clusters by the passes over a pool that are under way. */
  readonly #reads = new Map<number, readonly { readonly answered: boolean }[]>();
  #sweep: CancelTimer | undefined;
  #nonce = 0;

  constructor(around: Surroundings, options: ControlPlaneOptions) {
    this.#around = around;
    this.#options = options;
    const all = around.policies.map((policy) => this.#depsFor(policy));
    const groupOf = ({ policy }: ReconcileDeps): readonly ReconcileDeps[] =>
      all.filter(({ policy: other }) => other !== policy && other.licenceGroup === policy.licenceGroup);
    this.#deps = new Map(all.map((deps) => [deps.policy.poolId, { ...deps, group: groupOf(deps) }]));
  }

  #depsFor(policy: PoolPolicy): ReconcileDeps {
    const { clock, random, ado, clusters, namespace, journal, faults, latencyMs, leastLatencyMs = 0 } = this.#around;
    const { name: caller, mortal, log } = this.#options;
    const { limiter, tellsRuns = false } = this.#around;
    const throttle = new ThrottleMemory(clock);
    const half = (): number => (latencyMs === 0 ? 0 : random.between(leastLatencyMs, latencyMs));
    const door: InProcessOptions = {
      caller,
      journal,
      faults,
      clock,
      random,
      latencyMs: () => ({ before: half(), after: half() }),
      ...(limiter !== undefined && { limiter }),
      onThrottleHint: (retryAfterMs) => throttle.heard(retryAfterMs),
    };
    return {
      policy,
      pools: mortal.through(inProcessAgentPools(ado, door)),
      ...(tellsRuns && { runs: mortal.through(inProcessPipelineRuns(ado, door)) }),
      throttle,
      clusters: policy.clusters.flatMap((name) => {
        const world = clusters.get(name);
        if (world === undefined) return [];
        const door = `kubernetes:${name}`;
        const api = inProcessKubernetesApi(world, { caller, door, journal, faults, clock, random, latencyMs: half });
        return [this.#watched(clusterOver(mortal.through(api), { name, namespace, clock }), policy.poolId)];
      }),
      namespaces: new Map(policy.clusters.map((name) => [name, namespace])),
      keys,
      registrationToken: () => Promise.resolve(new Secret('registration token')),
      memory: {
        quotas: new Map(),
        runs: new Map(),
        refusals: new Map(),
        told: new Set(),
        leftoversAskedAt: new Map(),
      },
      nonces: { next: () => `${caller}-${this.#nonce++}` },
      clock,
      log,
    };
  }

  /** Notes which creations come from a pass for which some cluster was out of reach. */
  #watched(cluster: Cluster, poolId: number): Cluster {
    return {
      ...cluster,
      listAgentJobs: async (scope) => {
        // Unanswered counts as unseen: a pass does not wait for a slow cluster for ever.
        const read = { answered: false };
        this.#reads.set(poolId, [...(this.#reads.get(poolId) ?? []), read]);
        const agentJobs = await cluster.listAgentJobs(scope);
        read.answered = true;
        return agentJobs;
      },
      createAgentJob: (manifest) => {
        if (this.#reads.get(poolId)?.some((read) => !read.answered)) this.#options.onBlindCreation(nameOf(manifest));
        return cluster.createAgentJob(manifest);
      },
    };
  }

  /** Begins to sweep, after a start-up of its own length. */
  start(): void {
    const { clock, random, policies } = this.#around;
    const sweep = (): void => {
      if (!this.#options.mortal.alive) return;
      for (const policy of policies) this.look(policy.poolId, 'sweep');
      this.#sweep = clock.after(this.#options.sweepMs, sweep);
    };
    this.#sweep = clock.after(random.between(0, 5000), sweep);
  }

  stop(): void {
    this.#sweep?.();
    for (const cancel of this.#nextLook.values()) cancel();
  }

  /** Somebody says "look at this pool now". While a pass runs, one more is kept for afterwards. */
  look(poolId: number, cause: string): void {
    if (!this.#options.mortal.alive) return;
    const session = this.#sessionOf(poolId);
    const running = this.#running.get(session) ?? 0;
    if (running > 0 && !this.#around.random.chance(this.#options.overlapChance)) {
      this.#wanted.set(poolId, cause);
      return;
    }
    this.#running.set(session, running + 1);
    void this.#pass(poolId, cause).finally(() => {
      this.#running.set(session, (this.#running.get(session) ?? 1) - 1);
      this.#next(session);
    });
  }

  #sessionOf(poolId: number): string {
    return this.#deps.get(poolId)?.policy.licenceGroup ?? '';
  }

  /** Whoever has waited longest. */
  #next(session: string): void {
    const next = [...this.#wanted].find(([poolId]) => this.#sessionOf(poolId) === session);
    if (next === undefined) return;
    this.#wanted.delete(next[0]);
    this.look(...next);
  }

  async #pass(poolId: number, cause: string): Promise<void> {
    const deps = this.#deps.get(poolId);
    if (deps === undefined) return;
    if (this.#running.get(this.#sessionOf(poolId)) === 1) this.#reads.delete(poolId);
    const deadlineAt = this.#around.clock.now() + passMs;
    const report = await reconcilePool(deps, { cause, correlationId: this.#options.name, deadlineAt });
    this.#options.onReport(report);
    this.#lookAgain(poolId, report);
  }

  #lookAgain(poolId: number, report: PassReport): void {
    const soonest = report.remaining ? 1000 : (report.nextLookAt ?? Number.POSITIVE_INFINITY) - report.at;
    if (!Number.isFinite(soonest)) return;
    this.#nextLook.get(poolId)?.();
    const wait = Math.max(report.retryAfterMs ?? 0, soonest);
    this.#nextLook.set(
      poolId,
      this.#around.clock.after(wait, () => this.look(poolId, 'nextLook')),
    );
  }
}
