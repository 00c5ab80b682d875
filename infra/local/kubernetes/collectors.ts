/** What is cleaned away: dependents without owner, finished Jobs past their TTL, namespaces that are going. */
import type { JsonObject } from '../../../shared/domain/json.ts';
import type { ApiServer } from './apiServer.ts';
import type { Cluster, Ending } from './cluster.ts';
import type { Deletion } from './deletion.ts';
import { isFinished } from './jobState.ts';
import {
  count,
  finalizersOf,
  isDeleting,
  list,
  nameOf,
  namespaceOf,
  text,
  uidOf,
  withMetadata,
  withoutFinalizer,
} from './object.ts';
import { recountQuotas } from './quota.ts';
import { type ResourceName, resourceTypes } from './resource.ts';
import type { Change } from './store.ts';
import { WorkQueue } from './workQueue.ts';

const collector = 'generic-garbage-collector';
const ttlController = 'ttl-after-finished-controller';
const namespaceController = 'namespace-controller';

export class Collectors {
  readonly #cluster: Cluster;
  readonly #api: ApiServer;
  readonly #deletion: Deletion;
  readonly #dependents: WorkQueue;
  readonly #owners: WorkQueue;
  readonly #finished: WorkQueue;
  readonly #namespaces: WorkQueue;
  readonly #quotas: WorkQueue;

  constructor(cluster: Cluster, api: ApiServer, deletion: Deletion) {
    this.#cluster = cluster;
    this.#api = api;
    this.#deletion = deletion;
    this.#dependents = new WorkQueue(cluster, (uid) => this.#collect(uid));
    this.#owners = new WorkQueue(cluster, (uid) => this.#release(uid));
    this.#finished = new WorkQueue(cluster, (uid) => this.#expire(uid));
    this.#namespaces = new WorkQueue(cluster, (name) => this.#empty(name));
    this.#quotas = new WorkQueue(cluster, (namespace) => recountQuotas(cluster.store, namespace));
  }

  onChange(change: Change): void {
    const { object, resource } = change;
    const delay = this.#cluster.delays.garbageCollection;
    if (change.type === 'DELETED') this.#onGone(object);
    else {
      if (list(object, 'metadata', 'ownerReferences').length > 0) this.#dependents.add(uidOf(object), delay);
      if (isDeleting(object)) this.#onDeleting(resource, object);
      if (resource === 'jobs' && isFinished(object)) this.#scheduleExpiry(object);
    }
    const namespace = namespaceOf(object);
    if (this.#cluster.store.all('resourcequotas', namespace).length > 0) {
      this.#quotas.add(namespace, this.#cluster.delays.quotaRecount);
    }
  }

  #onGone(object: JsonObject): void {
    const delay = this.#cluster.delays.garbageCollection;
    for (const dependent of this.#cluster.store.dependents(uidOf(object))) {
      this.#dependents.add(uidOf(dependent.object), delay);
    }
    for (const owner of list(object, 'metadata', 'ownerReferences')) this.#owners.add(text(owner, 'uid') ?? '', delay);
  }

  #onDeleting(resource: ResourceName, object: JsonObject): void {
    const delay = this.#cluster.delays.garbageCollection;
    if (resource === 'namespaces') this.#namespaces.add(nameOf(object), delay);
    const finalizers = finalizersOf(object);
    if (finalizers.includes('foregroundDeletion') || finalizers.includes('orphan'))
      this.#owners.add(uidOf(object), delay);
  }

  /** A dependent goes when none of its owners exists: by UID, so a new object of the same name does not save it. */
  #collect(uid: string): void {
    const found = this.#cluster.store.findUid(uid);
    if (found === undefined || isDeleting(found.object)) return;
    const owners = list(found.object, 'metadata', 'ownerReferences').map((owner) => text(owner, 'uid') ?? '');
    if (owners.length === 0 || owners.some((owner) => this.#cluster.store.findUid(owner) !== undefined)) return;
    this.#deleteDependent(found.resource, found.object, owners);
  }

  #deleteDependent(resource: ResourceName, object: JsonObject, owners: readonly string[]): void {
    const byCaller = owners.map((owner) => this.#cluster.deletedBy.get(owner)).find((caller) => caller !== undefined);
    const ending: Ending =
      byCaller === undefined ? { why: 'ownerGone', byCaller: collector } : { why: 'jobDeleted', byCaller };
    const options = { caller: collector, ending, propagationPolicy: 'Background' };
    this.#deletion.delete(resource, namespaceOf(object), nameOf(object), options);
  }

  /** Foreground: the dependents first. Orphan: they forget their owner. Then the owner's finalizer goes. */
  #release(uid: string): void {
    const found = this.#cluster.store.findUid(uid);
    if (found === undefined || !isDeleting(found.object)) return;
    const finalizers = finalizersOf(found.object);
    if (finalizers.includes('orphan')) this.#orphan(found.resource, uid);
    else if (finalizers.includes('foregroundDeletion')) this.#foreground(found.resource, uid);
  }

  #orphan(resource: ResourceName, uid: string): void {
    for (const dependent of this.#cluster.store.dependents(uid)) {
      const others = list(dependent.object, 'metadata', 'ownerReferences').filter((each) => text(each, 'uid') !== uid);
      const ownerReferences = others.length === 0 ? undefined : others;
      this.#api.write(dependent.resource, dependent.object, withMetadata(dependent.object, { ownerReferences }));
    }
    this.#dropFinalizer(resource, uid, 'orphan');
  }

  #foreground(resource: ResourceName, uid: string): void {
    for (const dependent of this.#cluster.store.dependents(uid)) {
      if (!isDeleting(dependent.object)) this.#deleteDependent(dependent.resource, dependent.object, [uid]);
    }
    if (this.#cluster.store.dependents(uid).length === 0) this.#dropFinalizer(resource, uid, 'foregroundDeletion');
  }

  #dropFinalizer(resource: ResourceName, uid: string, finalizer: string): void {
    const owner = this.#cluster.store.findUid(uid)?.object;
    if (owner !== undefined) this.#api.write(resource, owner, withoutFinalizer(owner, finalizer));
  }

  #expiresAt(job: JsonObject): number | undefined {
    const ttl = count(job, 'spec', 'ttlSecondsAfterFinished');
    const finish = list(job, 'status', 'conditions').find(
      (condition) =>
        ['Complete', 'Failed'].includes(text(condition, 'type') ?? '') && text(condition, 'status') === 'True',
    );
    const finishedAt = Date.parse(text(finish, 'lastTransitionTime') ?? '');
    return ttl === undefined || Number.isNaN(finishedAt) ? undefined : finishedAt + ttl * 1000;
  }

  #scheduleExpiry(job: JsonObject): void {
    const dueAt = this.#expiresAt(job);
    if (dueAt !== undefined) this.#finished.add(uidOf(job), Math.max(0, dueAt - this.#cluster.clock.now()));
  }

  #expire(uid: string): void {
    const job = this.#cluster.store.findUid(uid)?.object;
    if (job === undefined || isDeleting(job)) return;
    const dueAt = this.#expiresAt(job);
    if (dueAt === undefined) return;
    if (dueAt > this.#cluster.clock.now()) {
      this.#scheduleExpiry(job);
      return;
    }
    // The TTL controller deletes in the foreground: the Job stays until its pods are gone.
    const options = { caller: ttlController, propagationPolicy: 'Foreground', preconditions: { uid } };
    this.#deletion.delete('jobs', namespaceOf(job), nameOf(job), options);
  }

  #empty(name: string): void {
    const contents = (Object.keys(resourceTypes) as ResourceName[])
      .filter((resource) => resourceTypes[resource].namespaced)
      .flatMap((resource) => this.#cluster.store.all(resource, name).map((object) => ({ resource, object })));
    const ending: Ending = { why: 'namespaceDeleted', byCaller: namespaceController };
    for (const { resource, object } of contents) {
      if (isDeleting(object)) continue;
      const options = { caller: namespaceController, ending, propagationPolicy: 'Background' };
      this.#deletion.delete(resource, name, nameOf(object), options);
    }
    const namespace = this.#cluster.store.find('namespaces', '', name);
    if (contents.length > 0) this.#namespaces.add(name, this.#cluster.delays.garbageCollection * 4);
    else if (namespace !== undefined) this.#deletion.finalized('namespaces', namespace);
  }
}
