/** The verbs that read and write one object; deletion and lists have files of their own. */
import type { JsonObject } from '../../../shared/domain/json.ts';
import type { Cluster } from './cluster.ts';
import { decode } from './decode.ts';
import { generatedName, randomUid } from './names.ts';
import {
  at,
  finalizersOf,
  isDeleting,
  nameOf,
  namespaceOf,
  record,
  same,
  text,
  timestamp,
  uidOf,
  withKeys,
  withMetadata,
} from './object.ts';
import { patched } from './patch.ts';
import { checkQuota, isCounted, recountQuotas, unmodelledInQuota } from './quota.ts';
import { type ResourceName, resourceTypes } from './resource.ts';
import {
  alreadyExists,
  badRequest,
  forbidden,
  invalid,
  KubernetesStatus,
  notFound,
  notModelled,
  staleObject,
} from './statusError.ts';
import { createCauses, prepared, preparedUpdate, updateCauses } from './strategy.ts';
import { unmodelledInJob } from './validation/job.ts';
import type { Answer, WorldPatch, WriteOptions } from './verbs.ts';

export class ApiServer {
  readonly #cluster: Cluster;
  /** Called when an update takes the last finalizer of an object that waits for it. */
  readonly #finalized: (resource: ResourceName, object: JsonObject) => void;

  constructor(cluster: Cluster, finalized: (resource: ResourceName, object: JsonObject) => void) {
    this.#cluster = cluster;
    this.#finalized = finalized;
  }

  get(resource: ResourceName, namespace: string, name: string): Answer {
    return { status: 200, body: this.#existing(resource, namespace, name), warnings: [] };
  }

  create(resource: ResourceName, namespace: string, body: unknown, options: WriteOptions): Answer {
    const type = resourceTypes[resource];
    const { object: decoded, warnings } = decode(type, body, options);
    const placed = this.#placed(resource, namespace, decoded);
    if (type.namespaced) this.#checkNamespace(resource, namespace, placed);
    const object = prepared(resource, placed, this.#cluster.random);
    const causes = createCauses(resource, object);
    if (causes.length > 0) throw invalid(type, nameOf(object), causes);
    const unmodelled = unmodelledIn(resource, object);
    if (unmodelled !== undefined) throw notModelled(unmodelled);
    this.#admit(resource);
    // Quota is asked before storage: a name that exists can be refused as "exceeded quota" (rest.BeforeCreate, then
    // validating admission, then storage).
    checkQuota(this.#cluster.store, resource, object, namespace);
    if (this.#cluster.store.find(resource, namespace, nameOf(object)) !== undefined) {
      throw alreadyExists(type, nameOf(object));
    }
    if (options.dryRun) return { status: 201, body: object, warnings };
    const stored = this.#cluster.store.insert(resource, object);
    // Admission books what it lets in; only what goes waits for the controller (k8s.io/apiserver, plugin resourcequota).
    if (isCounted(resource)) recountQuotas(this.#cluster.store, namespace);
    this.#announce(resource, stored, options.caller ?? 'unknown');
    return { status: 201, body: stored, warnings };
  }

  replace(resource: ResourceName, namespace: string, name: string, body: unknown, options: WriteOptions): Answer {
    const type = resourceTypes[resource];
    const { object: decoded, warnings } = decode(type, body, options);
    if (nameOf(decoded) !== name) {
      throw badRequest(`the name of the object (${nameOf(decoded)}) does not match the name on the URL (${name})`);
    }
    const before = this.#existing(resource, namespace, name);
    const uid = text(decoded, 'metadata', 'uid');
    if (uid !== undefined && uid !== uidOf(before)) throw this.#otherUid(resource, name, uid, before);
    return this.#update(resource, before, decoded, warnings, options);
  }

  patch(resource: ResourceName, namespace: string, name: string, patch: WorldPatch, options: WriteOptions): Answer {
    const before = this.#existing(resource, namespace, name);
    const { object, warnings } = decode(resourceTypes[resource], patched(before, patch), options);
    return this.#update(resource, before, object, warnings, options);
  }

  /** For controllers: writes if anything changed, and lets an object go whose last finalizer went. */
  write(resource: ResourceName, before: JsonObject, after: JsonObject): JsonObject {
    if (same(before, after)) return before;
    if (isDeleting(after) && finalizersOf(after).length === 0 && finalizersOf(before).length > 0) {
      this.#finalized(resource, after);
      return after;
    }
    return this.#cluster.store.update(resource, after);
  }

  /** A validating webhook that says no (k8s.io/apiserver, plugin webhook/errors ToStatusErr: 400 where it names no code). */
  #admit(resource: ResourceName): void {
    const { podDenial } = this.#cluster;
    if (resource !== 'pods' || podDenial === undefined) return;
    throw badRequest(`admission webhook "policy.example" denied the request: ${podDenial}`);
  }

  #existing(resource: ResourceName, namespace: string, name: string): JsonObject {
    const found = this.#cluster.store.find(resource, namespace, name);
    if (found === undefined) throw notFound(resourceTypes[resource], name);
    return found;
  }

  /** Name, namespace and what the server alone decides. */
  #placed(resource: ResourceName, namespace: string, object: JsonObject): JsonObject {
    const type = resourceTypes[resource];
    const given = record(object, 'metadata');
    const other = text(given, 'namespace');
    if (type.namespaced && other !== undefined && other !== namespace) {
      throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
    }
    const base = text(given, 'generateName');
    const named = text(given, 'name') ?? (base ? generatedName(this.#cluster.random, base) : undefined);
    return withMetadata(object, {
      name: named,
      namespace: type.namespaced ? namespace : undefined,
      uid: randomUid(this.#cluster.random),
      resourceVersion: undefined,
      generation: type.generation ? 1 : undefined,
      creationTimestamp: timestamp(this.#cluster.clock.now()),
      deletionTimestamp: undefined,
      deletionGracePeriodSeconds: undefined,
    });
  }

  #checkNamespace(resource: ResourceName, namespace: string, object: JsonObject): void {
    const found = this.#cluster.store.find('namespaces', '', namespace);
    if (found === undefined) throw notFound(resourceTypes.namespaces, namespace);
    if (!isDeleting(found)) return;
    const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
    const message = `namespace ${namespace} is being terminated`;
    const causes = [{ reason: 'NamespaceTerminating', message, field: 'metadata.namespace' }];
    throw forbidden(resourceTypes[resource], nameOf(object), why, causes);
  }

  #otherUid(resource: ResourceName, name: string, uid: string, before: JsonObject): KubernetesStatus {
    const conflict = staleObject(resourceTypes[resource], name);
    const detail = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${uidOf(before)}`;
    const message = conflict.message.replace(/: the object has been modified.*$/, `: ${detail}`);
    return new KubernetesStatus({
      code: 409,
      reason: 'Conflict',
      message,
      ...(conflict.details ? { details: conflict.details } : {}),
    });
  }

  #update(
    resource: ResourceName,
    before: JsonObject,
    given: JsonObject,
    warnings: readonly string[],
    options: WriteOptions,
  ): Answer {
    const type = resourceTypes[resource];
    const version = text(given, 'metadata', 'resourceVersion');
    if (version !== undefined && version !== '' && version !== text(before, 'metadata', 'resourceVersion')) {
      throw staleObject(type, nameOf(before));
    }
    const after = this.#settled(resource, before, preparedUpdate(resource, given, before));
    const causes = updateCauses(resource, before, after);
    if (causes.length > 0) throw invalid(type, nameOf(before), causes);
    if (options.dryRun) return { status: 200, body: after, warnings };
    this.#noteSuspension(resource, before, after, options.caller ?? 'unknown');
    return { status: 200, body: this.write(resource, before, after), warnings };
  }

  /** Takes over what a client cannot change, and counts the generation. */
  #settled(resource: ResourceName, before: JsonObject, after: JsonObject): JsonObject {
    const was = record(before, 'metadata');
    const changed = resourceTypes[resource].generation && !same(before['spec'], after['spec']);
    const generation = was['generation'] === undefined ? undefined : Number(was['generation']) + (changed ? 1 : 0);
    const metadata = withKeys(record(after, 'metadata'), {
      namespace: was['namespace'],
      uid: at(after, 'metadata', 'uid') ?? was['uid'],
      resourceVersion: was['resourceVersion'],
      creationTimestamp: was['creationTimestamp'],
      deletionTimestamp: was['deletionTimestamp'],
      deletionGracePeriodSeconds: was['deletionGracePeriodSeconds'],
      generation,
    });
    return { ...after, metadata };
  }

  #noteSuspension(resource: ResourceName, before: JsonObject, after: JsonObject, caller: string): void {
    const suspends = at(after, 'spec', 'suspend') === true && at(before, 'spec', 'suspend') !== true;
    if (resource === 'jobs' && suspends) this.#cluster.suspendedBy.set(uidOf(after), caller);
  }

  #announce(resource: ResourceName, object: JsonObject, byCaller: string): void {
    if (resource !== 'jobs' && resource !== 'secrets') return;
    const facts = {
      at: this.#cluster.clock.now(),
      namespace: namespaceOf(object),
      name: nameOf(object),
      uid: uidOf(object),
      byCaller,
    };
    this.#cluster.emit(
      resource === 'jobs' ? { kind: 'jobCreated', object, ...facts } : { kind: 'secretCreated', ...facts },
    );
  }
}

function unmodelledIn(resource: ResourceName, object: JsonObject): string | undefined {
  if (resource === 'jobs') return unmodelledInJob(object);
  return resource === 'resourcequotas' ? unmodelledInQuota(object) : undefined;
}
