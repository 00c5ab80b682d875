/**
 * What other pools know of images of which the maps of a pool say nothing: it is new, or somebody has damaged them.
 * Without that its agents would run what the tag stands for, which nobody may have tried yet, until the next look at the
 * images tells its maps.
 */
import { type Control, type ControlData, readControl } from '../../domain/control.ts';
import { joinImages } from '../../domain/imageJoin.ts';
import { type ImageState, imageShort, noImageState } from '../../domain/imageState.ts';
import type { Read } from '../../domain/read.ts';
import type { PoolPolicy } from '../../domain/template.ts';

/** Of what others know, only what has been proven: their trials and builds are theirs. */
const provenOf = ({ inForce, good, rolledBack }: ImageState): ImageState =>
  inForce === undefined ? noImageState : { inForce, good, rolledBack };

/** All control maps of one pool. */
export type ReadMaps = (poolId: number) => Promise<readonly Read<ControlData | undefined>[]>;

/** Any of them tells as much as all; an image that none knows must not cost a call for each pool with every pass. */
const maxAsked = 8;

/** A map that cannot be read says nothing. Costs nothing where the maps of the pool say enough. */
export async function withImagesOfOthers(policy: PoolPolicy, control: Control, readMaps: ReadMaps): Promise<Control> {
  const { images: policies = [], imagePools = [] } = policy;
  const unknown = policies
    .map(({ name }) => imageShort(name))
    .filter((image6) => control.images?.get(image6)?.inForce === undefined);
  if (unknown.length === 0 || imagePools.length === 0) return control;
  const reads = (await Promise.all(imagePools.slice(0, maxAsked).map(readMaps))).flat();
  const others = reads.flatMap((read) => (read.known ? [readControl(read.value)] : []));
  const found = unknown.map((image6): readonly [string, ImageState] => {
    const states = others.flatMap(({ images }) => images?.get(image6) ?? []).map(provenOf);
    return [image6, joinImages([...states, ...[control.images?.get(image6) ?? []].flat()])];
  });
  const told = found.filter(([, { inForce }]) => inForce !== undefined);
  return told.length === 0 ? control : { ...control, images: new Map([...(control.images ?? []), ...told]) };
}
