/**
 * The few verbs of the Kubernetes API that Mayfly uses, on plain objects. The wire implementation is the real SDK,
 * the in-process one is the stand-in's world; `cluster.ts` builds the Cluster port over either, so that the mapping
 * between Kubernetes objects and agent jobs is the same code in production, tests and simulation.
 */
import type { JsonObject, JsonPatch } from '../../domain/json.ts';

export type Resource =
  | 'jobs'
  | 'pods'
  | 'secrets'
  | 'configmaps'
  | 'events'
  | 'resourcequotas'
  | 'networkpolicies'
  | 'persistentvolumeclaims'
  | 'daemonsets';

export interface ListOptions {
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** The server sends PartialObjectMetadata: nothing of the objects but their metadata crosses the wire. */
  readonly metadataOnly?: boolean;
}

export interface LogOptions {
  readonly container: string;
  /** Counted from the end. */
  readonly tailLines: number;
  /** Of the answer, from its first line on: long lines are cut at the end. */
  readonly limitBytes: number;
}

export interface DeleteOptions {
  /** Of a pod; the shorter of this and what already runs holds. */
  readonly gracePeriodSeconds?: number;
  /** Precondition: 409 when another object bears the name now. */
  readonly uid?: string;
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
}

/** Every method rejects with a classified UpstreamError (`notFound`, `conflict`, `invalid`, ...). */
export interface KubernetesApi {
  /** Follows `continue` to the end: all items, or rejects. */
  list(resource: Resource, namespace: string, options?: ListOptions): Promise<readonly JsonObject[]>;
  get(resource: Resource, namespace: string, name: string): Promise<JsonObject>;
  create(resource: Resource, namespace: string, body: JsonObject): Promise<JsonObject>;
  /** JSON Patch; a failing `test` is `invalid`. */
  patch(resource: Resource, namespace: string, name: string, patch: JsonPatch): Promise<JsonObject>;
  delete(resource: Resource, namespace: string, name: string, options?: DeleteOptions): Promise<void>;
  /** `invalid` = the container has not started; `notFound` = no such pod. */
  readLog(namespace: string, pod: string, options: LogOptions): Promise<string>;
}
