/** Keeps one DaemonSet for each image that is pulled ahead, on the digest that is in force, and removes what is left over. */
import { errorKind, hasErrorKind } from '../../domain/errors.ts';
import type { JsonObject } from '../../domain/json.ts';
import type { PrePulled, PrePulls } from '../../ports/images.ts';
import type { Log } from '../../ports.ts';

export interface WantedPrePull {
  readonly name: string;
  readonly fingerprint: string;
  readonly manifest: JsonObject;
}

export interface PrePullWork {
  readonly cluster: PrePulls;
  readonly wanted: readonly WantedPrePull[];
  /** Names that somebody configured but whose image nobody could tell: they stay as they are. */
  readonly kept: ReadonlySet<string>;
}

/** What is there and what should be, by name. */
function stepsOf({ wanted, kept, cluster }: PrePullWork, present: readonly PrePulled[]) {
  const found = new Map(present.map((each) => [each.name, each]));
  const changes = wanted.flatMap((each) => {
    const old = found.get(each.name);
    if (old?.fingerprint === each.fingerprint) return [];
    const step = () => (old === undefined ? cluster.create(each.manifest) : cluster.replace(old, each.manifest));
    return [{ name: each.name, step }];
  });
  const names = new Set(wanted.map(({ name }) => name));
  const removals = present
    .filter(({ name }) => !names.has(name) && !kept.has(name))
    .map((each) => ({ name: each.name, step: () => cluster.remove(each) }));
  return [...changes, ...removals];
}

/** Never rejects: an image that is not pulled ahead is pulled by its agents. */
export async function prePullImages(work: PrePullWork, log: Log): Promise<void> {
  const { cluster } = work;
  try {
    const present = await cluster.list();
    for (const { name, step } of stepsOf(work, present)) {
      // Another control plane was there first, and next time we see what it did.
      const raced = await step().then(
        () => false,
        (error: unknown) => {
          if (hasErrorKind(error, 'conflict', 'notFound', 'invalid')) return true;
          throw error;
        },
      );
      log.write('info', 'image.prePull', { cluster: cluster.cluster, name, raced });
    }
  } catch (error) {
    log.write('warn', 'image.prePullFailed', { cluster: cluster.cluster, kind: errorKind(error) });
  }
}
