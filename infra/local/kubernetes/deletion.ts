/**
 * Deleting: preconditions, grace for pods, finalizers for foreground and orphan. What is marked here is taken away
 * here as well, once its finalizers are gone.
 */
import type { JsonObject, JsonValue } from '../../../shared/domain/json.ts';
import { type Cluster, type Ending, podFacts } from './cluster.ts';
import {
  count,
  finalizersOf,
  isDeleting,
  nameOf,
  namespaceOf,
  record,
  text,
  timestamp,
  uidOf,
  withMetadata,
} from './object.ts';
import { type ResourceName, type ResourceType, resourceTypes } from './resource.ts';
import { failedPrecondition, invalid, notFound } from './statusError.ts';
import { unsupported } from './validation/cause.ts';
import type { Answer, WorldDeleteOptions } from './verbs.ts';

/** For controllers: why a pod is ended. */
export interface DeletionOptions extends WorldDeleteOptions {
  readonly ending?: Ending;
}

const policies = ['Foreground', 'Background', 'Orphan', 'nil'];
const orphanWarning =
  'child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set ' +
  'propagationPolicy=Orphan to suppress this warning';

/** Their deletion answers the object, that of others a Status (the ReturnDeletedObject of each registry). */
const returnedWhenDeleted: readonly ResourceName[] = ['pods', 'resourcequotas', 'serviceaccounts'];

export class Deletion {
  readonly #cluster: Cluster;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  delete(resource: ResourceName, namespace: string, name: string, options: DeletionOptions): Answer {
    const type = resourceTypes[resource];
    checkPolicy(options.propagationPolicy);
    // Only batch/v1 Jobs default to Orphan, and say so (recorded).
    const orphansByDefault = resource === 'jobs' && options.propagationPolicy === undefined;
    const found = this.#cluster.store.find(resource, namespace, name);
    if (found === undefined) throw notFound(type, name);
    checkPreconditions(type, found, options.preconditions);
    const policy = options.propagationPolicy ?? (orphansByDefault ? 'Orphan' : 'Background');
    const warnings = orphansByDefault ? [orphanWarning] : [];
    const marked = this.#marked(resource, found, policy, options.gracePeriodSeconds);
    if (options.dryRun) return { status: 200, body: found, warnings };
    this.#note(resource, found, options);
    return { status: 200, body: this.#carryOut(resource, found, marked), warnings };
  }

  /** Takes an object away whose finalizers are gone. */
  finalized(resource: ResourceName, object: JsonObject): JsonObject {
    if (resource !== 'pods' || count(object, 'metadata', 'deletionGracePeriodSeconds') === 0) {
      return this.#remove(resource, object);
    }
    // A pod whose grace runs is taken by its kubelet, finalizers or not.
    return this.#cluster.store.update(resource, object);
  }

  /** The kubelet's last word, and PodGC's: grace 0. The object goes, unless a finalizer holds it. */
  confirmPodEnd(pod: JsonObject): void {
    const ended = this.#marked('pods', pod, 'Background', 0);
    this.#carryOut('pods', pod, ended);
  }

  #carryOut(resource: ResourceName, found: JsonObject, marked: JsonObject): JsonObject {
    const graceful = resource === 'pods' && (count(marked, 'metadata', 'deletionGracePeriodSeconds') ?? 0) > 0;
    // Said before it happens: the kubelet may end the pod in the same breath.
    if (!isDeleting(found)) this.#announceTermination(resource, marked);
    if (graceful || finalizersOf(marked).length > 0 || resource === 'namespaces') {
      return marked === found ? found : this.#cluster.store.update(resource, marked);
    }
    // The last state of what goes at once carries no mark, a pod apart.
    const removed = this.#remove(resource, resource === 'pods' ? marked : found);
    return returnedWhenDeleted.includes(resource) ? removed : successBody(resource, removed);
  }

  /** The object with its deletion mark; the same object when nothing new is asked. */
  #marked(resource: ResourceName, object: JsonObject, policy: string, asked: number | undefined): JsonObject {
    const grace = resource === 'pods' ? graceOf(object, asked) : 0;
    const finalizers = withPropagation(finalizersOf(object), policy);
    if (isDeleting(object)) {
      const current = count(object, 'metadata', 'deletionGracePeriodSeconds') ?? 0;
      // A second delete may shorten the grace, never lengthen it.
      if (grace >= current) return object;
    }
    const generation = count(object, 'metadata', 'generation');
    const counted = generation === undefined || isDeleting(object) ? generation : generation + 1;
    const phase: Readonly<Record<string, JsonValue>> =
      resource === 'namespaces' ? { status: { ...record(object, 'status'), phase: 'Terminating' } } : {};
    return {
      ...withMetadata(object, {
        generation: counted,
        deletionTimestamp: timestamp(this.#cluster.clock.now() + grace * 1000),
        deletionGracePeriodSeconds: grace,
        finalizers: finalizers.length === 0 ? undefined : finalizers,
      }),
      ...phase,
    };
  }

  #remove(resource: ResourceName, object: JsonObject): JsonObject {
    const removed = this.#cluster.store.remove(resource, object);
    this.#announceRemoval(resource, removed);
    this.#cluster.endings.delete(uidOf(removed));
    // Of a Job it is asked later, by those who collect what it owned.
    if (resource !== 'jobs') this.#cluster.deletedBy.delete(uidOf(removed));
    return removed;
  }

  #note(resource: ResourceName, object: JsonObject, options: DeletionOptions): void {
    const caller = options.caller ?? 'unknown';
    if (!this.#cluster.deletedBy.has(uidOf(object))) this.#cluster.deletedBy.set(uidOf(object), caller);
    if (resource !== 'pods' || this.#cluster.endings.has(uidOf(object))) return;
    this.#cluster.endings.set(uidOf(object), options.ending ?? { why: 'podDeleted', byCaller: caller });
  }

  #announceTermination(resource: ResourceName, object: JsonObject): void {
    const phase = text(object, 'status', 'phase');
    // Nothing is terminated in a pod that is over.
    if (resource !== 'pods' || phase === 'Succeeded' || phase === 'Failed') return;
    const ending = this.#cluster.endings.get(uidOf(object)) ?? { why: 'podDeleted', byCaller: 'unknown' };
    this.#cluster.emit({ kind: 'podTerminating', ...ending, ...podFacts(this.#cluster.clock, object) });
  }

  #announceRemoval(resource: ResourceName, object: JsonObject): void {
    if (resource !== 'jobs' && resource !== 'secrets') return;
    this.#cluster.emit({
      kind: resource === 'jobs' ? 'jobDeleted' : 'secretDeleted',
      at: this.#cluster.clock.now(),
      namespace: namespaceOf(object),
      name: nameOf(object),
      uid: uidOf(object),
      byCaller: this.#cluster.deletedBy.get(uidOf(object)) ?? 'unknown',
    });
  }
}

function checkPolicy(policy: string | undefined): void {
  if (policy === undefined || policies.slice(0, 3).includes(policy)) return;
  const type = { group: 'meta.k8s.io', kind: 'DeleteOptions' };
  throw invalid(type, '', [unsupported('propagationPolicy', policy, policies)]);
}

function checkPreconditions(type: ResourceType, object: JsonObject, wanted: WorldDeleteOptions['preconditions']): void {
  const uid = uidOf(object);
  if (wanted?.uid !== undefined && wanted.uid !== uid) {
    const why = `the UID in the precondition (${wanted.uid}) does not match the UID in record (${uid}).`;
    throw failedPrecondition(type, nameOf(object), `${why} The object might have been deleted and then recreated`);
  }
  const version = text(object, 'metadata', 'resourceVersion') ?? '';
  if (wanted?.resourceVersion !== undefined && wanted.resourceVersion !== version) {
    const given = `the ResourceVersion in the precondition (${wanted.resourceVersion})`;
    const why = `${given} does not match the ResourceVersion in record (${version}). The object might have been modified`;
    throw failedPrecondition(type, nameOf(object), why);
  }
}

/** A pod that no kubelet holds, or that is over, gets none (pkg/registry/core/pod/strategy.go CheckGracefulDelete). */
function graceOf(pod: JsonObject, asked: number | undefined): number {
  const phase = text(pod, 'status', 'phase');
  const unbound = text(pod, 'spec', 'nodeName') === undefined;
  if (unbound || phase === 'Succeeded' || phase === 'Failed') return 0;
  return asked ?? count(pod, 'spec', 'terminationGracePeriodSeconds') ?? 30;
}

const propagation: Readonly<Record<string, string>> = { Foreground: 'foregroundDeletion', Orphan: 'orphan' };

function withPropagation(finalizers: readonly string[], policy: string): readonly string[] {
  const others = finalizers.filter((each) => each !== 'foregroundDeletion' && each !== 'orphan');
  const own = propagation[policy];
  return own === undefined ? others : [...others, own];
}

function successBody(resource: ResourceName, object: JsonObject): JsonObject {
  const { group } = resourceTypes[resource];
  const details = { name: nameOf(object), ...(group === '' ? {} : { group }), kind: resource, uid: uidOf(object) };
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details };
}
