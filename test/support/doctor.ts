/** The live probe over real sockets: the real SDKs, the agent's own client, stand-ins whose clock can be put forward. */
import { wireListener } from '../../infra/cli/doctorListener.ts';
import type { WorldLimits } from '../../infra/local/azureDevOps/options.ts';
import { CallCounter, type Crash, Mortal } from '../../infra/local/simulation/mortal.ts';
import { type CancelTimer, SystemClock } from '../../infra/local/world/clock.ts';
import { rsaAgentKeys } from '../../shared/adapters/azureDevOps/agentKeys.ts';
import { azureDevOpsPools } from '../../shared/adapters/azureDevOps/pools.ts';
import { clusterOver } from '../../shared/adapters/kubernetes/cluster.ts';
import { wireKubernetesApi } from '../../shared/adapters/kubernetes/wireApi.ts';
import type { ControlData } from '../../shared/domain/control.ts';
import { isProbeAgentName } from '../../shared/domain/names.ts';
import { Secret } from '../../shared/domain/secret.ts';
import type { PoolPolicy } from '../../shared/domain/template.ts';
import { scopeOf } from '../../shared/plan/view.ts';
import type { AgentKey, AgentPools, Clock, Cluster } from '../../shared/ports.ts';
import { probePool } from '../../shared/reconcile/probe.ts';
import type { ProbeDeps } from '../../shared/reconcile/probeDeps.ts';
import type { ProbeReport } from '../../shared/reconcile/probeReport.ts';
import { startTestAzureDevOps, type TestAzureDevOps } from './azureDevOpsServer.ts';
import { agentNamespace, controlPlaneToken, startTestKubernetes, type TestKubernetes } from './kubernetesServer.ts';
import { aPoolPolicy } from './policyBuilders.ts';

interface Due {
  readonly at: number;
  readonly fire: () => void;
}

/** Real time that can be put forward; what falls due by that happens at once, in order. */
export class ForwardClock extends SystemClock {
  #forwardMs = 0;
  readonly #due = new Set<Due>();

  override now(): number {
    return super.now() + this.#forwardMs;
  }

  override after(ms: number, run: () => void): CancelTimer {
    const fire = (): void => {
      cancel();
      run();
    };
    const due = { at: this.now() + ms, fire };
    const stop = super.after(ms, fire);
    const cancel = (): void => {
      stop();
      this.#due.delete(due);
    };
    this.#due.add(due);
    return cancel;
  }

  forward(ms: number): void {
    this.#forwardMs += ms;
    const fallen = [...this.#due].filter(({ at }) => at <= this.now());
    for (const { fire } of fallen.toSorted((a, b) => a.at - b.at)) fire();
  }
}

/** Made once: what a run needs of a key is that it is one. */
const keys: readonly AgentKey[] = await Promise.all([rsaAgentKeys().generate(), rsaAgentKeys().generate()]);

/** The adapter with this token; no retry of it waits. */
export function poolsAt(organisationUrl: string, pat: string, clock: Clock): AgentPools {
  const getToken = async () => ({ token: new Secret(pat), expiresAt: Number.POSITIVE_INFINITY });
  const credential = { kind: 'personalAccessToken', tokens: { getToken } } as const;
  return azureDevOpsPools({ organisationUrl, credential, clock, timeoutMs: 2_000, retry: { pauseMs: 1 } });
}

export interface DoctorWorld {
  readonly clock: ForwardClock;
  readonly devOps: TestAzureDevOps<ForwardClock>;
  readonly kubernetes: TestKubernetes<ForwardClock>;
  readonly policy: PoolPolicy;
  readonly cluster: Cluster;
  /** The private key of the first agents, as text. */
  readonly privateKey: string;
  /** Every state in which an agent of the probe was online and enabled at a time. Must stay empty. */
  readonly exposed: readonly string[];
  deps(overrides?: Partial<ProbeDeps>): ProbeDeps;
  probe(overrides?: Partial<ProbeDeps>): Promise<ProbeReport>;
  /** A probe whose process dies at a call; resolves when it does, with the number of calls. */
  dyingProbe(crash?: Crash): Promise<number>;
  probeAgents(): readonly string[];
  control(): Promise<ControlData | undefined>;
  close(): Promise<void>;
}

export async function startDoctorWorld(limits: Partial<WorldLimits> = {}): Promise<DoctorWorld> {
  const clock = new ForwardClock();
  const devOps = await startTestAzureDevOps({ clock, limits, holdMs: 200 });
  const kubernetes = await startTestKubernetes({ clock });
  const short = 'ab12';
  const policy = aPoolPolicy({
    organisation: { name: 'contoso', url: devOps.url, short },
    clusters: ['primary'],
    poolId: 1,
  });
  devOps.world.addPool({ id: policy.poolId, name: policy.poolName });
  const api = wireKubernetesApi(
    { kind: 'server', server: kubernetes.url, token: new Secret(controlPlaneToken) },
    { clock },
  );
  const cluster = clusterOver(api, { name: 'primary', namespace: agentNamespace });
  const exposed: string[] = [];
  const listeners: { end(): void }[] = [];
  const ours = () =>
    devOps.world.listAgents(policy.poolId).filter(({ name }) => isProbeAgentName(scopeOf(policy), name));
  devOps.world.onEvent(({ kind }) => {
    exposed.push(...ours().flatMap(({ name, online, enabled }) => (online && enabled ? [`${name} at ${kind}`] : [])));
  });
  let runs = 0;

  const deps = (overrides: Partial<ProbeDeps> = {}): ProbeDeps => ({
    policy,
    pools: poolsAt(devOps.url, devOps.pat, clock),
    clusters: [cluster],
    keys: { generate: async () => keys[runs++ % keys.length] ?? Promise.reject(new RangeError('no key')) },
    nonces: { next: () => crypto.randomUUID() },
    clock,
    connect: (files, serverClock) => {
      const listener = wireListener('doctor-host')(files, serverClock);
      listeners.push(listener);
      return listener;
    },
    signal: new AbortController().signal,
    times: { pauseMs: 1, repetitions: 2, looks: 3, toldMs: 5_000 },
    ...overrides,
  });
  const dyingProbe = async (crash?: Crash): Promise<number> => {
    const counter = new CallCounter();
    const died = Promise.withResolvers<void>();
    const mortal = new Mortal(counter, crash, died.resolve);
    const whole = deps();
    const report = probePool({
      ...whole,
      pools: mortal.through(whole.pools),
      clusters: whole.clusters.map((each) => mortal.through(each)),
      // end() is no call to the outside: it is what the death of the process does to open sockets.
      connect: (files, serverClock) => {
        const listener = whole.connect(files, serverClock);
        return Object.assign(
          mortal.through({
            signIn: () => listener.signIn(),
            openSession: (capabilities: Parameters<typeof listener.openSession>[0]) =>
              listener.openSession(capabilities),
            poll: (signal: AbortSignal) => listener.poll(signal),
            closeSession: () => listener.closeSession(),
          }),
          { end: () => listener.end() },
        );
      },
    });
    await Promise.race([report, died.promise]);
    for (const listener of listeners.splice(0)) listener.end();
    return counter.count;
  };

  return {
    clock,
    devOps,
    kubernetes,
    policy,
    cluster,
    privateKey: keys.map(({ rsaParameters }) => rsaParameters.reveal()).join('\n'),
    exposed,
    deps,
    probe: (overrides) => probePool(deps(overrides)),
    dyingProbe,
    probeAgents: () => ours().map(({ name }) => name),
    control: () => cluster.getControl(policy.poolId),
    close: async () => {
      for (const listener of listeners) listener.end();
      await Promise.all([devOps.close(), kubernetes.close()]);
    },
  };
}
