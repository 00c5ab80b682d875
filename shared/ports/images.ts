/** What the rebuild of agent images needs of the outside world. Rejects with a classified UpstreamError. */
import type { EpochMs } from '../domain/instant.ts';
import type { JsonObject } from '../domain/json.ts';

/** What a registry says an image reference stands for now. */
export interface ResolvedImage {
  /** `sha256:...` of the manifest or index that the reference names. */
  readonly digest: string;
  /** The image's label `dev.mayfly.agent-version`. */
  readonly agentVersion?: string;
  readonly createdAt?: EpochMs;
}

export interface ImageRegistry {
  /** `reference` = registry/repository:tag or registry/repository@sha256:...; undefined = there is no such image. */
  resolve(reference: string): Promise<ResolvedImage | undefined>;
}

/** The agent packages that an organisation offers. */
export interface AgentPackages {
  /** The newest version for a platform such as `linux-x64`; undefined = it offers none. */
  newest(platform: string): Promise<string | undefined>;
}

/** One build that was asked for. `key` names image and week, so that the same build is found again. */
export interface BuildOrder {
  readonly image: string;
  /** The same for every try to start the same build: a builder that knows it already answers with that build. */
  readonly key: string;
  readonly reason: string;
  /** Passed to the build: agent version, base image, tag to push. */
  readonly parameters: Readonly<Record<string, string>>;
}

export type BuildStatus = 'queued' | 'running' | 'succeeded' | 'failed' | 'canceled';

export interface Build {
  /** Of the builder: a run id, an ACR run id, a Job name. */
  readonly id: string;
  readonly status: BuildStatus;
  readonly startedAt?: EpochMs;
  readonly finishedAt?: EpochMs;
  /** Where a person can read about it. */
  readonly url?: string;
  /** On failure: the last lines of its log. */
  readonly excerpt?: string;
  /** Of what was pushed, where the builder tells; the registry has the last word. */
  readonly digest?: string;
}

/** Builds images: an Azure Pipelines run, an ACR task run, or a Job in a cluster. */
export interface ImageBuilder {
  /** The build that was started for this key, whoever started it; undefined = none. Asked before every start. */
  find(order: BuildOrder): Promise<Build | undefined>;
  /** Sent once, never retried. `conflict` = somebody else has just started it. */
  start(order: BuildOrder): Promise<Build>;
  /** undefined = the builder no longer knows it. */
  get(order: BuildOrder, id: string): Promise<Build | undefined>;
  cancel(order: BuildOrder, id: string): Promise<void>;
}

/** A DaemonSet that pulls an image ahead. */
export interface PrePulled {
  readonly name: string;
  readonly uid: string;
  /** Of what it was made from; undefined = somebody removed it. */
  readonly fingerprint?: string;
}

/** The DaemonSets of this installation that pull images ahead, in one cluster. */
export interface PrePulls {
  readonly cluster: string;
  /** Complete or rejected. */
  list(): Promise<readonly PrePulled[]>;
  /** `conflict` = it is there. */
  create(manifest: JsonObject): Promise<void>;
  /** Only while the UID is the same; `invalid` = it is another by now. */
  replace(old: PrePulled, manifest: JsonObject): Promise<void>;
  remove(old: PrePulled): Promise<void>;
}
