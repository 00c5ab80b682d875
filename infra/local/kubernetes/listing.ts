/** Lists with pages, and watches: what a door needs to serve `kubectl get -w` and an informer. */
import { isJsonObject, type JsonObject } from '../../../shared/domain/json.ts';
import { emptyObject, nameOf, namespaceOf, withKeys } from './object.ts';
import { type ResourceName, type ResourceType, resourceTypes } from './resource.ts';
import { type Predicate, selectorPredicate } from './selectors.ts';
import { badRequest, expired } from './statusError.ts';
import type { Change, Store } from './store.ts';
import type { Answer, Watch, WatchEvent, WatchOptions, WorldListOptions } from './verbs.ts';

interface Snapshot {
  readonly revision: number;
  readonly items: readonly JsonObject[];
}

/** Pages of one list come from one snapshot; the oldest fall out and their tokens expire. */
const maxSnapshots = 64;

export class Listing {
  readonly #store: Store;
  readonly #snapshots = new Map<string, Snapshot>();

  constructor(store: Store) {
    this.#store = store;
  }

  list(resource: ResourceName, namespace: string | undefined, options: WorldListOptions): Answer {
    const type = resourceTypes[resource];
    const selects = selectorPredicate(type, options);
    this.#checkRevision(options);
    const { snapshot, offset } = options.continue
      ? this.#resume(resource, namespace, options)
      : { snapshot: this.#snapshot(resource, namespace, selects, options), offset: 0 };
    const limit = options.limit === undefined || options.limit <= 0 ? snapshot.items.length : options.limit;
    const items = snapshot.items.slice(offset, offset + limit);
    const left = snapshot.items.length - offset - items.length;
    const metadata = {
      resourceVersion: String(snapshot.revision),
      ...(left > 0 ? this.#continuation(resource, namespace, snapshot, offset + items.length, options) : {}),
    };
    const body = { kind: `${type.kind}List`, apiVersion: type.apiVersion, metadata, items: items.map(withoutType) };
    return { status: 200, body, warnings: [] };
  }

  /** Forgets the snapshots: the tokens that lead to them answer 410. */
  compact(): void {
    this.#snapshots.clear();
  }

  watch(
    resource: ResourceName,
    namespace: string | undefined,
    options: WatchOptions,
    listener: (event: WatchEvent) => void,
  ): Watch {
    const type = resourceTypes[resource];
    const selects = selectorPredicate(type, options);
    const translate = (change: Change): void => {
      if (change.resource !== resource) return;
      if (namespace !== undefined && namespaceOf(change.object) !== namespace) return;
      const event = eventOf(change, selects);
      if (event !== undefined) listener(event);
    };
    const bookmark = (): WatchEvent => bookmarkOf(type, this.#store.revision);
    if (!this.#begin(resource, namespace, options, selects, { translate, listener })) {
      return { bookmark, close: () => {} };
    }
    return { bookmark, close: this.#store.subscribe(translate) };
  }

  /** Sends what lies before the watch; false = it is too old, and over. */
  #begin(
    resource: ResourceName,
    namespace: string | undefined,
    options: WatchOptions,
    selects: Predicate,
    sinks: { translate: (change: Change) => void; listener: (event: WatchEvent) => void },
  ): boolean {
    const from = options.resourceVersion;
    if (from === undefined || from === '' || from === '0' || options.sendInitialEvents) {
      for (const object of this.#store.all(resource, namespace)) {
        if (selects(object)) sinks.listener({ type: 'ADDED', object });
      }
      if (options.sendInitialEvents) sinks.listener(initialEventsEnd(resourceTypes[resource], this.#store.revision));
      return true;
    }
    const changes = this.#store.since(Number(from));
    if (changes === undefined) {
      const error = expired(`too old resource version: ${from} (${this.#store.oldest})`);
      sinks.listener({ type: 'ERROR', object: error.body });
      return false;
    }
    for (const change of changes) sinks.translate(change);
    return true;
  }

  /** Only now and the recent past can be asked for; of the past only its being too old is modelled. */
  #checkRevision(options: WorldListOptions): void {
    const asked = Number(options.resourceVersion ?? '0');
    if (Number.isNaN(asked))
      throw badRequest(`resourceVersion: Invalid value: "${options.resourceVersion}": not a number`);
    if (options.resourceVersionMatch === 'Exact' && asked !== this.#store.revision) {
      throw expired('The resourceVersion for the provided list is too old.');
    }
  }

  #snapshot(
    resource: ResourceName,
    namespace: string | undefined,
    selects: Predicate,
    options: WorldListOptions,
  ): Snapshot {
    const all = this.#store.all(resource, namespace);
    const selected = options.labelSelector || options.fieldSelector ? all.filter(selects) : all;
    return { revision: this.#store.revision, items: selected };
  }

  #continuation(
    resource: ResourceName,
    namespace: string | undefined,
    snapshot: Snapshot,
    offset: number,
    options: WorldListOptions,
  ): JsonObject {
    const last = snapshot.items[offset - 1] ?? emptyObject;
    const key = snapshotKey(resource, namespace, snapshot.revision, options);
    this.#snapshots.delete(key);
    this.#snapshots.set(key, snapshot);
    for (const oldest of this.#snapshots.keys()) {
      if (this.#snapshots.size <= maxSnapshots) break;
      this.#snapshots.delete(oldest);
    }
    const token = { v: 'meta.k8s.io/v1', rv: snapshot.revision, start: `/${nameOf(last)}\u0000`, offset };
    const encoded = Buffer.from(JSON.stringify(token)).toString('base64url');
    // With a selector the server does not know how many of the rest it selects.
    const known = !options.labelSelector && !options.fieldSelector;
    const left = snapshot.items.length - offset;
    return known ? { continue: encoded, remainingItemCount: left } : { continue: encoded };
  }

  #resume(
    resource: ResourceName,
    namespace: string | undefined,
    options: WorldListOptions,
  ): { snapshot: Snapshot; offset: number } {
    const { rv, offset } = parseToken(options.continue ?? '');
    const snapshot = this.#snapshots.get(snapshotKey(resource, namespace, rv, options));
    if (snapshot === undefined) {
      throw expired(
        'The provided continue parameter is too old to display a consistent list result. You can start a new list ' +
          'without the continue parameter.',
      );
    }
    return { snapshot, offset };
  }
}

/** The client sends its selectors again with every page. */
function snapshotKey(
  resource: ResourceName,
  namespace: string | undefined,
  revision: number,
  options: WorldListOptions,
): string {
  return [resource, namespace, revision, options.labelSelector, options.fieldSelector].join('|');
}

function parseToken(token: string): { readonly rv: number; readonly offset: number } {
  const refused = badRequest(
    "invalid continue token: continue key is not valid: invalid character '\\u0081' looking for beginning of value",
  );
  try {
    const parsed: unknown = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'));
    if (isJsonObject(parsed)) return { rv: Number(parsed['rv']), offset: Number(parsed['offset']) };
  } catch {
    throw refused;
  }
  throw refused;
}

/** Items of a list carry neither kind nor apiVersion. */
const withoutType = (object: JsonObject): JsonObject => withKeys(object, { kind: undefined, apiVersion: undefined });

/** What a watcher with a selector sees: an object that enters or leaves the selection is added or deleted. */
function eventOf(change: Change, selects: Predicate): WatchEvent | undefined {
  const now = change.type !== 'DELETED' && selects(change.object);
  const before = change.previous !== undefined && selects(change.previous);
  if (now && before) return { type: 'MODIFIED', object: change.object };
  if (now) return { type: 'ADDED', object: change.object };
  return before ? { type: 'DELETED', object: change.object } : undefined;
}

function bookmarkOf(type: ResourceType, revision: number, annotations?: JsonObject): WatchEvent {
  const metadata = { resourceVersion: String(revision), ...(annotations === undefined ? {} : { annotations }) };
  const spec =
    type.kind === 'Job' ? { spec: { template: { metadata: {}, spec: { containers: null } } }, status: {} } : {};
  return { type: 'BOOKMARK', object: { kind: type.kind, apiVersion: type.apiVersion, metadata, ...spec } };
}

const initialEventsEnd = (type: ResourceType, revision: number): WatchEvent =>
  bookmarkOf(type, revision, { 'k8s.io/initial-events-end': 'true' });
