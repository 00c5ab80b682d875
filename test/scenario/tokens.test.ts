/** Tokens that renew themselves, and the secret of the hooks, through the whole system over sockets. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { localSecrets, vaultNames } from '../../infra/local/start/localSettings.ts';
import type { Call } from '../../infra/local/world/faults.ts';
import { hookTags } from '../../shared/domain/hookSecret.ts';
import { hoursMs, minutesMs } from '../../shared/domain/instant.ts';
import { tokenTags } from '../../shared/domain/token.ts';
import { agentsPat, aTokenSystem, many, type TokenSystem, walk } from '../support/tokenSystem.ts';

const limitMs = 90_000;
let world: TokenSystem;

const stateOf = async (name: string) => (await world.states()).find((each) => each.name === name);
const settledAt = (secret: string): string | undefined => world.latest(secret)?.tags[tokenTags.proven];
/** PATs of the service user that still work, by the token that they are for. */
const livePats = (name: string) =>
  world.system.devOpsServer.personalTokens.records.filter(
    ({ displayName, revokedAt }) => displayName.startsWith(`mayfly-demo-${name}-`) && revokedAt === undefined,
  );
const agentJobs = (): number => world.system.ledger.agentJobs.size;

/** Calls that were under way together. */
function mostAtOnce(calls: readonly Pick<Call, 'at' | 'endedAt'>[]): number {
  const at = ({ at: begin }: Pick<Call, 'at'>): number =>
    calls.filter((other) => other.at <= begin && (other.endedAt ?? begin) > begin).length;
  return Math.max(...calls.map(at));
}

beforeAll(async () => {
  world = await aTokenSystem();
}, limitMs);
afterAll(() => world.close());

describe('an organisation that is known by PATs only', { timeout: limitMs }, () => {
  it('gets its first PAT from Mayfly itself, and is served with it', async () => {
    expect(await world.rotate('agents')).toBe(202);
    await world.until(() => settledAt(agentsPat) !== undefined);
    expect(world.copyOf('agents')).toBe(world.latest(agentsPat)?.value);
    await world.until(() => world.system.leftOvers().placeholders.length === 4);
    expect(await world.served(world.queue('linux', 2))).toEqual(['succeeded', 'succeeded']);
    expect(livePats('agents')).toHaveLength(1);
    // It takes its time, because every receiver has to notice: looked at below.
    expect(await world.rotate('hooks')).toBe(202);
  });

  it('loses no job when the PAT is ended while jobs run, does nothing without it, and goes on with the next', async () => {
    const running = world.queue('linux', 3, 4000);
    await world.until(() => running.every((id) => world.system.ledger.requests.get(id)?.receivedAt !== undefined));
    const ended = world.latest(agentsPat);
    world.system.devOpsTokens.expire(ended?.value ?? '', Date.now());
    const before = agentJobs();
    const waiting = world.queue('linux', 2);
    for (let sweep = 0; sweep < 4; sweep++) {
      await world.system.sweep();
      await world.system.clock.sleep(200);
    }
    expect(agentJobs()).toBe(before);
    expect(await world.vaultEvent('Microsoft.KeyVault.SecretExpired', agentsPat)).toBe(202);
    await world.until(() => world.latest(agentsPat)?.version !== ended?.version && settledAt(agentsPat) !== undefined);
    expect(await world.served([...running, ...waiting])).toEqual(Array.from({ length: 5 }, () => 'succeeded'));
    expect(world.copyOf('agents')).toBe(world.latest(agentsPat)?.value);
  });

  it('revokes the former PAT after the grace, and keeps exactly one', async () => {
    world.age(agentsPat, hoursMs(25));
    expect(await world.vaultEvent('Microsoft.KeyVault.SecretNearExpiry', agentsPat)).toBe(202);
    await world.until(() => livePats('agents').length === 1);
    expect(livePats('agents')[0]?.token).toBe(world.latest(agentsPat)?.value);
    await world.until(async () => (await stateOf('agents'))?.state === 'ok');
  });
});

describe('a PAT that a person renews', { timeout: limitMs }, () => {
  const put = (value: string): unknown =>
    world.system.azure.vault.secrets.set(vaultNames.registration, value, {
      attributes: { enabled: true, exp: Math.trunc((Date.now() + hoursMs(24 * 90)) / 1000) },
    });

  it('is spread when an event tells of it', async () => {
    const next = 'a-registration-token-that-a-person-has-made-anew';
    const identity = {
      kind: 'user',
      name: 'mayfly-registration',
      rights: world.system.azure.registrationRights,
    } as const;
    world.system.devOpsTokens.add({ token: next, kind: 'pat', identity });
    put(next);
    await world.until(() => world.copyOf('registration') === next);
    expect(await world.served(world.queue('web', 2))).toEqual(['succeeded', 'succeeded']);
  });

  it('is spread nowhere when nobody takes it, which the health says until there is a good one', async () => {
    const good = world.copyOf('registration');
    put('a-registration-token-that-nobody-has-ever-made');
    await world.until(
      async () => (await stateOf('registration'))?.alarms.some(({ reason }) => reason === 'tokenRejected') === true,
    );
    expect(world.copyOf('registration')).toBe(good);
    put(good ?? '');
    await world.until(async () => (await stateOf('registration'))?.state === 'ok');
  });
});

describe('twenty tokens that are due at once', { timeout: limitMs }, () => {
  it('are all rotated, four at a time, by a vault that throttles', async () => {
    const { vault } = world.system.azure;
    vault.journal.clear();
    vault.world.throttleTo({ budget: 30, windowMs: 1000 });
    await world.tick();
    await world.until(() => many.every((name) => settledAt(`mayfly-${name}`) !== undefined));
    vault.world.throttleTo(undefined);
    const { calls } = vault.journal;
    expect(many.map((name) => world.copyOf(name) === world.latest(`mayfly-${name}`)?.value)).toEqual(
      many.map(() => true),
    );
    expect(many.map((name) => livePats(name).length)).toEqual(many.map(() => 1));
    expect(mostAtOnce(calls)).toBeLessThanOrEqual(5);
    const refused = calls.filter(({ outcome }) => outcome === '429').length;
    expect(refused).toBeGreaterThan(0);
    console.info(`twenty tokens: ${calls.length} calls to the vault, ${refused} of them refused`);
  });
});

describe('the secret of the hooks', { timeout: limitMs }, () => {
  it('is replaced while hooks are delivered, and none is refused', async () => {
    const { subscriptions } = world.system.devOpsServer;
    const latest = () => world.latest(vaultNames.hook);
    await world.until(() => latest()?.tags[hookTags.provenAt] !== undefined);
    const sent = subscriptions
      .list()
      .map(({ consumerInputs, status }) => [consumerInputs['basicAuthPassword'], status]);
    expect(sent).toEqual(sent.map(() => [latest()?.value, 'enabled']));
    world.age(vaultNames.hook, minutesMs(31));
    await world.tick();
    const versions = () => world.system.azure.vault.secrets.versions(vaultNames.hook);
    await world.until(() => versions()[0]?.tags[hookTags.state] === 'dropped');
    expect(await world.served(world.queue('linux', 2))).toEqual(['succeeded', 'succeeded']);
    expect(world.hookStatuses.filter((status) => status !== 202 && status !== 200)).toEqual([]);
    expect(world.hookStatuses.length).toBeGreaterThan(20);
  });
});

describe('secrets', { timeout: limitMs }, () => {
  it('stand in the vault and in Secrets alone', async () => {
    expect(await walk(world)).toEqual([]);
  });

  it('are found where they do not belong', async () => {
    const value = world.latest(agentsPat)?.value ?? '';
    const planted = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'planted', namespace: 'mayfly-agents' } };
    world.system.cluster.create('configmaps', 'mayfly-agents', { ...planted, data: { note: `the token is ${value}` } });
    world.recorder.add({
      kind: 'log',
      where: 'somewhere',
      text: Buffer.from(`x${localSecrets.hook}`).toString('base64'),
    });
    expect(await walk(world)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/version \d+ of mayfly-agents-pat in configMap configmaps\/planted data\.note/),
        expect.stringMatching(/in log somewhere/),
      ]),
    );
  });
});
