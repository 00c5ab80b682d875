/**
 * What etcd and the watch cache hold: the objects by place, UID and owner, one revision counter, and a bounded log of
 * changes. Every write is told to the subscribers at once and in order; controllers put it on their own queues.
 */
import type { JsonObject } from '../../../shared/domain/json.ts';
import { list, nameOf, namespaceOf, text, uidOf, withMetadata } from './object.ts';
import type { ResourceName } from './resource.ts';

export interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly resource: ResourceName;
  readonly object: JsonObject;
  readonly previous?: JsonObject;
  readonly revision: number;
}

export interface StoredObject {
  readonly resource: ResourceName;
  readonly object: JsonObject;
}

interface Shelf {
  readonly objects: Map<string, JsonObject>;
  /** Sorted by name; rebuilt after a name came or went. */
  sorted: readonly JsonObject[] | undefined;
}

const maxLog = 20_000;

export class Store {
  /** The first revision is not 1, so that "resourceVersion=1" is always long gone, as on a real server. */
  #revision = 1000;
  #oldest = 1000;
  #log: Change[] = [];
  readonly #shelves = new Map<string, Shelf>();
  readonly #namespaces = new Map<ResourceName, Set<string>>();
  readonly #byUid = new Map<string, StoredObject>();
  readonly #dependents = new Map<string, Map<string, StoredObject>>();
  readonly #subscribers = new Set<(change: Change) => void>();

  get revision(): number {
    return this.#revision;
  }

  /** Changes up to this revision are forgotten. */
  get oldest(): number {
    return this.#oldest;
  }

  find(resource: ResourceName, namespace: string, name: string): JsonObject | undefined {
    return this.#shelves.get(`${resource}/${namespace}`)?.objects.get(name);
  }

  findUid(uid: string): StoredObject | undefined {
    return this.#byUid.get(uid);
  }

  /** By namespace and name, as etcd lists them. */
  all(resource: ResourceName, namespace?: string): readonly JsonObject[] {
    if (namespace !== undefined) return this.#shelfItems(`${resource}/${namespace}`);
    const namespaces = [...(this.#namespaces.get(resource) ?? [])].sort();
    return namespaces.flatMap((each) => this.#shelfItems(`${resource}/${each}`));
  }

  /** Objects that name this UID among their owners, in no order that matters. */
  dependents(uid: string): readonly StoredObject[] {
    return [...(this.#dependents.get(uid)?.values() ?? [])];
  }

  insert(resource: ResourceName, object: JsonObject): JsonObject {
    return this.#write('ADDED', resource, object);
  }

  update(resource: ResourceName, object: JsonObject): JsonObject {
    return this.#write('MODIFIED', resource, object);
  }

  remove(resource: ResourceName, object: JsonObject): JsonObject {
    const revision = ++this.#revision;
    const removed = withMetadata(object, { resourceVersion: String(revision) });
    const shelf = this.#shelf(resource, namespaceOf(object));
    const previous = shelf.objects.get(nameOf(object));
    shelf.objects.delete(nameOf(object));
    shelf.sorted = undefined;
    this.#byUid.delete(uidOf(object));
    if (previous !== undefined) this.#unlink(previous);
    this.#tell({ type: 'DELETED', resource, object: removed, revision, ...(previous ? { previous } : {}) });
    return removed;
  }

  subscribe(subscriber: (change: Change) => void): () => void {
    this.#subscribers.add(subscriber);
    return () => this.#subscribers.delete(subscriber);
  }

  /** The changes after a revision; undefined = they are forgotten. */
  since(revision: number): readonly Change[] | undefined {
    if (revision < this.#oldest) return undefined;
    const first = this.#log.findIndex((change) => change.revision > revision);
    return first === -1 ? [] : this.#log.slice(first);
  }

  compact(): void {
    this.#log = [];
    this.#oldest = this.#revision;
  }

  #write(type: 'ADDED' | 'MODIFIED', resource: ResourceName, object: JsonObject): JsonObject {
    const revision = ++this.#revision;
    const written = withMetadata(object, { resourceVersion: String(revision) });
    const shelf = this.#shelf(resource, namespaceOf(written));
    const previous = shelf.objects.get(nameOf(written));
    shelf.objects.set(nameOf(written), written);
    shelf.sorted = undefined;
    this.#byUid.set(uidOf(written), { resource, object: written });
    if (previous !== undefined) this.#unlink(previous);
    this.#link(resource, written);
    this.#tell({ type, resource, object: written, revision, ...(previous ? { previous } : {}) });
    return written;
  }

  #tell(change: Change): void {
    this.#log.push(change);
    if (this.#log.length > maxLog) {
      this.#log = this.#log.slice(maxLog / 2);
      this.#oldest = (this.#log[0]?.revision ?? this.#revision) - 1;
    }
    for (const subscriber of this.#subscribers) subscriber(change);
  }

  #shelf(resource: ResourceName, namespace: string): Shelf {
    const key = `${resource}/${namespace}`;
    const found = this.#shelves.get(key);
    if (found !== undefined) return found;
    const shelf: Shelf = { objects: new Map(), sorted: undefined };
    this.#shelves.set(key, shelf);
    const namespaces = this.#namespaces.get(resource) ?? new Set();
    this.#namespaces.set(resource, namespaces.add(namespace));
    return shelf;
  }

  #shelfItems(key: string): readonly JsonObject[] {
    const shelf = this.#shelves.get(key);
    if (shelf === undefined) return [];
    shelf.sorted ??= [...shelf.objects.values()].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
    return shelf.sorted;
  }

  #link(resource: ResourceName, object: JsonObject): void {
    for (const owner of list(object, 'metadata', 'ownerReferences')) {
      const uid = text(owner, 'uid') ?? '';
      const linked = this.#dependents.get(uid) ?? new Map<string, StoredObject>();
      this.#dependents.set(uid, linked.set(uidOf(object), { resource, object }));
    }
  }

  #unlink(object: JsonObject): void {
    for (const owner of list(object, 'metadata', 'ownerReferences')) {
      const uid = text(owner, 'uid') ?? '';
      const linked = this.#dependents.get(uid);
      linked?.delete(uidOf(object));
      if (linked?.size === 0) this.#dependents.delete(uid);
    }
  }
}
