/**
 * What must hold in every history, checked as it happens and at its end. A violation is a sentence with the time at
 * which it was seen.
 */
import { isOver, isTombstone, standsBehind } from '../../../shared/domain/agentJob.ts';
import { type EpochMs, minutesMs } from '../../../shared/domain/instant.ts';
import { labels, type ParsedName, parseName, placeholderName, templateShort } from '../../../shared/domain/names.ts';
import type { PoolPolicy } from '../../../shared/domain/template.ts';
import { freeParallelJobs, isPrivate } from '../../../shared/plan/licence.ts';
import { knownAgentJobs } from '../../../shared/plan/observed.ts';
import { scopeOf } from '../../../shared/plan/view.ts';
import type { PassReport } from '../../../shared/reconcile/reconcilePool.ts';
import type { WorldEvent as AdoEvent } from '../azureDevOps/events.ts';
import type { AzureDevOpsWorld } from '../azureDevOps/world.ts';
import type { KubernetesWorld } from '../kubernetes/world.ts';
import type { WorldEvent as KubernetesEvent } from '../kubernetes/worldEvent.ts';
import { Conduct } from './conduct.ts';
import { Graces } from './graces.ts';
import { causedByUs, Harm } from './harm.ts';
import { JobLedger } from './jobLedger.ts';
import { isMemoryOf, overAgeOf } from './settled.ts';
import { TrialWatch } from './trialWatch.ts';

export class Invariants {
  readonly violations: string[] = [];
  readonly ledger = new JobLedger();
  readonly #conduct: Conduct;
  readonly harm = new Harm((at, sentence) => this.violated(at, sentence));
  readonly #graces = new Graces((at, sentence) => this.violated(at, sentence));
  readonly #trials: TrialWatch;
  /** How many agents of a candidate may be unproven at once, where passes meet. */
  mostTrials = 1;
  requests = 0;
  ran = 0;
  lost = 0;
  cancelled = 0;
  readonly #ado: AzureDevOpsWorld;
  #policies: readonly PoolPolicy[];
  /** Requests of runs that are over: nobody can ever serve them. */
  readonly orphans = new Set<number>();
  readonly #worlds = new Map<string, KubernetesWorld>();
  readonly #jobNames = new Set<string>();
  readonly #agentNames = new Set<string>();
  readonly #sessions = new Set<string>();
  /** Agent names registered more than once. */
  readonly #reused = new Map<string, EpochMs>();

  constructor(ado: AzureDevOpsWorld, policies: readonly PoolPolicy[]) {
    this.#ado = ado;
    this.#policies = policies;
    this.#trials = new TrialWatch(ado);
    this.#conduct = new Conduct(
      () => ado.now(),
      (at, sentence) => this.violated(at, sentence),
    );
    ado.onEvent((event) => this.#onAdo(event));
  }

  /** A newer configuration is in force. */
  onConfiguration(policies: readonly PoolPolicy[]): void {
    this.#policies = policies;
    const names = policies.flatMap(({ templates }) => templates.map(({ name }) => templateShort(name)));
    this.#conduct.onConfiguration(new Set(names));
  }

  watchCluster(name: string, world: KubernetesWorld): void {
    this.#worlds.set(name, world);
    world.onEvent((event) => this.#onCluster(name, event));
    this.ledger.watch(name, world);
    this.#conduct.watch(world);
    this.#trials.watch(world);
  }

  violated(at: EpochMs, sentence: string): void {
    this.violations.push(`${new Date(at).toISOString().slice(11, 23)} ${sentence}`);
  }

  #policy(poolId: number): PoolPolicy | undefined {
    return this.#policies.find((policy) => policy.poolId === poolId);
  }

  #onAdo(event: AdoEvent): void {
    if (event.kind === 'requestQueued') this.requests += 1;
    if (event.kind === 'jobRefused') this.violated(event.at, `a pipeline job was refused: ${event.message}`);
    if (event.kind === 'unassigned') this.ledger.expiredAssignments += 1;
    if (event.kind === 'finished') this.#countFinished(event);
    this.harm.onAdo(event);
    if ('agentName' in event) this.#onAgent(event, event.agentName ?? '');
  }

  #onAgent(event: AdoEvent & { readonly poolId: number }, name: string): void {
    const parsed = this.#parsedName(event.poolId, name);
    this.#conduct.onAgent(event, parsed);
    const graceMs = this.#policy(event.poolId)?.ghostGraceMs ?? 0;
    this.#graces.onAgent(event, parsed, graceMs, () => this.ledger.isBacked(name));
    // A lock on a name keeps an agent from bearing it; it is none.
    if (event.kind === 'agentAdded' && parsed?.kind === 'request' && !event.placeholder)
      this.#onRegistered(name, event.at);
    if (event.kind === 'sessionOpened') this.#countFlap(name);
    if (event.kind === 'agentDeleted' && event.heldRequest !== undefined) {
      this.violated(event.at, `agent ${name} was deleted while it held request ${event.heldRequest}`);
    }
  }

  #onRegistered(agentName: string, at: EpochMs): void {
    if (this.#agentNames.has(agentName)) this.#reused.set(agentName, at);
    this.#agentNames.add(agentName);
  }

  #countFlap(agentName: string): void {
    if (this.#sessions.has(agentName)) this.ledger.flapped += 1;
    this.#sessions.add(agentName);
  }

  #countFinished(event: Extract<AdoEvent, { readonly kind: 'finished' }>): void {
    if (event.lost) this.lost += 1;
    else if (event.ran) this.ran += 1;
    else this.cancelled += 1;
  }

  #parsedName(poolId: number, name: string): ParsedName | undefined {
    const policy = this.#policy(poolId);
    return policy === undefined ? undefined : parseName(scopeOf(policy), name);
  }

  #once(seen: Set<string>, name: string, at: EpochMs): void {
    if (seen.has(name)) this.violated(at, `the name ${name} was used twice`);
    seen.add(name);
  }

  #onCluster(cluster: string, event: KubernetesEvent): void {
    this.harm.onCluster(event);
    if (event.kind === 'jobCreated') {
      this.#once(this.#jobNames, `${cluster}/${event.name}`, event.at);
    }
    if (event.kind === 'podTerminating' && causedByUs.has(event.why) && event.jobName !== undefined) {
      const overAge = overAgeOf(this.#worlds.get(cluster), event.namespace, event.jobName);
      this.#mustBeIdle(cluster, event.jobName, event, overAge);
    }
  }

  #mustBeIdle(
    cluster: string,
    agentName: string,
    { why, at }: { readonly why: string; readonly at: EpochMs },
    overAge: number | undefined,
  ): void {
    const agentId = this.ledger.agentIdOf(cluster, agentName);
    if (agentId === undefined) return;
    for (const { poolId } of this.#policies) {
      const held = this.#ado
        .listJobRequests(poolId, { completedRequestCount: 0 })
        .find((request) => request.result === undefined && request.reservedAgent?.id === agentId);
      if (held === undefined) continue;
      const isAged = overAge === held.id;
      if (isAged && this.#isHung(poolId, held)) this.harm.onOverAge(agentName);
      else this.violated(at, `pod of ${agentName} was ended (${why}) while it held request ${held.id}`);
    }
  }

  /** Only an administrator's own rule ends a pod at work, and only then. */
  #isHung(poolId: number, held: { readonly receivedAt?: EpochMs; readonly lockedUntil?: EpochMs }): boolean {
    const rule = this.#policy(poolId)?.maxJobAge;
    const now = this.#ado.now();
    const { receivedAt = now, lockedUntil = now } = held;
    return rule?.ends === true && (now - receivedAt >= rule.ms || now - lockedUntil >= minutesMs(5));
  }

  /** Called with every pass: no plan exceeds a limit, given what it saw. */
  onReport(report: PassReport): void {
    const policy = this.#policy(report.poolId);
    if (policy === undefined) return;
    this.#mustKeepWhatItCountsOn(report);
    const creates = report.plan.actions.filter((action) => action.kind === 'create');
    const live = knownAgentJobs(report.observed).filter(
      (agentJob) => agentJob.phase === 'creating' || (!isTombstone(agentJob) && !isOver(agentJob)),
    );
    if (creates.length > 0 && live.length + creates.length > policy.maxAgents) {
      this.violated(
        report.at,
        `a plan makes ${live.length + creates.length} of ${policy.maxAgents} agents in pool ${policy.poolId}`,
      );
    }
    const privates = creates.filter(
      ({ purpose }) => purpose.kind === 'request' && isPrivateIn(report, purpose.requestId),
    );
    const free = freeIn(report, policy);
    if (privates.length > free)
      this.violated(report.at, `a plan makes ${privates.length} agents for ${free} parallel jobs`);
    for (const template of policy.templates) {
      const planned = creates.filter((action) => action.template.name === template.name).length;
      const existing = live.filter((agentJob) => agentJob.template === template.name).length;
      if (planned > 0 && planned + existing > template.maxAgents) {
        this.violated(report.at, `a plan makes ${planned + existing} of ${template.maxAgents} ${template.name} agents`);
      }
    }
  }

  #mustKeepWhatItCountsOn({ plan, at, observed }: PassReport): void {
    const known = knownAgentJobs(observed).map((agentJob) => agentJob.name);
    // A name that two clusters hold says nothing: one of the two is an old attempt that was out of sight.
    const countedOn = new Set(
      [...plan.served.values()].filter((name) => known.indexOf(name) === known.lastIndexOf(name)),
    );
    const agents = observed.agents.known ? observed.agents.value : [];
    for (const action of plan.actions) {
      // The agent of one that lost the race is another Job's, and stays.
      if (action.kind !== 'retire' || action.reason === 'raced' || !countedOn.has(action.agentJob.name)) continue;
      // As does one of another id: the Job that it belongs to is in a cluster out of sight.
      const agent = agents.find(({ name }) => name === action.agentJob.name);
      if (agent !== undefined && !standsBehind(action.agentJob, agent)) continue;
      this.violated(at, `a plan retires ${action.agentJob.name} (${action.reason}) and counts on it`);
    }
  }

  /**
   * A look that missed something may create for a request whose agent it could not see, under a number whose tombstone
   * it could not see either.
   */
  onBlindCreation(name: string): void {
    this.ledger.blindNames.add(name);
  }

  /** At the end: everything served, the account balanced, nothing left without a reason to be. */
  finish(at: EpochMs, clusters: ReadonlyMap<string, KubernetesWorld>, namespace: string): void {
    for (const policy of this.#policies) this.#finishPool(policy, at);
    for (const [name, world] of clusters) this.#nothingLeft(name, world, namespace, at);
    for (const [name, seenAt] of this.#reused) {
      if (!this.ledger.blindNames.has(name)) this.violated(seenAt, `the agent name ${name} was used twice`);
    }
    const trials = this.#trials.most(this.ledger.blindNames);
    if (trials > this.mostTrials) this.violated(at, `${trials} agents tried one image at once`);
    const account = this.ledger.account(this.requests);
    const explained = Object.values(account).reduce((sum, count) => sum + count, 0);
    if (this.ledger.jobs > explained) {
      this.violated(at, `${this.ledger.jobs} Jobs were made, ${explained} are explained: ${JSON.stringify(account)}`);
    }
  }

  #finishPool(policy: PoolPolicy, at: EpochMs): void {
    const { agents, requests } = this.#ado.snapshot(policy.poolId);
    const unserved = requests.filter(({ id, result }) => result === undefined && !this.orphans.has(id));
    for (const request of unserved) {
      this.violated(at, `request ${request.id} was never served (queued ${new Date(request.queuedAt).toISOString()})`);
    }
    const placeholders = new Set(policy.templates.map((template) => placeholderName(scopeOf(policy), template.name)));
    for (const agent of agents) {
      const ours = parseName(scopeOf(policy), agent.name) !== undefined;
      if (ours && !placeholders.has(agent.name)) this.violated(at, `agent ${agent.name} is left over`);
      placeholders.delete(agent.name);
    }
    for (const missing of placeholders) this.violated(at, `placeholder ${missing} is missing`);
  }

  #nothingLeft(cluster: string, world: KubernetesWorld, namespace: string, at: EpochMs): void {
    for (const resource of ['jobs', 'pods', 'secrets'] as const) {
      const { body } = world.list(resource, namespace, { labelSelector: labels.installation });
      const items = Array.isArray(body['items']) ? body['items'] : [];
      for (const item of items.filter((each) => !isMemoryOf(this.orphans, each))) {
        this.violated(at, `${cluster}: ${resource} ${String(item?.metadata?.name)} is left over`);
      }
    }
  }
}

function isPrivateIn({ observed }: PassReport, requestId: number): boolean {
  const requests = observed.requests.known ? observed.requests.value : [];
  return requests.some((request) => request.id === requestId && isPrivate(request));
}

function freeIn({ observed }: PassReport, policy: PoolPolicy): number {
  const requests = observed.requests.known ? observed.requests.value : [];
  return freeParallelJobs({ policy, observed, requests });
}
