/** Writes down on the control maps of a pool what agents of a candidate have shown. */
import { applied } from '../../plan/images/transitions.ts';
import type { Pass } from '../deps.ts';
import type { Outcome } from '../outcome.ts';
import { type ActionOf, settle } from '../settle.ts';
import { moveImage } from './imageRecord.ts';

/** On each map by itself: what one that is out of reach does not learn now, it learns from the others later. */
export function noteImage(pass: Pass, { name, image, changes }: ActionOf<'noteImage'>): Promise<Outcome> {
  const { clusters, policy, serverNow } = pass;
  return settle('noteImage', name, async () => {
    const at = serverNow();
    const moves = clusters.map((cluster) =>
      moveImage({ cluster, poolId: policy.poolId }, name, (state) =>
        changes.reduce((each, change) => applied(each, change, image, at), state),
      ),
    );
    const failed = (await Promise.allSettled(moves)).find((move) => move.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    return ['done', changes.map(({ kind, digest }) => `${kind} ${digest}`).join('; ')];
  });
}
