/** World, HTTP door and tokens of a Kubernetes cluster in one call, on virtual time unless a clock is given. */
import { fileURLToPath } from 'node:url';
import type { Identity } from '../../infra/local/kubernetes/wire/identity.ts';
import { adminGroup } from '../../infra/local/kubernetes/wire/identity.ts';
import { loadManifests } from '../../infra/local/kubernetes/wire/manifests.ts';
import { type KubernetesServer, startKubernetesServer } from '../../infra/local/kubernetes/wire/server.ts';
import { KubernetesWorld, type KubernetesWorldOptions } from '../../infra/local/kubernetes/world.ts';
import { VirtualClock, type WorldClock } from '../../infra/local/world/clock.ts';
import { Faults, Journal } from '../../infra/local/world/faults.ts';
import { seededRandom } from '../../infra/local/world/random.ts';
import type { JsonObject } from '../../shared/domain/json.ts';

export const agentNamespace = 'mayfly-agents';
export const adminToken = 'admin-token';
/** Of the user whom the local overlay binds to the Role of the control plane, and who may nothing else. */
export const controlPlaneToken = 'control-plane-token';
export const controlPlaneUser = 'mayfly-local';

const overlay = fileURLToPath(new URL('../../infra/kubernetes/overlays/local', import.meta.url));
/** The RBAC objects that are deployed. */
export const deployedObjects: readonly JsonObject[] = loadManifests(overlay);

export interface CallOptions {
  /** undefined = the administrator's; '' = none. */
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface TestKubernetes<C extends WorldClock> {
  readonly world: KubernetesWorld;
  readonly clock: C;
  readonly server: KubernetesServer;
  readonly url: string;
  readonly faults: Faults;
  readonly journal: Journal;
  /** Sends `body` as JSON, or as it is where it is a string. */
  call(method: string, path: string, body?: unknown, options?: CallOptions): Promise<Response>;
  close(): Promise<void>;
}

export interface TestKubernetesOptions<C extends WorldClock> extends Partial<Omit<KubernetesWorldOptions, 'clock'>> {
  readonly clock?: C;
  readonly tokens?: ReadonlyMap<string, Identity>;
  readonly anonymousAdmin?: boolean;
  /** Instead of what is deployed. */
  readonly rbac?: readonly JsonObject[];
}

export async function startTestKubernetes(): Promise<TestKubernetes<VirtualClock>>;
export async function startTestKubernetes<C extends WorldClock = VirtualClock>(
  options: TestKubernetesOptions<C>,
): Promise<TestKubernetes<C>>;
export async function startTestKubernetes(
  options: TestKubernetesOptions<WorldClock> = {},
): Promise<TestKubernetes<WorldClock>> {
  const { clock = new VirtualClock(), tokens, anonymousAdmin = false, rbac = deployedObjects, ...rest } = options;
  const random = seededRandom(11);
  const world = new KubernetesWorld({ namespaces: [agentNamespace], random, ...rest, clock });
  const faults = new Faults();
  const journal = new Journal();
  const server = await startKubernetesServer({
    world,
    rbac,
    tokens: new Map([
      [adminToken, { user: 'admin', groups: [adminGroup] }],
      [controlPlaneToken, { user: controlPlaneUser, groups: [] }],
      ...(tokens ?? []),
    ]),
    door: 'kubernetes:test',
    journal,
    faults,
    anonymousAdmin,
  });
  return {
    world,
    clock,
    server,
    url: server.url,
    faults,
    journal,
    call: (method, path, body, { token = adminToken, headers = {}, signal } = {}) =>
      fetch(server.url + path, {
        method,
        headers: {
          accept: 'application/json',
          ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
        ...(signal && { signal }),
      }),
    close: () => server.close(),
  };
}

/** A Job with one container, as small as the API server takes it. */
export const aJob = (
  name: string,
  overrides: { suspend?: boolean; labels?: Record<string, string> } = {},
): JsonObject => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name, labels: overrides.labels ?? {} },
  spec: {
    backoffLimit: 0,
    suspend: overrides.suspend ?? false,
    template: {
      metadata: { labels: overrides.labels ?? {} },
      spec: {
        restartPolicy: 'Never',
        terminationGracePeriodSeconds: 1,
        containers: [{ name: 'agent', image: 'registry.example/agent:1' }],
      },
    },
  },
});
