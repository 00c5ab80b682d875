/** What the configuration says of an image that Mayfly rebuilds. */
import { atDigest, formatImageReference, isAllowed, isDigest, parseImageReference } from './imageReference.ts';
import type { EpochMs } from './instant.ts';
import type { Weekday } from './template.ts';

/** Once a week, when wall clocks in `zone` show this hour of this day. */
export interface BuildSchedule {
  readonly weekday: Weekday;
  /** 0 to 23. */
  readonly hour: number;
  /** IANA name. */
  readonly zone: string;
}

export interface ImagePolicy {
  /** Templates refer to it, and the keys of its state are made of it. */
  readonly name: string;
  /** registry/repository:tag, the tag that builds push. */
  readonly reference: string;
  /** registry/repository, registry/* or registry/path/*: images come from these alone. */
  readonly allowedRepositories: readonly string[];
  /** Absent = only on demand, and when something that it is made of has changed. */
  readonly schedule?: BuildSchedule;
  /** The reference of what it is built on: a build is due when its digest has changed. */
  readonly baseImage?: string;
  /** The platform of the agent package, as in `linux-x64`: a build is due when there is a newer one. */
  readonly agentPackage?: string;
  /** Passed on to every build. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** So many agents of a candidate have to finish a job before all new agents get its image. */
  readonly provenAgents: number;
  /** How many earlier images are remembered to go back to. */
  readonly keptImages: number;
  /** In ms: an image in force that is older raises an alarm. */
  readonly maxAgeMs: number;
  /** In ms: a build that takes longer is cancelled. */
  readonly buildTimeoutMs: number;
  /** Whether an image that somebody else pushed under the tag becomes a candidate. */
  readonly followTag: boolean;
}

/** An image that is, was or may come into force. */
export interface KnownImage {
  /** `sha256:...`; `configured` = that of the template itself. */
  readonly digest: string;
  /** `registry/repository` that it was pushed to; absent = the one that the configuration names. */
  readonly from?: string;
  /** Of the agent package inside. */
  readonly version?: string;
  /** When it came to be what it is: candidate, in force. */
  readonly since: EpochMs;
  readonly builtAt?: EpochMs;
  /** Since when it was the candidate that brought it here: names the trial, of which other maps may know more. */
  readonly tried?: EpochMs;
}

/** Stands for the image that the configuration gives a template, where none was ever proven. */
export const configuredDigest = 'configured';

/** `registry/repository` of a policy. */
export function repositoryOf({ reference }: Pick<ImagePolicy, 'reference'>): string | undefined {
  const image = parseImageReference(reference);
  return image && `${image.registry}/${image.repository}`;
}

/**
 * By what pods name an image: never a tag, and only ever of repositories that are allowed. What was pushed before the
 * configuration named another repository is still where it was.
 */
export function pinned(
  policy: Pick<ImagePolicy, 'reference' | 'allowedRepositories'>,
  { digest, from }: Pick<KnownImage, 'digest' | 'from'>,
): string | undefined {
  if (!isDigest(digest) || (from !== undefined && !isAllowed(from, policy.allowedRepositories))) return undefined;
  const image = parseImageReference(from ?? policy.reference);
  return image && formatImageReference(atDigest(image, digest));
}
