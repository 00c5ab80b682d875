/** The rebuild as the host calls it, over the stand-in API server: wishes on the control map, nudges, and their order. */
import { HttpRequest } from '@azure/functions';
import { describe, expect, it } from 'vitest';
import { registrations } from '../../support/functionsCore.ts';
import '../../../functions/main.ts';
import { healthDetails } from '../../../functions/health.ts';
import { askOfImage, imageStates, rebuildImages } from '../../../functions/rebuildImages.ts';
import { reconcilePool } from '../../../functions/reconcilePool.ts';
import { inProcessKubernetesApi } from '../../../infra/local/kubernetes/inProcess.ts';
import { KubernetesWorld } from '../../../infra/local/kubernetes/world.ts';
import { Faults, Journal } from '../../../infra/local/world/faults.ts';
import { seededRandom } from '../../../infra/local/world/random.ts';
import { clusterOver } from '../../../shared/adapters/kubernetes/cluster.ts';
import { formatField } from '../../../shared/domain/imageRecords.ts';
import { imageKey, imageShort } from '../../../shared/domain/imageState.ts';
import { type ImageParts, imagesOver } from '../../../shared/images.ts';
import type { Build, ImageBuilder } from '../../../shared/ports/images.ts';
import { aContext, aTestApp } from '../../support/app.ts';
import { anImagePolicy, anImageState, digest } from '../../support/images.ts';

/** One image on one pool; its builder runs for ever. */
function aSystem() {
  const orders: string[] = [];
  const build: Build = { id: 'b-1', status: 'running' };
  const builder: ImageBuilder = {
    find: async () => (orders.length === 0 ? undefined : build),
    start: async ({ key }) => {
      orders.push(key);
      return build;
    },
    get: async () => build,
    cancel: async () => undefined,
  };
  const app = aTestApp({ images: async () => images });
  const { clock } = app;
  const random = seededRandom(1);
  const world = new KubernetesWorld({ clock, random, namespaces: ['agents'] });
  const [faults, journal] = [new Faults(), new Journal()];
  const api = inProcessKubernetesApi(world, { caller: 'mayfly', door: 'k', faults, journal, clock, random });
  const cluster = clusterOver(api, { name: 'primary', namespace: 'agents', clock });
  const policy = anImagePolicy({ name: 'linux' });
  const parts: ImageParts = {
    images: [{ policy, builder, places: [{ cluster, poolId: 1 }] }],
    deps: { registry: { resolve: async () => ({ digest: digest('1') }) }, clock },
  };
  const images = imagesOver(parts);
  const stop = (): void => {
    app.queueError = new Error('no queue');
  };
  return { ...app, cluster, faults, orders, stop };
}

const aRequest = (image: string): HttpRequest =>
  new HttpRequest({ url: `http://127.0.0.1/api/rebuild/${image}`, method: 'POST', params: { image } });
const nothing = async (): Promise<undefined> => undefined;
const contextOf = (name: string) => aContext(name).context;
const key = (field: Parameters<typeof imageKey>[1]): string => imageKey(imageShort('linux'), field);

describe('the doors', () => {
  it('are a timer, and the rest behind a key', () => {
    const triggers = registrations()
      .filter(({ name }) => /image/i.test(name))
      .map(({ name, bindings }) => [
        name,
        Object.values(bindings).find(({ type }) => String(type).endsWith('Trigger')),
      ]);
    expect(triggers).toMatchObject([
      ['rebuildImages', { type: 'timerTrigger', schedule: '%MAYFLY_REBUILD%' }],
      ['rebuildImage', { type: 'httpTrigger', authLevel: 'function', route: 'rebuild/{image}', methods: ['POST'] }],
      ['rollbackImage', { type: 'httpTrigger', authLevel: 'function', route: 'rollback/{image}', methods: ['POST'] }],
      ['images', { type: 'httpTrigger', authLevel: 'function', route: 'images', methods: ['GET'] }],
    ]);
  });
});

describe('the timer', () => {
  it('sends one nudge, however many timers fire in one slot', async () => {
    const { get, sent } = aSystem();
    await rebuildImages(contextOf('rebuildImages'), get);
    await rebuildImages(contextOf('rebuildImages'), get);
    expect(new Set(sent.map(({ messageId }) => messageId)).size).toBe(1);
    expect(sent[0]).toMatchObject({ sessionId: 'images', body: { about: 'images', cause: 'timer' } });
  });

  it('sends none where no image is configured', async () => {
    const { get, sent } = aTestApp();
    await rebuildImages(contextOf('rebuildImages'), get);
    expect(sent).toEqual([]);
  });

  it('fails where the queue does', async () => {
    const { get, stop } = aSystem();
    stop();
    await expect(rebuildImages(contextOf('rebuildImages'), get)).rejects.toThrow('no queue');
  });
});

describe('a nudge', () => {
  const nudged = async (system: ReturnType<typeof aSystem>, at: number): Promise<void> =>
    reconcilePool(system.sent[at]?.body, contextOf('reconcilePool'), system.get);

  it('starts what is asked for, and nudges again while it is under way', async () => {
    const system = aSystem();
    expect(await askOfImage('build', aRequest('linux'), contextOf('rebuildImage'), system.get)).toEqual({
      status: 202,
      jsonBody: { image: 'linux', asked: 'build' },
    });
    await nudged(system, 0);
    expect(system.orders).toHaveLength(1);
    expect(system.sent[1]).toMatchObject({
      sessionId: 'images',
      body: { cause: 'nextLook' },
      dueAt: system.clock.now() + 60_000,
    });
    expect((await system.cluster.getControl(1))?.[key('build')]).toContain('state=running');
    await nudged(system, 1);
    expect(system.orders).toHaveLength(1);
  });

  it('is completed whatever comes of it', async () => {
    const system = aSystem();
    await rebuildImages(contextOf('rebuildImages'), system.get);
    system.faults.add({ kind: 'status', status: 503 }, () => true, Number.POSITIVE_INFINITY);
    await expect(nudged(system, 0)).resolves.toBeUndefined();
  });
});

describe('on demand', () => {
  it('refuses an image that is not configured', async () => {
    const { get } = aSystem();
    expect(await askOfImage('build', aRequest('other'), contextOf('rebuildImage'), get)).toMatchObject({ status: 404 });
  });

  it('refuses an image that no pool runs: its wish could stand nowhere', async () => {
    const { clock } = aSystem();
    const deps = { registry: { resolve: async () => undefined }, clock };
    const builder = { find: nothing, get: nothing, cancel: nothing, start: () => Promise.reject(new Error('unasked')) };
    const images = imagesOver({ images: [{ policy: anImagePolicy(), builder, places: [] }], deps });
    const { get } = aTestApp({ images: async () => images });
    expect(await askOfImage('build', aRequest('linux'), contextOf('rebuildImage'), get)).toMatchObject({ status: 409 });
  });

  it('refuses to roll back where there is nothing to go back to', async () => {
    const { get } = aSystem();
    expect(await askOfImage('rollback', aRequest('linux'), contextOf('rollbackImage'), get)).toMatchObject({
      status: 409,
    });
  });

  it('rolls back to the last good image by the next look', async () => {
    const system = aSystem();
    const { cluster, get, sent } = system;
    const state = anImageState({
      inForce: { digest: digest('2'), since: 2 },
      good: [{ digest: digest('1'), since: 1 }],
    });
    await cluster.patchControl(1, {
      [key('inForce')]: formatField(state, 'inForce'),
      [key('good')]: formatField(state, 'good'),
    });
    expect(await askOfImage('rollback', aRequest('linux'), contextOf('rollbackImage'), get)).toMatchObject({
      status: 202,
    });
    await reconcilePool(sent[0]?.body, contextOf('reconcilePool'), get);
    expect((await imageStates(contextOf('images'), get)).jsonBody).toMatchObject({
      images: [{ image: 'linux', known: true, inForce: { digest: digest('1') } }],
    });
  });

  it('says that it could not be written down', async () => {
    const { get, faults } = aSystem();
    faults.add({ kind: 'status', status: 403 }, () => true, Number.POSITIVE_INFINITY);
    expect(await askOfImage('build', aRequest('linux'), contextOf('rebuildImage'), get)).toMatchObject({ status: 503 });
  });
});

describe('how images stand', () => {
  it('is told with the details of the health', async () => {
    const { get } = aSystem();
    expect((await healthDetails(get)).jsonBody).toMatchObject({ images: [{ image: 'linux', known: true, good: [] }] });
  });

  it('is unknown where no control map can be read', async () => {
    const { get, faults } = aSystem();
    faults.add({ kind: 'status', status: 503 }, () => true, Number.POSITIVE_INFINITY);
    expect((await imageStates(contextOf('images'), get)).jsonBody).toMatchObject({ images: [{ known: false }] });
  });
});
