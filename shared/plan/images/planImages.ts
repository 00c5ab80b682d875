/** What a plan writes down, and tells, of images that are rebuilt. */
import type { ImagePolicy, KnownImage } from '../../domain/imagePolicy.ts';
import { type ImageState, imageShort } from '../../domain/imageState.ts';
import type { EpochMs } from '../../domain/instant.ts';
import type { PoolPolicy } from '../../domain/template.ts';
import type { Observed } from '../observed.ts';
import type { Action, Alarm } from '../plan.ts';
import type { View } from '../view.ts';
import type { JudgedImage } from './transitions.ts';

export function imageActions({ images = [] }: View): readonly Action[] {
  return images.flatMap(({ policy, changes }): readonly Action[] =>
    changes.length === 0 ? [] : [{ kind: 'noteImage', name: policy.name, image: policy, changes }],
  );
}

/** Long enough to tell digests from each other. */
const shortDigest = (digest: string): string => digest.slice(0, 'sha256:'.length + 12);

/** When an image was built, as far as anybody knows: one of the future would never be old. */
const builtAt = ({ builtAt: at, since }: KnownImage, now: EpochMs): EpochMs =>
  at === undefined || at > now ? since : at;

const hours = (ms: number): number => Math.floor(ms / 3_600_000);

/** The last one that failed by itself, until another is tried or in force. */
function lastRolledBack({ rolledBack, inForce, candidate }: ImageState) {
  const [last] = rolledBack.toSorted((a, b) => b.since - a.since);
  if (last === undefined || last.reason === 'requested') return undefined;
  return last.since > Math.max(inForce?.since ?? 0, candidate?.since ?? 0) ? last : undefined;
}

/** What nobody has looked at yet, or never could, is older than any limit. */
function oldness(inForce: KnownImage | undefined, { maxAgeMs }: ImagePolicy, now: EpochMs): string | false {
  if (inForce === undefined) return 'none is in force';
  const ageMs = now - builtAt(inForce, now);
  return ageMs > maxAgeMs && `built ${hours(ageMs)} hours ago`;
}

function alarmsOf({ policy, state }: JudgedImage, now: EpochMs): readonly Alarm[] {
  const { inForce, build, moved } = state;
  const gone = lastRolledBack(state);
  const told: readonly (readonly [Alarm['reason'], string | false])[] = [
    ['imageOld', oldness(inForce, policy, now)],
    ['imageBuildFailed', build?.state === 'failed' && `${build.key}: ${build.reason ?? 'failed'}`],
    ['imageRolledBack', gone !== undefined && `${shortDigest(gone.digest)}: ${gone.reason ?? 'failed'}`],
    ['imageMoved', moved !== undefined && `${policy.reference} is ${shortDigest(moved.digest)}`],
  ];
  return told.flatMap(([reason, detail]) => (detail === false ? [] : [{ reason, subject: policy.name, detail }]));
}

/** Nothing is told of images while no control map can be read: that has an alarm of its own. */
export const imageAlarms = ({ images = [], now, observed }: View): readonly Alarm[] =>
  observed.control.value === undefined ? [] : images.flatMap((image) => alarmsOf(image, now));

/** How old the image in force is, in whole hours; undefined = nobody knows. */
export const ageHours = ({ inForce }: Pick<ImageState, 'inForce'>, now: EpochMs): number | undefined =>
  inForce && hours(now - builtAt(inForce, now));

/** The age of each image in force, for the line that metrics are made of. */
export function imageFields({ images = [] }: PoolPolicy, { control, at }: Observed): Readonly<Record<string, number>> {
  const ages = images.flatMap(({ name }): readonly (readonly [string, number])[] => {
    const age = ageHours(control.value?.images?.get(imageShort(name)) ?? {}, at);
    return age === undefined ? [] : [[`imageAgeHours.${name}`, age]];
  });
  return Object.fromEntries(ages);
}
