import { describe, expect, it } from 'vitest';
import { settled } from '../../../../infra/local/world/clock.ts';
import { acceptedBeside, hookKeepMs, hookTags } from '../../../../shared/domain/hookSecret.ts';
import { hoursMs, minutesMs } from '../../../../shared/domain/instant.ts';
import { rotateHookSecret } from '../../../../shared/reconcile/hookSecrets/rotateHookSecret.ts';
import { firstSecret, HookSecretWorld, projects, secretName } from '../../../support/hookSecretWorld.ts';

/** A pass and the hooks that are delivered meanwhile and until the next one. */
async function pass(world: HookSecretWorld, asked = false, ms = hoursMs(1)) {
  const done = rotateHookSecret(world.deps(), { asked });
  await world.hooksFor(ms);
  return Promise.race([done, settled().then(() => undefined)]);
}

const refusals = (world: HookSecretWorld): number => world.deliveries.filter(({ status }) => status !== 202).length;

async function acceptedNow(world: HookSecretWorld): Promise<readonly string[]> {
  const vault = world.readVault();
  const latest = await vault.readLatest(secretName);
  if (latest === undefined) return [];
  const { value } = await vault.listVersions(secretName);
  return [latest.version, ...acceptedBeside(value, latest).map(({ version }) => version)];
}

/** One secret in force, sent by all, and every receiver refuses the first one. */
async function expectEnded(world: HookSecretWorld): Promise<void> {
  const latest = world.vault.secrets.latest(secretName);
  expect(await acceptedNow(world)).toEqual([latest?.version]);
  const sent = world.subscriptions
    .list()
    .map(({ consumerInputs, status }) => [
      consumerInputs['basicAuthPassword'] === latest?.value,
      consumerInputs['httpHeaders'],
      status,
    ]);
  expect(sent).toEqual(sent.map(() => [true, undefined, 'enabled']));
  await world.clock.advance(hookKeepMs);
  world.ring();
  await world.clock.advance(1000);
  expect(await world.verdicts(firstSecret)).toEqual(['rejected', 'rejected', 'rejected']);
  expect(refusals(world)).toBe(0);
}

describe('rotateHookSecret', () => {
  it('leaves a secret alone that nobody asked to replace', async () => {
    const world = new HookSecretWorld();
    expect(await pass(world)).toMatchObject({ steps: [], alarms: [], accepted: 1 });
    expect(world.vault.secrets.versions(secretName)).toHaveLength(1);
  });

  it('replaces it when asked, drops the former one after the grace, and no hook is refused meanwhile', async () => {
    const world = new HookSecretWorld();
    expect(await pass(world, true)).toMatchObject({ steps: ['begin', 'spread'], alarms: [], accepted: 2 });
    expect(await world.verdicts(firstSecret)).toEqual(['accepted', 'accepted', 'accepted']);
    expect(await pass(world)).toMatchObject({ steps: ['drop'], alarms: [], accepted: 1 });
    await expectEnded(world);
    expect(world.deliveries.length).toBeGreaterThan(200);
  });

  it('replaces it once it is old enough', async () => {
    const world = new HookSecretWorld();
    await world.clock.advance(hoursMs(24 * 90));
    expect(await pass(world)).toMatchObject({ steps: ['begin', 'spread'] });
    await pass(world);
    await expectEnded(world);
  });

  it('spreads a version that a person put there, once it has rotated before', async () => {
    const world = new HookSecretWorld();
    await pass(world, true);
    await pass(world);
    world.vault.secrets.set(secretName, 'a further secret that was made by a person');
    expect(await pass(world)).toMatchObject({ steps: ['spread'] });
    await pass(world);
    await expectEnded(world);
  });

  it('touches no subscription when the receiver does not take the new secret', async () => {
    const world = new HookSecretWorld();
    world.receiverIsBlind = true;
    expect(await pass(world, true)).toMatchObject({ alarms: [{ code: 'hookSecretNotAccepted' }] });
    expect(world.subscriptions.list().map(({ consumerInputs }) => consumerInputs['httpHeaders'])).toEqual(
      Array.from({ length: 4 }, () => `x-mayfly-secret:${firstSecret}`),
    );
    expect(refusals(world)).toBe(0);
    world.receiverIsBlind = false;
    await pass(world);
    await pass(world);
    await expectEnded(world);
  });

  it('keeps the former secret for a subscription that cannot be written, says which, and writes the others', async () => {
    const world = new HookSecretWorld();
    const [stubborn] = world.subscriptions.list();
    const matches = ({ verb, target }: { readonly verb: string; readonly target: string }): boolean =>
      verb === 'write' && target === stubborn?.id;
    const mend = world.faults.add({ kind: 'status', status: 503 }, matches, Number.POSITIVE_INFINITY);
    for (let hour = 0; hour < 3; hour++) {
      const report = await pass(world, hour === 0);
      expect(report).toMatchObject({
        accepted: 2,
        alarms: [{ code: 'hookSubscriptionNotWritten', projectId: projects[0], subscriptionId: stubborn?.id }],
      });
    }
    const sent = world.subscriptions
      .list()
      .map(({ consumerInputs }) => consumerInputs['basicAuthPassword'] !== undefined);
    expect(sent).toEqual([false, true, true, true]);
    mend();
    await pass(world);
    await pass(world);
    await expectEnded(world);
  });

  it('proves nothing by an answer that the server keeps to itself', async () => {
    const world = new HookSecretWorld();
    world.answersAreKept = false;
    const report = await pass(world, true);
    expect(new Set(report?.alarms.map(({ code }) => code))).toEqual(new Set(['hookSubscriptionNotProven']));
    await pass(world);
    expect(await acceptedNow(world)).toHaveLength(2);
  });

  it('begins and drops nothing while a project cannot be read', async () => {
    const world = new HookSecretWorld();
    const matches = ({ verb }: { readonly verb: string }): boolean => verb === 'list';
    const mend = world.faults.add({ kind: 'status', status: 503 }, matches, Number.POSITIVE_INFINITY);
    expect(await pass(world, true)).toMatchObject({
      steps: [],
      alarms: [{ code: 'hookSubscriptionsUnknown' }, { code: 'hookSubscriptionsUnknown' }],
    });
    mend();
    expect(await pass(world, true)).toMatchObject({ steps: ['begin', 'spread'] });
    world.faults.add({ kind: 'status', status: 503 }, matches, Number.POSITIVE_INFINITY);
    expect(await pass(world)).toMatchObject({ steps: [], accepted: 2 });
  });

  it('takes a project without a subscription for one that it may not see', async () => {
    const world = new HookSecretWorld();
    for (const { id, publisherInputs } of world.subscriptions.list()) {
      if (publisherInputs['projectId'] === projects[1]) world.subscriptions.delete(id);
    }
    const want = { steps: [], alarms: [{ code: 'hookSubscriptionMissing', projectId: projects[1] }] };
    expect(await pass(world, true)).toMatchObject(want);
  });

  it('enables again what the server has put on probation', async () => {
    const world = new HookSecretWorld();
    await pass(world, true);
    await pass(world);
    const [first] = world.subscriptions.list();
    if (first !== undefined) first.status = 'disabledBySystem';
    expect(await pass(world)).toMatchObject({ steps: ['spread'], alarms: [] });
    expect(first?.status).toBe('enabled');
  });

  it('enables again what stood still before any rotation, with the secret that there is', async () => {
    const world = new HookSecretWorld();
    const [first] = world.subscriptions.list();
    if (first !== undefined) first.status = 'onProbation';
    expect(await pass(world)).toMatchObject({ steps: ['spread'], alarms: [], accepted: 1 });
    expect(first?.status).toBe('enabled');
    expect(world.vault.secrets.versions(secretName)).toHaveLength(1);
    expect(await pass(world)).toMatchObject({ steps: [], alarms: [] });
    expect(refusals(world)).toBe(0);
  });

  it('replaces a short secret for that, which nothing can be proven with', async () => {
    const world = new HookSecretWorld();
    world.vault.secrets.set(secretName, 'short');
    for (const { consumerInputs } of world.subscriptions.list())
      Object.assign(consumerInputs, { httpHeaders: 'x-mayfly-secret:short' });
    const [first] = world.subscriptions.list();
    if (first !== undefined) first.status = 'disabledBySystem';
    expect(await pass(world)).toMatchObject({ steps: ['begin', 'spread'], alarms: [] });
    expect(first?.status).toBe('enabled');
  });

  it('leaves a subscription disabled that a person disabled, and gives it the new secret', async () => {
    const world = new HookSecretWorld();
    const [first] = world.subscriptions.list();
    if (first !== undefined) first.status = 'disabledByUser';
    await pass(world, true);
    await pass(world);
    expect(first?.status).toBe('disabledByUser');
    expect(first?.consumerInputs['basicAuthPassword']).toBe(world.vault.secrets.latest(secretName)?.value);
  });

  it('says that the vault cannot be read, and does nothing', async () => {
    const world = new HookSecretWorld();
    world.vault.throttleTo({ budget: 0 });
    expect(await rotateHookSecret(world.deps(), { asked: true })).toMatchObject({
      steps: [],
      alarms: [{ code: 'hookVault' }],
    });
  });

  it('logs no secret', async () => {
    const world = new HookSecretWorld();
    await pass(world, true);
    const values = world.vault.secrets.versions(secretName).map(({ value }) => value);
    expect(world.lines.length).toBeGreaterThan(0);
    expect(values.filter((value) => world.lines.some((line) => line.includes(value)))).toEqual([]);
    expect(world.vault.secrets.latest(secretName)?.tags[hookTags.state]).toBe('accepted');
  });
});

describe('a death at any outside call', { timeout: 120_000 }, () => {
  it('costs no hook and leaves one secret', async () => {
    const calm = new HookSecretWorld();
    await pass(calm, true, minutesMs(20));
    for (let hour = 0; hour < 2; hour++) await pass(calm);
    const calls = calm.counter.count;
    let deliveries = 0;
    for (let atCall = 0; atCall < calls; atCall++) {
      for (const when of ['before', 'after'] as const) {
        const world = new HookSecretWorld({ crash: { atCall, when } });
        await pass(world, true, minutesMs(20));
        // Asked once more, for a death may have come before anything was begun.
        await pass(world, true, minutesMs(20));
        for (let hour = 0; hour < 3; hour++) await pass(world);
        await expectEnded(world);
        deliveries += world.deliveries.length;
      }
    }
    expect(calls).toBeGreaterThan(30);
    process.stdout.write(`hook secret: ${calls * 2} deaths, ${deliveries} deliveries, 0 refused\n`);
  });
});

describe('two passes at once', { timeout: 60_000 }, () => {
  it('harm nothing, however they interleave', async () => {
    let stored = 0;
    for (let seed = 0; seed < 25; seed++) {
      const world = new HookSecretWorld({ seed, slownessMs: 30_000 });
      const both = [rotateHookSecret(world.deps(), { asked: true }), rotateHookSecret(world.deps(), { asked: true })];
      await world.hooksFor(hoursMs(1));
      await Promise.all(both);
      stored += world.vault.secrets.versions(secretName).length - 1;
      for (let hour = 0; hour < 4; hour++) {
        const more = [
          rotateHookSecret(world.deps(), { asked: false }),
          rotateHookSecret(world.deps(), { asked: false }),
        ];
        await world.hooksFor(hoursMs(1));
        await Promise.all(more);
      }
      await expectEnded(world);
    }
    expect(stored).toBeGreaterThan(25);
  });
});
