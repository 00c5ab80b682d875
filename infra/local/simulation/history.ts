/**
 * One history: the worlds, the control planes, what befalls them, and what came of it. The same seed (and the same
 * crash) tells the same story.
 */
import { minutesMs, secondsMs } from '../../../shared/domain/instant.ts';
import type { JsonObject } from '../../../shared/domain/json.ts';
import { placeholderName } from '../../../shared/domain/names.ts';
import { scopeOf } from '../../../shared/plan/view.ts';
import type { Log } from '../../../shared/ports.ts';
import { AzureDevOpsWorld } from '../azureDevOps/world.ts';
import type { PodStory } from '../kubernetes/podStory.ts';
import { KubernetesWorld } from '../kubernetes/world.ts';
import { VirtualClock } from '../world/clock.ts';
import { Faults, Journal } from '../world/faults.ts';
import { type Random, seededRandom } from '../world/random.ts';
import { afflict } from './afflictions.ts';
import { agentWorkload, randomBehaviour } from './agentInPod.ts';
import { serve } from './buildServer.ts';
import { ControlPlane, type Surroundings } from './controlPlane.ts';
import { stormyFaults } from './faultWeather.ts';
import type { HistoryOptions, HistoryResult } from './historyResult.ts';
import { ImageTrouble } from './imageTrouble.ts';
import { Invariants } from './invariants.ts';
import { CallCounter, Mortal } from './mortal.ts';
import { drawStory } from './podTrouble.ts';
import { drawScenario, mostTrialsIn, organisationUrl, type Scenario } from './scenario.ts';
import { isSettled } from './settled.ts';

export const namespace = 'mayfly-agents';

/** After the faults end everything must be served and gone within this; leases, backoffs and graces add up to it. */
export const settleMs = minutesMs(150);
const sweepMs = secondsMs(60);
const anyKey = { exponent: 'AQAB', modulus: 'AA' };
/** From the first read of a pass to its report, slow answers included. */
const longestPassMs = secondsMs(120);

class History {
  readonly clock = new VirtualClock();
  readonly startedAt = this.clock.now();
  readonly random: Random;
  readonly scenario: Scenario;
  readonly journal = new Journal(2000);
  readonly counter = new CallCounter();
  readonly ado: AzureDevOpsWorld;
  readonly clusters: ReadonlyMap<string, KubernetesWorld>;
  readonly invariants: Invariants;
  readonly #options: HistoryOptions;
  #around: Surroundings;
  readonly #images = new ImageTrouble();
  readonly #weather: { calm(): void };
  #planes: { readonly plane: ControlPlane; readonly mortal: Mortal }[] = [];
  #trouble: number;
  #lastGapAt = Number.NEGATIVE_INFINITY;
  crashes = 0;

  constructor(options: HistoryOptions) {
    this.#options = options;
    this.random = seededRandom(options.seed);
    const drawn = drawScenario(options.seed, this.random);
    this.scenario = options.scenario?.(drawn) ?? drawn;
    this.#trouble = this.scenario.trouble;
    const { clock, random, journal } = this;
    const organisation = { name: 'contoso', url: organisationUrl, authorizationUrl: `${organisationUrl}/oauth` };
    const { parallelJobs, skewMs, lateAssignmentChance } = this.scenario;
    const limits = { lateAssignmentChance };
    this.ado = new AzureDevOpsWorld({ clock, random, organisation, parallelJobs, skewMs, limits });
    const faults = new Faults();
    this.#weather = stormyFaults(faults, random, this.scenario.faultRate);
    const take = faults.take.bind(faults);
    faults.take = (call) => {
      const fault = take(call);
      if (fault?.kind === 'partial') this.#lastGapAt = clock.now();
      return fault;
    };
    const workload = agentWorkload(
      this.ado,
      ({ pod }) => this.#images.behaviour(pod, randomBehaviour(random, this.#trouble)),
      (agentName) => this.invariants.harm.onTemper(agentName),
    );
    this.clusters = new Map(
      this.scenario.clusters.map((name) => {
        const story = (pod: JsonObject): PodStory => this.#images.story(pod, drawStory(name, random, this.#trouble));
        const delays = { jitter: random.pick([0, 0.5]) };
        return [name, new KubernetesWorld({ clock, random, namespaces: [namespace], story, workload, delays })];
      }),
    );
    this.invariants = new Invariants(this.ado, this.scenario.policies);
    this.invariants.mostTrials = mostTrialsIn(this.scenario);
    for (const [name, world] of this.clusters) {
      world.onEvent((event) => {
        const sawGaps = clock.now() - this.#lastGapAt < longestPassMs;
        if (event.kind === 'jobCreated' && sawGaps) this.invariants.onBlindCreation(event.name);
      });
      this.invariants.watchCluster(name, world);
    }
    options.trace?.watch(this.ado, this.clusters, this.startedAt);
    for (const policy of this.scenario.policies) this.ado.addPool({ id: policy.poolId, name: policy.poolName });
    this.#around = {
      clock,
      random,
      ado: this.ado,
      clusters: this.clusters,
      namespace,
      policies: this.scenario.policies,
      journal,
      faults,
      latencyMs: this.scenario.latencyMs,
    };
  }

  #log(plane: string): Log {
    return { write: (level, event, fields) => this.#options.trace?.log(plane, level, event, fields ?? {}) };
  }

  #boot(name: string): void {
    const mortal = new Mortal(this.counter, this.#options.crash, () => {
      this.crashes += 1;
      this.#options.trace?.say(`${name} dies`);
      plane.stop();
      this.#planes = this.#planes.filter((other) => other.mortal !== mortal);
      this.clock.after(this.random.between(1000, 60_000), () => this.#boot(name));
    });
    const plane = new ControlPlane(this.#around, {
      name: `${name}.${this.crashes}`,
      mortal,
      sweepMs,
      overlapChance: this.scenario.overlapChance,
      onReport: (report) => this.invariants.onReport(report),
      onBlindCreation: (blind) => this.invariants.onBlindCreation(blind),
      log: this.#log(name),
    });
    this.#planes.push({ plane, mortal });
    plane.start();
  }

  #arrivals(): void {
    for (const arrival of this.scenario.arrivals) {
      this.clock.after(arrival.atMs, () => {
        const job = this.ado.queueJob(arrival);
        const { cancelAfterMs } = arrival;
        if (job.kind === 'queued' && cancelAfterMs !== undefined) {
          this.clock.after(cancelAfterMs, () => this.#cancel(arrival.poolId, job.requestId));
        }
      });
    }
  }

  #cancel(poolId: number, requestId: number): void {
    if (this.ado.getJobRequest(poolId, requestId).result === undefined) this.ado.cancelJob(requestId);
  }

  /** Hooks carry no pool: each rings for all of them. Lost, copied and late, hence out of order. */
  #hooks(): void {
    const { random } = this;
    const { lost, copies, delayMs } = this.scenario.hooks;
    this.ado.onJobState(() => {
      if (random.chance(lost)) return;
      for (let copy = 0; copy < copies; copy++) {
        this.clock.after(random.between(0, delayMs), () => {
          if (this.#planes.length === 0) return;
          const { plane } = random.pick(this.#planes);
          for (const policy of this.scenario.policies) plane.look(policy.poolId, 'hook');
        });
      }
    });
  }

  #troubles(): void {
    const { random, scenario } = this;
    for (const at of scenario.deaths) {
      this.clock.after(at, () => {
        if (this.#planes.length > 0) random.pick(this.#planes).mortal.die();
      });
    }
    for (const at of scenario.disasters) this.clock.after(at, () => this.#disaster());
    this.clock.after(scenario.faultsEndMs, () => {
      this.#weather.calm();
      this.#trouble = 0;
    });
  }

  /** Each control plane is replaced by one of the new configuration, at a time of its own. */
  #templateLeaves(): void {
    const { leaving, policies } = this.scenario;
    if (leaving === undefined) return;
    this.clock.after(leaving.atMs, () => {
      const left = policies.map((policy) => ({
        ...policy,
        generation: 2,
        templates: policy.templates.filter(({ name }) => name !== leaving.template),
      }));
      this.#around = { ...this.#around, policies: left };
      this.invariants.onConfiguration(left);
      for (const { mortal } of this.#planes) this.clock.after(this.random.between(0, minutesMs(5)), () => mortal.die());
    });
  }

  #disaster(): void {
    const [name, world] = this.random.pick([...this.clusters]);
    const node = `${name}-${this.random.between(1, 3)}`;
    if (this.random.chance(0.5)) world.loseNode(node);
    else world.drainNode(node);
  }

  /** Somebody's own build servers: they take what they can serve, again and again. */
  #foreigners(): void {
    for (let index = 0; index < this.scenario.foreignAgents; index++) {
      const { poolId } = this.random.pick(this.scenario.policies);
      const agent = this.ado.addAgent(poolId, { name: `build-server-${index}`, version: '5.278.0', publicKey: anyKey });
      void serve(this.ado, this.clock, poolId, agent.id, { docker: '27' });
    }
  }

  async run(): Promise<HistoryResult> {
    const { clock, scenario } = this;
    for (let plane = 0; plane < scenario.planes; plane++) this.#boot(`plane-${plane}`);
    await this.#untilPlaceholders();
    this.#foreigners();
    this.#hooks();
    this.#arrivals();
    this.#troubles();
    this.#templateLeaves();
    afflict(scenario.affliction, {
      ...this.#around,
      poolIds: scenario.policies.map((policy) => policy.poolId),
      templates: scenario.policies.flatMap(({ templates }) => templates.map(({ name }) => name)),
      onOrphan: (requestId) => this.invariants.orphans.add(requestId),
      images: this.#images,
      untilMs: scenario.faultsEndMs,
    });
    await clock.advance(Math.max(scenario.faultsEndMs, ...scenario.arrivals.map((arrival) => arrival.atMs)) + 1);
    const calmAt = clock.now();
    while (clock.now() - calmAt < settleMs && !isSettled({ ...this.#around, orphans: this.invariants.orphans }))
      await clock.advance(secondsMs(30));
    const settledAfterMs = clock.now() - calmAt;
    for (const { plane, mortal } of this.#planes) {
      mortal.alive = false;
      plane.stop();
    }
    this.invariants.finish(clock.now(), this.clusters, namespace);
    const { violations, requests, ran, lost, cancelled, ledger } = this.invariants;
    return {
      seed: scenario.seed,
      violations,
      requests,
      jobs: ledger.jobs,
      ran,
      lost,
      cancelled,
      calls: this.counter.count,
      crashes: this.crashes,
      account: ledger.account(requests),
      settledAfterMs,
    };
  }

  /** Pipelines are not queued before there is a placeholder to accept them. */
  async #untilPlaceholders(): Promise<void> {
    const ready = (): boolean =>
      this.scenario.policies.every((policy) => {
        const names = new Set(this.ado.listAgents(policy.poolId).map(({ name }) => name));
        return policy.templates.every(({ name }) => names.has(placeholderName(scopeOf(policy), name)));
      });
    for (let second = 0; second < 7200 && !ready(); second++) await this.clock.advance(1000);
  }
}

export function runHistory(options: HistoryOptions): Promise<HistoryResult> {
  return new History(options).run();
}
