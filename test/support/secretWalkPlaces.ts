/**
 * Takes down all that the stand-ins ever held and all that was printed: every version of every object of the cluster,
 * what was mounted into each container and what it printed, messages of the queue, what Azure DevOps shows of agents,
 * requests and runs, log lines, and answers that somebody was given.
 */
import { format } from 'node:util';
import { mountedFolders } from '../../infra/local/agent/mounts.ts';
import { list, nameOf, namespaceOf, text } from '../../infra/local/kubernetes/object.ts';
import type { ContainerContext } from '../../infra/local/kubernetes/podStory.ts';
import { type ResourceName, resourceTypes } from '../../infra/local/kubernetes/resource.ts';
import { localSecrets, queueName, vaultNames } from '../../infra/local/start/localSettings.ts';
import type { LocalSystem, LocalSystemOptions } from '../../infra/local/start/localSystem.ts';
import type { JsonObject } from '../../shared/domain/json.ts';
import { registerContainer } from '../../shared/plan/podPlaces.ts';
import { aSecret, type KnownSecret, leavesOf, type Place, type PlaceKind } from './secretWalk.ts';

const kindOf: Readonly<Partial<Record<ResourceName, PlaceKind>>> = {
  pods: 'pod',
  jobs: 'job',
  secrets: 'secret',
  events: 'event',
  configmaps: 'configMap',
};

const jobOfPod = (pod: JsonObject): string | undefined =>
  text(pod, 'metadata', 'labels', 'batch.kubernetes.io/job-name');

/** Pods bear their Job's name on a label, all else of an agent job is named like it. */
const agentJobOf = (resource: ResourceName, object: JsonObject): string | undefined =>
  resource === 'pods' ? jobOfPod(object) : nameOf(object);

const tagsOf = ({ runs }: LocalSystem['devOps'], runId: number | undefined): readonly string[] =>
  runId === undefined ? [] : runs.tags(runId);

/** '' where the kubelet would refuse: a container that waits has printed nothing, a lost node cannot be asked. */
function readLog(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}

export class Recorder {
  readonly #places = new Map<string, Place>();
  readonly #undo: (() => void)[] = [];

  get places(): readonly Place[] {
    return [...this.#places.values()];
  }

  add(place: Place): void {
    this.#places.set(`${place.kind} ${place.where} ${place.text}`, place);
  }

  addValue(place: Omit<Place, 'text'>, value: unknown): void {
    for (const [path, leaf] of leavesOf(value)) {
      this.add({ ...place, where: `${place.where} ${path}`.trim(), text: leaf });
    }
  }

  /** To be handed to the system's start. What is printed outside of functions is taken down too, and still printed. */
  readonly options: Pick<LocalSystemOptions, 'onLog' | 'onContainer'> = {
    onLog: (functionName, _level, line) => this.add({ kind: 'log', where: functionName, text: line }),
    onContainer: (context) => this.#container(context),
  };

  watchConsole(): void {
    for (const method of ['debug', 'log', 'info', 'warn', 'error'] as const) {
      const original = console[method];
      console[method] = (...args: unknown[]): void => {
        this.add({ kind: 'log', where: `console.${method}`, text: format(...args) });
        original(...args);
      };
      this.#undo.push(() => {
        console[method] = original;
      });
    }
  }

  watch({ cluster, devOps, serviceBus }: Pick<LocalSystem, 'cluster' | 'devOps' | 'serviceBus'>): void {
    for (const resource of Object.keys(resourceTypes) as ResourceName[]) {
      for (const item of list(cluster.list(resource, undefined).body, 'items')) {
        this.#object(resource, item as JsonObject);
      }
      const watch = cluster.watch(resource, undefined, {}, ({ type, object }) => {
        this.#object(resource, object);
        if (resource === 'pods' && type === 'MODIFIED') this.#podLogs(cluster, object);
      });
      this.#undo.push(() => watch.close());
    }
    const look = (): void => {
      for (const pool of devOps.listPools()) {
        for (const agent of devOps.listAgents(pool.id)) this.addValue({ kind: 'agent', where: agent.name }, agent);
        for (const request of devOps.snapshot(pool.id).requests) {
          this.addValue({ kind: 'request', where: String(request.id) }, request);
          this.addValue({ kind: 'runTag', where: `run ${request.run?.id}` }, tagsOf(devOps, request.run?.id));
        }
      }
    };
    look();
    this.#undo.push(devOps.onEvent(look));
    const read = (): void => {
      const queue = serviceBus.queue(queueName);
      for (const message of [...queue.active, ...queue.scheduled, ...queue.deferred, ...queue.deadLettered]) {
        this.addValue({ kind: 'intent', where: message.messageId }, message);
      }
    };
    read();
    this.#undo.push(serviceBus.onQueueChange(queueName, read));
  }

  stop(): void {
    for (const undo of this.#undo.splice(0)) undo();
  }

  #object(resource: ResourceName, object: JsonObject): void {
    const kind = kindOf[resource] ?? 'otherObject';
    this.addValue({ kind, where: `${resource}/${nameOf(object)}`, agentJob: agentJobOf(resource, object) }, object);
  }

  /** What its containers have printed so far; with the pod it would be gone. */
  #podLogs(cluster: LocalSystem['cluster'], pod: JsonObject): void {
    for (const status of ['initContainerStatuses', 'containerStatuses'].flatMap((key) => list(pod, 'status', key))) {
      const container = text(status, 'name') ?? '';
      const where = `${nameOf(pod)} ${container}`;
      const printed = readLog(() => cluster.readLog(namespaceOf(pod), nameOf(pod), { container }));
      this.add({ kind: 'podLog', where, text: printed });
    }
  }

  #container(context: ContainerContext): void {
    const kind = context.container === registerContainer ? 'initFile' : 'mainFile';
    const agentJob = jobOfPod(context.pod);
    for (const [folder, files] of mountedFolders(context)) {
      for (const [file, content] of Object.entries(files)) {
        this.add({ kind, where: `${agentJob} ${folder}/${file}`, text: content, agentJob });
      }
    }
  }
}

/** What init containers register with: in its Secret, and where that is mounted. */
export const ofRegistration = ({ kind, where }: Place): boolean =>
  kind === 'secret'
    ? where.endsWith(' data.token')
    : kind === 'initFile' && where.endsWith(' /mayfly/registration/token');

/** All that opens more than one agent does. */
export function poolSecrets({ azure, host, settings }: LocalSystem): readonly KnownSecret[] {
  const { grants } = azure.identity;
  const entra = grants.map(({ token, clientId, resource }, index) => {
    const name = `Entra token ${index} of ${clientId ?? 'mayfly'} for ${resource}`;
    return aSecret(name, token, clientId === undefined ? undefined : ofRegistration);
  });
  const [current] = [azure.vault.secrets.latest(vaultNames.registration)?.value ?? localSecrets.registration];
  return [
    ...entra,
    aSecret('registration PAT', current, ofRegistration),
    aSecret('hook secret', settings['MAYFLY_HOOK_SECRET'] ?? localSecrets.hook),
    aSecret('Kubernetes token', localSecrets.kubernetesToken),
    aSecret('Service Bus key', localSecrets.serviceBusKey),
    aSecret('identity header', localSecrets.identityHeader),
    ...(host === undefined ? [] : [aSecret('master key', host.keys.master)]),
  ];
}

function componentsOf({ text: content }: Place): readonly string[] {
  try {
    const key: unknown = JSON.parse(content.replace(/^\uFEFF/, ''));
    if (typeof key !== 'object' || key === null || !('modulus' in key)) return [];
    return ['d', 'dp', 'dq', 'inverseQ', 'p', 'q'].map((name) => String((key as Record<string, unknown>)[name]));
  } catch {
    return [];
  }
}

/** A component that is missing or next to nothing is no secret, and would be found everywhere. */
const isLong = (component: string): boolean => component.length >= 32;

/** Of each agent whose key file was seen in a container: it belongs to the Secret and the pod of this agent alone. */
export function agentKeys(places: readonly Place[]): readonly KnownSecret[] {
  return places
    .filter(({ kind, where }) => kind === 'mainFile' && where.endsWith('/.credentials_rsaparams'))
    .flatMap((place) =>
      componentsOf(place)
        .filter(isLong)
        .map((component, index) => ({
          name: `key component ${index} of ${place.agentJob}`,
          bytes: Buffer.from(component, 'base64'),
          mayStandIn: ({ kind, where, agentJob }: Place) =>
            agentJob === place.agentJob &&
            (kind === 'mainFile' || (kind === 'secret' && where.endsWith(' data..credentials_rsaparams'))),
        })),
    );
}
