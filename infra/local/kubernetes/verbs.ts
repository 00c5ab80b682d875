/** The options and answers of the API verbs, as a door hands them to the world. */
import type { JsonObject, JsonValue } from '../../../shared/domain/json.ts';

/** What a verb answers when it succeeds; failures are thrown as KubernetesStatus. */
export interface Answer {
  readonly status: 200 | 201;
  readonly body: JsonObject;
  /** For `Warning: 299 - "..."` headers. */
  readonly warnings: readonly string[];
}

export interface Caller {
  /** Who asks, for the world's events: a control plane's name, "kubectl". */
  readonly caller?: string;
}

export interface SelectorOptions {
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export interface WorldListOptions extends SelectorOptions {
  readonly limit?: number | undefined;
  readonly continue?: string | undefined;
  readonly resourceVersion?: string | undefined;
  readonly resourceVersionMatch?: string | undefined;
}

export interface WriteOptions extends Caller {
  readonly dryRun?: boolean | undefined;
  readonly fieldValidation?: 'Strict' | 'Warn' | 'Ignore' | undefined;
  readonly fieldManager?: string | undefined;
}

export type PatchType = 'json' | 'merge' | 'strategic';

export interface WorldPatch {
  readonly type: PatchType;
  /** As it came: it is validated here. */
  readonly body: JsonValue;
}

export interface WorldDeleteOptions extends Caller {
  /** As it came: a policy that does not exist is refused here. */
  readonly propagationPolicy?: string | undefined;
  readonly gracePeriodSeconds?: number | undefined;
  readonly dryRun?: boolean | undefined;
  readonly preconditions?: { readonly uid?: string | undefined; readonly resourceVersion?: string | undefined };
}

export interface PodLogOptions {
  /** May be left out where the pod has one only. */
  readonly container?: string | undefined;
  readonly tailLines?: number | undefined;
  readonly limitBytes?: number | undefined;
}

export interface WatchOptions extends SelectorOptions {
  readonly resourceVersion?: string | undefined;
  readonly allowWatchBookmarks?: boolean | undefined;
  readonly sendInitialEvents?: boolean | undefined;
}

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: JsonObject;
}

/** A running watch. Events come synchronously; after an ERROR event none follows. */
export interface Watch {
  /** The bookmark of now; the door sends it every minute and just before its time-out. */
  bookmark(): WatchEvent;
  close(): void;
}
