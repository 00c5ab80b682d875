/** How an image is built by a Job in a cluster. */
import type { JsonObject } from './json.ts';
import { orderName } from './orderName.ts';

/**
 * `buildkit`: rootless, which needs the node's system calls unmasked. `buildkitUserns`: root of a user namespace of the
 * pod's own. `buildah` and `kaniko`: root of an ordinary container. Only the last two fit the baseline profile.
 */
export const buildEngines = ['buildkit', 'buildkitUserns', 'buildah', 'kaniko'] as const;
export type BuildEngine = (typeof buildEngines)[number];

/** Where the files come from that the image is built of. */
export type BuildContext =
  /** `ref` is a branch, a tag or a commit. */
  | { readonly kind: 'git'; readonly url: string; readonly ref: string }
  /** A .tar.gz in object storage, read with the identity below, or by anybody without one. */
  | { readonly kind: 'archive'; readonly url: string };

/** Who the build is at Entra: the service account's token is exchanged, so there is no secret anywhere. */
export interface BuildIdentity {
  readonly tenantId: string;
  readonly clientId: string;
}

/** What an order says of the image: of the port's BuildOrder all but what it is for. */
export interface OrderedImage {
  readonly image: string;
  readonly key: string;
  readonly reason: string;
  readonly parameters: Readonly<Record<string, string>>;
}

export interface ClusterBuild {
  readonly namespace: string;
  readonly engine: BuildEngine;
  /** Of the engine, by digest. */
  readonly image: string;
  /** Fetches and logs in: any image with sh, curl, git, tar and base64, by digest; the agent's own will do. */
  readonly toolsImage: string;
  readonly context: BuildContext;
  /** Below the context. */
  readonly folder?: string;
  /** Below the folder. */
  readonly dockerfile: string;
  /** registry/repository:tag that is pushed. */
  readonly target: string;
  /** registry/repository that layers are kept in; absent = every build begins anew. */
  readonly cache?: string;
  /** Logs in to the registry of `target`, an Azure one, and reads the context. */
  readonly identity?: BuildIdentity;
  /** Name of a ConfigMap with a `config.json` of credential helpers, for registries that are not Azure's. */
  readonly dockerConfig?: string;
  readonly serviceAccount: string;
  /** In seconds: the Job controller ends a build that takes longer. */
  readonly deadlineSeconds: number;
  readonly resources?: JsonObject;
  readonly nodeSelector?: Readonly<Record<string, string>>;
  readonly tolerations?: readonly JsonObject[];
}

/** Job names end in the names of pods, which are labels. */
const maxNameLength = 63;

/** The name of the Job stands for the order: it is the lock. */
export const buildJobName = ({ key }: Pick<OrderedImage, 'key'>): string => orderName(key, maxNameLength);

/** The container that builds, and the one that logs in and fetches before it. */
export const buildContainer = 'build';
export const prepareContainer = 'prepare';
