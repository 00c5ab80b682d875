/** What every builder of images must do alike, whatever builds. Each is reached over a real socket. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FaultKind } from '../../infra/local/world/faults.ts';
import type { Build, BuildOrder, ImageBuilder } from '../../shared/ports/images.ts';

export interface BuilderDoor {
  readonly builder: ImageBuilder;
  /** A second control plane over the same world. */
  readonly racer: ImageBuilder;
  /** What becomes of builds that are started from here on. */
  readonly outcome: (end: 'succeeded' | 'failed' | 'never') => void;
  /** Far enough for any build that ends. */
  readonly untilOver: () => Promise<void>;
  /** Strikes the next start, before or after it had its effect. */
  readonly strikeStart: (fault: FaultKind) => void;
  /** Strikes every read until the end of the test. */
  readonly strikeReads: (fault: FaultKind) => void;
  /** Builds that the world has seen. */
  readonly started: () => number | Promise<number>;
  readonly close: () => Promise<void>;
}

export interface BuilderTraits {
  /** True where the builder itself admits one build a key: a second start rejects or answers the first one's build. */
  readonly locks: boolean;
  /** Part of a failed build's excerpt. */
  readonly excerpt: RegExp;
}

export const anOrder = (fields: Partial<BuildOrder> = {}): BuildOrder => ({
  image: 'linux',
  key: 'linux/2026-W47',
  reason: 'weekly',
  parameters: { agentVersion: '4.260.0', tag: 'linux-2026-w47' },
  ...fields,
});

export function imageBuilderContract(name: string, traits: BuilderTraits, open: () => Promise<BuilderDoor>): void {
  describe(`images are built by ${name}`, () => {
    let door: BuilderDoor;
    beforeEach(async () => {
      door = await open();
    });
    afterEach(() => door.close());

    const order = anOrder();
    const now = async (build: Build): Promise<Build | undefined> => door.builder.get(order, build.id);

    it('knows no build before one was started', async () => {
      expect(await door.builder.find(order)).toBeUndefined();
    });

    it('starts a build, which anybody finds by its key and by no other', async () => {
      const build = await door.builder.start(order);
      expect(await door.racer.find(order)).toMatchObject({ id: build.id });
      expect(await door.racer.find(anOrder({ key: 'linux/2026-W48' }))).toBeUndefined();
      expect(await door.racer.find(anOrder({ key: 'linux/2026_W47' }))).toBeUndefined();
      expect(['queued', 'running']).toContain(build.status);
    });

    it('tells that it succeeded, and when', async () => {
      const build = await door.builder.start(order);
      await door.untilOver();
      const over = await now(build);
      expect(over).toMatchObject({ id: build.id, status: 'succeeded' });
      expect(over?.finishedAt).toBeGreaterThan(0);
      expect(over?.excerpt).toBeUndefined();
    });

    it('tells why it failed, without what looks like a credential', async () => {
      door.outcome('failed');
      const build = await door.builder.start(order);
      await door.untilOver();
      const over = await now(build);
      expect(over).toMatchObject({ id: build.id, status: 'failed' });
      expect(over?.excerpt).toMatch(traits.excerpt);
      expect(over?.excerpt).not.toContain('hunter2');
    });

    it('goes on telling that a build runs that hangs, and cancels it', async () => {
      door.outcome('never');
      const build = await door.builder.start(order);
      await door.untilOver();
      expect(await now(build)).toMatchObject({ status: 'running' });
      await door.builder.cancel(order, build.id);
      await door.untilOver();
      const status = (await now(build))?.status ?? 'gone';
      expect(['canceled', 'gone']).toContain(status);
    });

    it('cancels a build that is over, or unknown, without complaint', async () => {
      const build = await door.builder.start(order);
      await door.untilOver();
      await expect(door.builder.cancel(order, build.id)).resolves.toBeUndefined();
      await expect(door.builder.cancel(anOrder({ key: 'linux/2026-W01' }), '999999')).resolves.toBeUndefined();
    });

    it('knows no build by an id that it never gave', async () => {
      expect(await door.builder.get(anOrder({ key: 'linux/2026-W01' }), '999999')).toBeUndefined();
    });

    it('finds the build whose reply was lost, and starts no second one', async () => {
      door.strikeStart({ kind: 'lostAfter' });
      await expect(door.builder.start(order)).rejects.toMatchObject({ kind: 'unavailable' });
      expect(await door.started()).toBe(1);
      expect(await door.builder.find(order)).toBeDefined();
    });

    it('finds nothing where the start was lost on its way', async () => {
      door.strikeStart({ kind: 'lostBefore' });
      await expect(door.builder.start(order)).rejects.toMatchObject({ kind: 'unavailable' });
      expect(await door.builder.find(order)).toBeUndefined();
    });

    it('sends a start once, however it is answered', async () => {
      door.strikeStart({ kind: 'status', status: 429, retryAfterSeconds: 30 });
      await expect(door.builder.start(order)).rejects.toMatchObject({ kind: 'throttled', retryAfterMs: 30_000 });
      expect(await door.started()).toBe(0);
    });

    it('never takes a failed reading for absence', async () => {
      const build = await door.builder.start(order);
      door.strikeReads({ kind: 'status', status: 503 });
      await expect(door.builder.find(order)).rejects.toMatchObject({ kind: 'unavailable' });
      await expect(now(build)).rejects.toMatchObject({ kind: 'unavailable' });
    });

    it.runIf(traits.locks)('admits one build a key, though two start it at once', async () => {
      const both = await Promise.allSettled([door.builder.start(order), door.racer.start(order)]);
      const started = both.flatMap((result) => (result.status === 'fulfilled' ? [result.value.id] : []));
      const refused = both.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
      expect(new Set(started).size).toBe(1);
      for (const error of refused) expect(error).toMatchObject({ kind: 'conflict' });
      expect(await door.started()).toBe(1);
    });
  });
}
