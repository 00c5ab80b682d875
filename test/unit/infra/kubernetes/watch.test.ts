import { describe, expect, it } from 'vitest';
import { nameOf, text } from '../../../../infra/local/kubernetes/object.ts';
import type { WatchEvent, WatchOptions } from '../../../../infra/local/kubernetes/verbs.ts';
import { aJob, aScene, namespace, type Scene } from './aWorld.ts';

function watched({ world }: Scene, options: WatchOptions = {}) {
  const events: WatchEvent[] = [];
  const watch = world.watch('jobs', namespace, options, (event) => events.push(event));
  return { watch, events, seen: () => events.map(({ type, object }) => `${type} ${nameOf(object)}`) };
}

const revision = ({ world }: Scene): string =>
  text(world.list('jobs', namespace).body, 'metadata', 'resourceVersion') ?? '';
const suspended = (name: string) => aJob(name, { suspend: true });

describe('watching Jobs', () => {
  it('tells creation, change and deletion in order, and nothing once closed', () => {
    const scene = aScene();
    const { watch, seen } = watched(scene, { resourceVersion: revision(scene) });
    scene.world.create('jobs', namespace, suspended('a'));
    scene.world.create('secrets', namespace, { metadata: { name: 'other' } });
    scene.world.patch('jobs', namespace, 'a', { type: 'merge', body: { metadata: { labels: { x: 'y' } } } });
    scene.world.delete('jobs', namespace, 'a', { propagationPolicy: 'Background' });
    watch.close();
    scene.world.create('jobs', namespace, suspended('b'));
    expect(seen()).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a']);
  });

  it('goes on from an older revision without a gap', () => {
    const scene = aScene();
    const from = revision(scene);
    scene.world.create('jobs', namespace, suspended('a'));
    const { seen } = watched(scene, { resourceVersion: from });
    scene.world.create('jobs', namespace, suspended('b'));
    expect(seen()).toEqual(['ADDED a', 'ADDED b']);
  });

  it('adds and deletes what enters and leaves the selection', () => {
    const scene = aScene();
    const { seen } = watched(scene, { resourceVersion: revision(scene), labelSelector: 'x=y' });
    const label = (value: string | null) => ({ type: 'merge', body: { metadata: { labels: { x: value } } } }) as const;
    scene.world.create('jobs', namespace, suspended('a'));
    scene.world.patch('jobs', namespace, 'a', label('y'));
    scene.world.patch('jobs', namespace, 'a', label(null));
    expect(seen()).toEqual(['ADDED a', 'DELETED a']);
  });

  it('ends with 410 Expired from a revision that is forgotten', () => {
    const scene = aScene();
    const { events } = watched(scene, { resourceVersion: '1' });
    expect(events).toMatchObject([{ type: 'ERROR', object: { code: 410, reason: 'Expired' } }]);
    const from = revision(scene);
    scene.world.create('jobs', namespace, suspended('a'));
    scene.world.compact();
    expect(watched(scene, { resourceVersion: from }).seen()).toEqual(['ERROR ']);
  });

  it('sends what there is first, and says where it ends, when asked to', () => {
    const scene = aScene();
    scene.world.create('jobs', namespace, suspended('a'));
    const { events, watch } = watched(scene, { sendInitialEvents: true });
    expect(events.map(({ type }) => type)).toEqual(['ADDED', 'BOOKMARK']);
    expect(events[1]?.object['metadata']).toMatchObject({ annotations: { 'k8s.io/initial-events-end': 'true' } });
    expect(text(watch.bookmark().object, 'metadata', 'resourceVersion')).toBe(revision(scene));
  });
});

describe('listing in pages', () => {
  it('shows one moment, though Jobs come and go between the pages', () => {
    const scene = aScene();
    for (const name of ['a', 'b', 'c']) scene.world.create('jobs', namespace, suspended(name));
    const first = scene.world.list('jobs', namespace, { limit: 2 }).body;
    scene.world.delete('jobs', namespace, 'c', { propagationPolicy: 'Background' });
    const token = text(first, 'metadata', 'continue');
    const second = scene.world.list('jobs', namespace, { limit: 2, continue: token }).body;
    expect(second['items']).toMatchObject([{ metadata: { name: 'c' } }]);
  });

  it('keeps lists with different selectors apart', () => {
    const scene = aScene();
    for (const name of ['a', 'b', 'c']) scene.world.create('jobs', namespace, suspended(name));
    const all = scene.world.list('jobs', namespace, { limit: 1 }).body;
    scene.world.list('jobs', namespace, { limit: 1, labelSelector: 'app=agents,app' });
    scene.world.list('jobs', namespace, { limit: 1, labelSelector: 'app!=agents' });
    const token = text(all, 'metadata', 'continue');
    const rest = scene.world.list('jobs', namespace, { continue: token }).body;
    expect(rest['items']).toMatchObject([{ metadata: { name: 'b' } }, { metadata: { name: 'c' } }]);
  });

  it('answers 410 to a token that is forgotten', () => {
    const scene = aScene();
    for (const name of ['a', 'b']) scene.world.create('jobs', namespace, suspended(name));
    const first = scene.world.list('jobs', namespace, { limit: 1 }).body;
    scene.world.compact();
    const token = text(first, 'metadata', 'continue');
    expect(() => scene.world.list('jobs', namespace, { continue: token })).toThrow('too old');
  });
});
