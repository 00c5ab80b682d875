/** What a builder is told of a build. */
import type { ImagePolicy } from '../../domain/imagePolicy.ts';
import { parseImageReference } from '../../domain/imageReference.ts';
import type { BuildRecord, Seen } from '../../domain/imageState.ts';
import type { BuildOrder } from '../../ports/images.ts';

/** A second try is another build: the first one would be found again under its own key. */
export const orderKey = ({ key, try: turn }: Pick<BuildRecord, 'key' | 'try'>): string =>
  turn === 1 ? key : `${key}-t${turn}`;

/** The same for everybody who reads one record: what it is made of was written down when it was decided. */
export function orderOf(policy: ImagePolicy, record: BuildRecord, seen: Seen | undefined): BuildOrder {
  const tag = parseImageReference(policy.reference)?.tag;
  return {
    image: policy.name,
    key: orderKey(record),
    reason: record.reason ?? 'weekly',
    parameters: {
      ...policy.parameters,
      ...(tag === undefined ? {} : { tag }),
      ...(seen?.agent === undefined ? {} : { agentVersion: seen.agent }),
      ...(seen?.base === undefined || policy.baseImage === undefined
        ? {}
        : { baseImage: `${policy.baseImage.split('@')[0]}@${seen.base}` }),
    },
  };
}
