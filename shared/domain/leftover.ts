/** An object of ours in a cluster, other than a Job, as far as it tells whether it still belongs to anything. */
import type { EpochMs } from './instant.ts';

/** Pods that are over: while one runs, the agent in it may be at work. */
export const leftoverKinds = ['Secret', 'Pod', 'PersistentVolumeClaim', 'NetworkPolicy'] as const;
export type LeftoverKind = (typeof leftoverKinds)[number];

export interface Leftover {
  readonly kind: LeftoverKind;
  readonly name: string;
  readonly uid: string;
  /** By the cluster's clock. */
  readonly createdAt: EpochMs;
  readonly owners: readonly { readonly kind: string; readonly name: string; readonly uid: string }[];
}
