/** The state of an image on one control map, moved by compare and set alone. */
import type { ControlData } from '../../domain/control.ts';
import { UpstreamError } from '../../domain/errors.ts';
import { formatField, type ReadImageState, readImageState } from '../../domain/imageRecords.ts';
import { type ImageState, imageFields, imageKey, imageShort } from '../../domain/imageState.ts';
import type { Cluster } from '../../ports.ts';

/** A control map on which the state of an image is kept. */
export interface ImagePlace {
  readonly cluster: Pick<Cluster, 'name' | 'getControl' | 'testAndPatchControl'>;
  readonly poolId: number;
}

export async function readImage({ cluster, poolId }: ImagePlace, image: string): Promise<ImageState> {
  return readImageState((await cluster.getControl(poolId)) ?? {}, imageShort(image)).state;
}

type Texts = Readonly<Record<string, string | undefined>>;

interface Move {
  readonly expected: Texts;
  readonly changes: Texts;
  readonly isDamaged: boolean;
}

/** What has to be written for `next`, where it differs; all fields are expected to be as they were read. */
function moveTo(data: ControlData, image: string, { state, damaged }: ReadImageState, next: ImageState): Move {
  const image6 = imageShort(image);
  const texts = imageFields.map((field) => {
    const key = imageKey(image6, field);
    return { field, key, was: Object.hasOwn(data, key) ? data[key] : undefined, is: formatField(next, field) };
  });
  // How people spell a value is left to them.
  const moved = texts.filter(({ field, is }) => is !== formatField(state, field));
  const changes = Object.fromEntries(moved.map(({ key, is }) => [key, is]));
  const named = Object.keys(changes).length === 0 ? {} : { [imageKey(image6, 'name')]: image };
  return {
    expected: Object.fromEntries(texts.map(({ key, was }) => [key, was])),
    changes: { ...named, ...changes },
    isDamaged: moved.some(({ field }) => damaged.has(field)),
  };
}

/** Of reading and writing; each further one means that somebody else wrote to the same image in between. */
const maxAttempts = 5;

/**
 * Applies a step to whatever the map says by now. `was` is what it was applied to: whoever needs to know whether it was
 * their own step that moved the state compares the two. A damaged value that would be written over ends the move.
 */
export async function moveImage(
  { cluster, poolId }: ImagePlace,
  image: string,
  step: (state: ImageState) => ImageState,
): Promise<{ readonly was: ImageState; readonly is: ImageState }> {
  for (let attempt = 1; attempt <= maxAttempts; attempt++) {
    const data = (await cluster.getControl(poolId)) ?? {};
    const read = readImageState(data, imageShort(image));
    const next = step(read.state);
    const { expected, changes, isDamaged } = moveTo(data, image, read, next);
    if (isDamaged)
      throw refusal(image, 'invalid', `a damaged value stands where ${[...read.damaged].join(', ')} belongs`);
    if (Object.keys(changes).length === 0) return { was: read.state, is: read.state };
    if ((await cluster.testAndPatchControl(poolId, expected, changes)) === 'written')
      return { was: read.state, is: next };
  }
  throw refusal(image, 'conflict', 'others keep writing to it');
}

const refusal = (image: string, kind: 'invalid' | 'conflict', detail: string): UpstreamError =>
  new UpstreamError({ upstream: 'kubernetes', operation: `moving the state of image ${image}`, kind, detail });
