import { describe, expect, it } from 'vitest';
import type { ImageChange } from '../../../../shared/plan/images/transitions.ts';
import type { Pass } from '../../../../shared/reconcile/deps.ts';
import { noteImage } from '../../../../shared/reconcile/images/noteImage.ts';
import { policy } from '../../../support/builders.ts';
import { MapInMemory } from '../../../support/imageParts.ts';
import { anImagePolicy, anImageState, digest } from '../../../support/images.ts';

const [a, b] = [digest('a'), digest('b')];
const image = anImagePolicy({ provenAgents: 1 });
const candidate = { digest: b, since: 5, proven: [] };
const fell: ImageChange = { kind: 'rolledBack', digest: b, since: 5, reason: 'neverStarted' };

function note(maps: readonly MapInMemory[], change: ImageChange) {
  const clusters = maps.map((map) => map.place().cluster);
  const pass = { clusters, policy, serverNow: () => 9 } as unknown as Pass;
  return noteImage(pass, { kind: 'noteImage', name: image.name, image, changes: [change] });
}

describe('noteImage', () => {
  it('writes what agents have shown on every map of the pool', async () => {
    const maps = [new MapInMemory({ candidate }), new MapInMemory({ candidate, inForce: { digest: a, since: 1 } })];
    expect(await note(maps, { kind: 'proved', digest: b, since: 5, agents: ['x'] })).toEqual({
      action: 'noteImage',
      subject: 'linux',
      kind: 'done',
      detail: `proved ${b}`,
    });
    expect(maps.map((map) => map.state().inForce)).toEqual([
      { digest: b, since: 9, tried: 5 },
      { digest: b, since: 9, tried: 5 },
    ]);
    expect(maps.map((map) => map.state().good.map((each) => each.digest))).toEqual([[], [a]]);
  });

  it('writes on those that it can reach, and tells that one is missing', async () => {
    const [near, far] = [new MapInMemory({ candidate }), new MapInMemory({ candidate })];
    far.down = true;
    expect(await note([near, far], fell)).toMatchObject({ kind: 'failed', detail: 'unavailable' });
    expect(near.state()).toEqual(
      anImageState({ rolledBack: [{ digest: b, since: 9, tried: 5, reason: 'neverStarted' }] }),
    );
    expect(far.state().candidate).toEqual(candidate);
  });

  it('works it out anew where somebody has written meanwhile', async () => {
    const map = new MapInMemory({ candidate });
    const later = new MapInMemory({ candidate: { digest: a, since: 8, proven: [] } });
    map.before = () => later.data;
    expect(await note([map], fell)).toMatchObject({ kind: 'done' });
    expect(map.state()).toEqual(later.state());
  });

  it('writes nothing twice', async () => {
    const map = new MapInMemory({ candidate });
    await note([map], fell);
    await note([map], fell);
    expect(map.writes).toBe(1);
  });
});
