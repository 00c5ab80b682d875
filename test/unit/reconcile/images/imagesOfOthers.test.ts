/** A pool that has come to run an image others run already, before any look has told its own control map of it. */
import { describe, expect, it } from 'vitest';
import { noControl } from '../../../../shared/domain/control.ts';
import { imageShort } from '../../../../shared/domain/imageState.ts';
import { withImagesOfOthers } from '../../../../shared/reconcile/images/imagesOfOthers.ts';
import { observePool } from '../../../../shared/reconcile/observe.ts';
import { written } from '../../../support/imageParts.ts';
import { anImagePolicy, digest } from '../../../support/images.ts';
import { namespace, Worlds } from '../../../support/pass.ts';
import { aPoolPolicy } from '../../../support/policyBuilders.ts';

const [a, b, c] = [digest('a'), digest('b'), digest('c')];
const inForce = { digest: a, since: 5 };
const others = written({
  inForce,
  good: [{ digest: c, since: 5 }],
  candidate: { digest: b, since: 7, proven: [] },
  build: { key: 'k', state: 'running', try: 1, since: 7 },
});
const policy = aPoolPolicy({ clusters: ['east'], images: [anImagePolicy()], imagePools: [8, 9] });

/** What a look takes for the state of the image. */
async function seen(own: Readonly<Record<string, string>>): Promise<unknown> {
  const worlds = new Worlds({ policy });
  const metadata = { name: 'mayfly-pool-9' };
  worlds.setControl(own, 'east');
  worlds.world('east').create('configmaps', namespace, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata,
    data: { ...others, paused: 'true' },
  });
  const { observed } = await worlds.until(observePool(worlds.plane().deps));
  expect(observed.control.value?.paused.pool).toBe(false);
  return observed.control.value?.images?.get(imageShort('linux'));
}

describe('a pool whose map does not say what is in force', () => {
  it.each([
    { name: 'as on one that is new', own: {} },
    { name: 'as on one that somebody has damaged', own: { [`mayfly.image.${imageShort('linux')}.inForce`]: 'latest' } },
  ])('runs what other pools run, $name', async ({ own }) => {
    expect(await seen(own)).toEqual({ inForce, good: [{ digest: c, since: 5 }], rolledBack: [] });
  });

  it('asks a few of many others', async () => {
    const asked: number[] = [];
    const many = { ...policy, imagePools: Array.from({ length: 50 }, (_, index) => 10 + index) };
    const read = async (poolId: number) => {
      asked.push(poolId);
      return [];
    };
    expect(await withImagesOfOthers(many, noControl, read)).toEqual(noControl);
    expect(asked).toHaveLength(8);
  });

  it('goes by its own as soon as there is one', async () => {
    const own = { digest: c, since: 1 };
    expect(await seen(written({ inForce: own }))).toEqual({ inForce: own, good: [], rolledBack: [] });
  });
});
