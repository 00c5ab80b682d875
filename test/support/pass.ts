/**
 * Control planes over both in-process worlds on virtual time, and verbs to see what exists afterwards in a few words.
 * Looking goes past the doors: it is in no journal and takes no fault.
 */
import { inProcessAgentPools } from '../../infra/local/azureDevOps/inProcess.ts';
import { AzureDevOpsWorld } from '../../infra/local/azureDevOps/world.ts';
import { inProcessKubernetesApi } from '../../infra/local/kubernetes/inProcess.ts';
import { type PodStory, quickStory, type Workload } from '../../infra/local/kubernetes/podStory.ts';
import { KubernetesWorld } from '../../infra/local/kubernetes/world.ts';
import { agentWorkload, type Temper } from '../../infra/local/simulation/agentInPod.ts';
import { CallCounter, type Crash, Mortal } from '../../infra/local/simulation/mortal.ts';
import { settled, VirtualClock } from '../../infra/local/world/clock.ts';
import { type Call, type FaultKind, Faults, Journal } from '../../infra/local/world/faults.ts';
import { seededRandom } from '../../infra/local/world/random.ts';
import { clusterOver } from '../../shared/adapters/kubernetes/cluster.ts';
import type { AgentJob } from '../../shared/domain/agentJob.ts';
import type { JsonObject, JsonPatch } from '../../shared/domain/json.ts';
import { annotations, placeholderName } from '../../shared/domain/names.ts';
import { agentVersionOf, placeholderCapabilities } from '../../shared/domain/offer.ts';
import { Secret } from '../../shared/domain/secret.ts';
import type { PoolPolicy } from '../../shared/domain/template.ts';
import { scopeOf } from '../../shared/plan/view.ts';
import type { AgentKey, Cluster, LogFields, LogLevel } from '../../shared/ports.ts';
import type { Pass } from '../../shared/reconcile/deps.ts';
import type { Outcome } from '../../shared/reconcile/outcome.ts';
import { policy as defaultPolicy } from './builders.ts';

export const namespace = 'mayfly-agents';
/** What init containers register with. */
export const registrationToken = 'registration-token';
const { poolId } = defaultPolicy;
/** From an agent's last word to the end of its process. */
const exitMs = 2000;

/** All that exists, a line each. Names go without their common stem: "1001-2" is the second attempt for request 1001. */
export interface Existing {
  /** "1001-1 started agent=3 served=1001"; with "east/" before it where there are several clusters. */
  readonly jobs: readonly string[];
  /** "3 1001-1 online request=1001": id, name, whether online, and what else is unusual. */
  readonly agents: readonly string[];
  readonly secrets: readonly string[];
  readonly pods: readonly string[];
}

/** Of Azure DevOps everywhere: the placeholder of the one template. It is registered first. */
export const placeholderLine = '1 placeholder offline';
export const nothing: Existing = { jobs: [], agents: [placeholderLine], secrets: [], pods: [] };

export interface LogLine {
  readonly level: LogLevel;
  readonly event: string;
  readonly fields: LogFields;
}

export interface PlaneOptions {
  readonly name?: string;
  /** Each call takes so long, half before and half after it reaches the world. */
  readonly latencyMs?: number | (() => number);
  readonly crash?: Crash;
  readonly counter?: CallCounter;
}

export interface Plane {
  readonly deps: Pass;
  readonly mortal: Mortal;
}

export interface WorldsOptions {
  readonly policy?: PoolPolicy;
  /** What an agent process does; sound when absent. May be changed at any time. */
  readonly temper?: Temper;
  readonly key?: AgentKey;
  /** False leaves the pool without its placeholder. */
  readonly placeholder?: boolean;
  /** False leaves every cluster without its control map. */
  readonly control?: boolean;
}

/** Faults that can also let the world move on by one step just before a call reaches it. */
class InterposedFaults extends Faults {
  readonly #steps: { readonly verb: string; readonly run: () => void }[] = [];

  meanwhile(verb: string, run: () => void): void {
    this.#steps.push({ verb, run });
  }

  override take(call: Pick<Call, 'door' | 'caller' | 'verb' | 'target'>): FaultKind | undefined {
    const index = this.#steps.findIndex((step) => step.verb === call.verb);
    if (index !== -1) this.#steps.splice(index, 1)[0]?.run();
    return super.take(call);
  }
}

/** Keys that cannot sign anything but can be told apart. */
const aKey = (index: number): AgentKey => ({
  publicKey: { exponent: 'AQAB', modulus: `modulus-${index}` },
  rsaParameters: new Secret(JSON.stringify({ modulus: `modulus-${index}`, d: `private-exponent-${index}` })),
});

export class Worlds {
  readonly clock = new VirtualClock();
  readonly random = seededRandom(5);
  readonly journal = new Journal();
  readonly faults = new InterposedFaults();
  readonly policy: PoolPolicy;
  readonly ado: AzureDevOpsWorld;
  readonly clusters: ReadonlyMap<string, KubernetesWorld>;
  readonly log: LogLine[] = [];
  /** Ids of deleted agents, in order. */
  readonly deletedAgents: number[] = [];
  /** Requests that an agent received and completed, and those whose agent fell silent. */
  readonly ran: number[] = [];
  readonly lost: number[] = [];
  temper: Temper;
  story: PodStory = quickStory;
  readonly #key: AgentKey | undefined;
  readonly #unseen = { journal: new Journal(), faults: new Faults() };
  #keys = 0;

  constructor(options: WorldsOptions = {}) {
    const { clock, random } = this;
    this.policy = options.policy ?? defaultPolicy;
    this.temper = options.temper ?? { kind: 'sound' };
    this.#key = options.key;
    const { name, url } = this.policy.organisation;
    const limits = { assignDelayMs: { min: 0, max: 0 } };
    const organisation = { name, url, authorizationUrl: `${url}/oauth2` };
    this.ado = new AzureDevOpsWorld({ clock, random, organisation, parallelJobs: 100, limits });
    this.ado.addPool({ id: poolId, name: this.policy.poolName });
    this.ado.onEvent((event) => {
      if (event.kind === 'agentDeleted') this.deletedAgents.push(event.agentId);
      if (event.kind === 'finished' && event.ran) this.ran.push(event.requestId);
      if (event.kind === 'finished' && event.lost) this.lost.push(event.requestId);
    });
    const agent = agentWorkload(this.ado, () => ({ temper: this.temper, connectMs: 500 }));
    const workload: Workload = {
      ...agent,
      run: async (context) => {
        const exitCode = await agent.run(context);
        await clock.sleep(exitMs, context.killed).catch(() => undefined);
        return exitCode;
      },
    };
    this.clusters = new Map(
      this.policy.clusters.map((cluster) => [
        cluster,
        new KubernetesWorld({ clock, random, namespaces: [namespace], workload, story: () => this.story }),
      ]),
    );
    if (options.control !== false) for (const cluster of this.clusters.keys()) this.setControl({}, cluster);
    if (options.placeholder === false) return;
    const [template] = this.policy.templates;
    if (template === undefined) throw new RangeError('a policy has a template');
    this.ado.addAgent(poolId, {
      name: placeholderName(scopeOf(this.policy), template.name),
      version: agentVersionOf(template),
      systemCapabilities: placeholderCapabilities(template),
    });
  }

  /** A control plane: its own nonces, speed and mortality, over the same worlds. */
  plane({ name = 'plane', latencyMs = 0, crash, counter = new CallCounter() }: PlaneOptions = {}): Plane {
    const mortal = new Mortal(counter, crash, () => undefined);
    const { journal, faults, log } = this;
    return { deps: this.#deps(name, { journal, faults, latencyMs, mortal, log }), mortal };
  }

  #deps(
    caller: string,
    parts: Pick<Worlds, 'journal' | 'log'> & {
      readonly faults: Faults;
      readonly latencyMs: number | (() => number);
      readonly mortal: Mortal;
    },
  ): Pass {
    const { clock, random, ado, policy } = this;
    const { journal, faults, latencyMs, mortal, log } = parts;
    const halfMs = (): number => (typeof latencyMs === 'number' ? latencyMs : latencyMs()) / 2;
    const shared = { caller, journal, faults, clock, random };
    const pools = inProcessAgentPools(ado, { ...shared, latencyMs: () => ({ before: halfMs(), after: halfMs() }) });
    let nonce = 0;
    return {
      policy,
      pools: mortal.through(pools),
      clusters: [...this.clusters].map(([name, world]) => {
        const api = inProcessKubernetesApi(world, { ...shared, door: `kubernetes:${name}`, latencyMs });
        return clusterOver(mortal.through(api), { name, namespace, clock });
      }),
      namespaces: new Map(policy.clusters.map((name) => [name, namespace])),
      keys: { generate: async () => this.#key ?? aKey(this.#keys++) },
      registrationToken: async () => new Secret(registrationToken),
      nonces: { next: () => `${caller}-${nonce++}` },
      memory: { quotas: new Map(), runs: new Map() },
      clock,
      serverNow: () => ado.now(),
      log: { write: (level, event, fields = {}) => log.push({ level, event, fields }) },
    };
  }

  /** The next `times` calls of this verb fail. */
  fail(verb: string, fault: FaultKind, times = 1): void {
    this.faults.add(fault, (call) => call.verb === verb, times);
  }

  /** Runs `step` once, just before the next call of this verb reaches the world. */
  meanwhile(verb: string, step: () => void): void {
    this.faults.meanwhile(verb, step);
  }

  /** Lets virtual time pass until the promise has settled. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let open = true;
    const close = (): void => {
      open = false;
    };
    promise.then(close, close);
    for (await settled(); open; await settled()) {
      if (this.clock.nextAt === undefined) throw new Error('it waits for nothing');
      await this.clock.runUntil(this.clock.nextAt);
    }
    return promise;
  }

  world(cluster: string = this.policy.clusters[0] ?? ''): KubernetesWorld {
    const world = this.clusters.get(cluster);
    if (world === undefined) throw new RangeError(`no cluster ${cluster}`);
    return world;
  }

  /** The Cluster port past the door. */
  cluster(name: string = this.policy.clusters[0] ?? ''): Cluster {
    const mortal = new Mortal(new CallCounter(), undefined, () => undefined);
    const found = this.#deps('nobody', { ...this.#unseen, latencyMs: 0, mortal, log: [] }).clusters;
    const cluster = found.find((each) => each.name === name);
    if (cluster === undefined) throw new RangeError(`no cluster ${name}`);
    return cluster;
  }

  /** Somebody writes the control map anew; at once. */
  setControl(data: Readonly<Record<string, string>>, cluster?: string): void {
    const name = `mayfly-pool-${poolId}`;
    const world = this.world(cluster);
    const { items } = world.list('configmaps', namespace).body;
    if ((items as readonly JsonObject[]).length > 0) world.delete('configmaps', namespace, name);
    world.create('configmaps', namespace, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data });
  }

  /** What the control map holds; undefined = there is none. */
  control(cluster?: string): JsonObject | undefined {
    const { items } = this.world(cluster).list('configmaps', namespace).body;
    const [map] = items as readonly JsonObject[];
    return map === undefined ? undefined : record(map['data']);
  }

  async agentJob(name: string, cluster?: string): Promise<AgentJob> {
    const found = await this.cluster(cluster).getAgentJob(name);
    if (found === undefined) throw new RangeError(`no agent job ${name}`);
    return found;
  }

  /** Somebody else's hand on a Job; at once. */
  patchJob(name: string, patch: JsonPatch, cluster?: string): void {
    const body = patch.map((operation) => ({ ...operation }));
    this.world(cluster).patch('jobs', namespace, name, { type: 'json', body });
  }

  /** Somebody else moves the Job to this phase; at once. */
  movePhase(name: string, phase: AgentJob['phase'], cluster?: string): void {
    const path = `/metadata/annotations/${annotations.phase.replace('/', '~1')}`;
    this.patchJob(name, [{ op: 'replace', path, value: phase }], cluster);
  }

  /** The id of its request. `userDelayed` = it waits, and is given to nobody. */
  queueJob(durationMs = 60_000, userDelayed = false): number {
    const queued = this.ado.queueJob({ poolId, durationMs, userDelayed });
    if (queued.kind === 'refused') throw new Error(queued.message);
    return queued.requestId;
  }

  existing(): Existing {
    return {
      jobs: this.#lines('jobs', jobLine),
      agents: this.ado.listAgents(poolId).map((agent) => {
        const { id, name, enabled, online, assignedRequestId } = agent;
        const marks = [online ? 'online' : 'offline', ...(enabled ? [] : ['disabled'])];
        const request = assignedRequestId === undefined ? [] : [`request=${assignedRequestId}`];
        return [id, this.short(name), ...marks, ...request].join(' ');
      }),
      secrets: this.#lines('secrets', ({ name }) => name),
      pods: this.#lines(
        'pods',
        ({ name, object }) => `${name.replace(/-[^-]+$/, '')} ${text(record(object['status'])['phase'])}`,
      ),
    };
  }

  podNames(cluster?: string): readonly string[] {
    const { items } = this.world(cluster).list('pods', namespace).body;
    return (items as readonly JsonObject[]).map((pod) => text(record(pod['metadata'])['name']));
  }

  #lines(
    resource: 'jobs' | 'secrets' | 'pods',
    line: (found: { readonly name: string; readonly object: JsonObject }) => string,
  ): readonly string[] {
    return [...this.clusters].flatMap(([cluster, world]) => {
      const where = this.clusters.size > 1 ? `${cluster}/` : '';
      const { items } = world.list(resource, namespace).body;
      return (items as readonly JsonObject[]).map((object) => {
        const name = this.short(text(record(object['metadata'])['name']));
        return `${where}${line({ name, object })}`;
      });
    });
  }

  short(name: string): string {
    const { installation, organisation } = scopeOf(this.policy);
    return name.replace(`mf-${installation}-${organisation}-${poolId}-`, '').replace(/^p-.{6}$/, 'placeholder');
  }

  /** All calls of a plane, in order: the verb, and the outcome where it is not "ok". */
  calls(caller?: string): readonly string[] {
    return this.journal.calls
      .filter((call) => caller === undefined || call.caller === caller)
      .map(({ verb, outcome }) => (outcome === 'ok' ? verb : `${verb} (${outcome})`));
  }
}

const record = (value: unknown): JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

function jobLine({ name, object }: { readonly name: string; readonly object: JsonObject }): string {
  const notes = record(record(object['metadata'])['annotations']);
  const told = (['agentId', 'served', 'reason'] as const).flatMap((key) => {
    const value = text(notes[annotations[key]]);
    return value === '' ? [] : [`${key === 'agentId' ? 'agent' : key}=${value}`];
  });
  const suspended = record(object['spec'])['suspend'] === true ? ['suspended'] : [];
  return [name, text(notes[annotations.phase]), ...suspended, ...told].join(' ');
}

/** An outcome without its action, subject and error: "undone: registering: timeout". */
export const outcomeLine = ({ kind, detail }: Outcome): string => (detail === undefined ? kind : `${kind}: ${detail}`);

export const isWrite = (call: string): boolean => /^(create|patch|delete|add|update)/.test(call);
