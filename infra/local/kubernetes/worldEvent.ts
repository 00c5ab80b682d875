/** What happened inside the cluster, for those who check invariants or draw pictures: no API client sees these. */
import type { EpochMs } from '../../../shared/domain/instant.ts';
import type { JsonObject } from '../../../shared/domain/json.ts';

/** Why a pod is being ended from outside. */
export type TerminationCause =
  | 'suspended'
  | 'jobDeleted'
  | 'jobFailed'
  | 'ownerGone'
  | 'evicted'
  | 'drained'
  | 'podDeleted'
  | 'nodeLost'
  | 'namespaceDeleted';

/** Why a pod ended: by itself, or what ended it. */
export type EndCause =
  | TerminationCause
  | 'exited'
  | 'evictedByNode'
  | 'initFailed'
  | 'oomKilled'
  | 'processKilled'
  | 'deadline';

interface PodFacts {
  readonly at: EpochMs;
  readonly namespace: string;
  readonly pod: string;
  readonly uid: string;
  /** The Job that owns it, if any. */
  readonly jobName?: string;
}

interface ObjectFacts {
  readonly at: EpochMs;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Who asked for it; a controller's name when a controller did. */
  readonly byCaller: string;
}

export type WorldEvent =
  | ({ readonly kind: 'podCreated' } & PodFacts)
  | ({ readonly kind: 'mainStarted' } & PodFacts)
  /** TERM is on its way; said once per pod, with the first cause. */
  | ({ readonly kind: 'podTerminating'; readonly why: TerminationCause; readonly byCaller: string } & PodFacts)
  /** No container of it runs or will run again; said once per pod. Without `exitCode` main never ran, or vanished. */
  | ({ readonly kind: 'podEnded'; readonly why: EndCause; readonly exitCode?: number } & PodFacts)
  | ({ readonly kind: 'jobCreated'; readonly object: JsonObject } & ObjectFacts)
  | ({ readonly kind: 'jobDeleted' } & ObjectFacts)
  | ({ readonly kind: 'secretCreated' } & ObjectFacts)
  | ({ readonly kind: 'secretDeleted' } & ObjectFacts);
