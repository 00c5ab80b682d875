/** What every door to the vault must do alike: in process, and over HTTP through the real SDK and our adapter. */
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { VaultWorld } from '../../infra/local/azure/vaultWorld.ts';
import type { FaultKind, FaultRule, Faults } from '../../infra/local/world/faults.ts';
import type { UpstreamErrorKind } from '../../shared/domain/errors.ts';
import { UpstreamError } from '../../shared/domain/errors.ts';
import { Secret } from '../../shared/domain/secret.ts';
import type { TokenVault } from '../../shared/ports/tokens.ts';

export interface TokenVaultDoor {
  readonly world: VaultWorld;
  readonly vault: TokenVault;
  readonly faults: Faults;
  /** Which calls of the door belong to a method of the port. */
  readonly callsOf: (method: keyof TokenVault) => FaultRule['matches'];
  /** The vault's time, in whole seconds. */
  readonly now: () => number;
  readonly advance: (ms: number) => Promise<void>;
  readonly close?: () => Promise<void>;
}

const expiresAt = Date.UTC(2027, 0, 1);
const value = 'planted-value-of-a-token';

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    return await promise;
  } catch (error) {
    return error;
  }
}

export function tokenVaultContract(doorName: string, makeDoor: () => Promise<TokenVaultDoor> | TokenVaultDoor): void {
  describe(`a token vault ${doorName}`, () => {
    let door: TokenVaultDoor;
    beforeEach(async () => {
      door = await makeDoor();
    });
    afterEach(() => door.close?.());

    versions(() => door);
    refusals(() => door);
    failures(() => door);
  });
}

function versions(get: () => TokenVaultDoor): void {
  it('stores a version with expiry and tags, which is then the latest', async () => {
    const { vault } = get();
    await vault.store('pat', new Secret('old'), { tags: {} });
    const stored = await vault.store('pat', new Secret(value), { expiresAt, tags: { rotationId: 'r2' } });
    const latest = await vault.readLatest('pat');
    expect(latest?.value.reveal()).toBe(value);
    expect({ ...latest, value: undefined }).toEqual({ ...stored, value: undefined });
    expect(stored).toMatchObject({ expiresAt, enabled: true, tags: { rotationId: 'r2' } });
  });

  it('keeps an expiry of 0 as a time, and none as none', async () => {
    const { vault } = get();
    expect((await vault.store('pat', new Secret('a'), { expiresAt: 0, tags: {} })).expiresAt).toBe(0);
    expect(await vault.store('pat', new Secret('b'), { tags: {} })).not.toHaveProperty('expiresAt');
  });

  it('lists all versions of all pages, newest first, disabled ones too, each with its own tags', async () => {
    const { vault, world, advance, now } = get();
    for (const number of [1, 2, 3, 4, 5]) {
      await vault.store('pat', new Secret(`v${number}`), { tags: { number: String(number) } });
      await advance(1000);
    }
    world.secrets.enable('pat', false, world.secrets.versions('pat')[1]?.version);
    const { value: listed, at } = await vault.listVersions('pat');
    expect(at).toBe(now());
    expect(listed.map(({ tags, enabled }) => [tags['number'], enabled])).toEqual([
      ['5', true],
      ['4', true],
      ['3', true],
      ['2', false],
      ['1', true],
    ]);
  });

  it('replaces the tags of one version and leaves its value, its expiry and the other versions', async () => {
    const { vault, world } = get();
    const first = await vault.store('pat', new Secret(value), { expiresAt, tags: { a: '1', b: '2' } });
    await vault.store('pat', new Secret('second'), { tags: { c: '3' } });
    await vault.tag('pat', first.version, { b: 'two' });
    expect(world.secrets.versions('pat').map((one) => [one.value, one.tags, one.attributes])).toEqual([
      [value, { b: 'two' }, { enabled: true, exp: expiresAt / 1000 }],
      ['second', { c: '3' }, { enabled: true }],
    ]);
  });

  it('knows absence: no such secret, and one that was deleted', async () => {
    const { vault, world, now } = get();
    const nothing = { value: [], at: now() };
    world.secrets.set('gone', 'x');
    world.secrets.remove('gone');
    expect([await vault.readLatest('never'), await vault.listVersions('never')]).toEqual([undefined, nothing]);
    expect([await vault.readLatest('gone'), await vault.listVersions('gone')]).toEqual([undefined, nothing]);
    expect([await vault.isDeleted('never'), await vault.isDeleted('gone')]).toEqual([false, true]);
    world.secrets.recover('gone');
    expect(await vault.isDeleted('gone')).toBe(false);
    expect((await vault.readLatest('gone'))?.value.reveal()).toBe('x');
  });
}

interface Refusal {
  readonly name: string;
  readonly given: (door: TokenVaultDoor) => Promise<unknown>;
  readonly want: { readonly kind: UpstreamErrorKind; readonly detail?: string; readonly retryAfterMs?: number };
}

const refusalRows: readonly Refusal[] = [
  {
    name: 'the latest version when it is disabled, though an older one is not',
    given: ({ vault, world }) => {
      world.secrets.set('pat', 'one');
      world.secrets.set('pat', 'two');
      world.secrets.enable('pat', false);
      return vault.readLatest('pat');
    },
    want: { kind: 'forbidden', detail: 'SecretDisabled' },
  },
  {
    name: 'a new version under a deleted name',
    given: ({ vault, world }) => {
      world.secrets.set('pat', 'one');
      world.secrets.remove('pat');
      return vault.store('pat', new Secret(value), { tags: {} });
    },
    want: { kind: 'conflict', detail: 'ObjectIsDeletedButRecoverable' },
  },
  {
    name: 'tags for a version that is not there',
    given: ({ vault, world }) => {
      world.secrets.set('pat', 'one');
      return vault.tag('pat', 'ffffffffffffffffffffffffffffffff', {});
    },
    want: { kind: 'notFound', detail: 'SecretNotFound' },
  },
  {
    name: 'more than 15 tags',
    given: ({ vault }) => {
      const tags = Object.fromEntries(Array.from({ length: 16 }, (_, index) => [`t${index}`, 'x']));
      return vault.store('pat', new Secret(value), { tags });
    },
    want: { kind: 'invalid', detail: 'BadParameter' },
  },
  {
    name: 'a tag that is longer than 256 characters',
    given: ({ vault }) => vault.store('pat', new Secret(value), { tags: { long: 'x'.repeat(257) } }),
    want: { kind: 'invalid', detail: 'BadParameter' },
  },
  {
    name: 'calls beyond its allowance, and says until when',
    given: async ({ vault, world }) => {
      world.secrets.set('pat', value);
      world.throttleTo({ budget: 2, windowMs: 60_000 });
      await vault.readLatest('pat');
      await vault.readLatest('pat');
      return vault.readLatest('pat');
    },
    want: { kind: 'throttled', detail: 'Throttled', retryAfterMs: 60_000 },
  },
];

function refusals(get: () => TokenVaultDoor): void {
  it.each(refusalRows)('refuses $name, and says no secret', async ({ given, want }) => {
    const failure = await failureOf(given(get()));
    expect(failure).toMatchObject({ upstream: 'keyVault', ...want });
    expect(inspect(failure, { depth: 20, showHidden: true })).not.toContain(value);
  });

  it('takes calls again when the window has passed', async () => {
    const { vault, world, advance } = get();
    world.secrets.set('pat', 'one');
    world.throttleTo({ budget: 1, windowMs: 60_000 });
    await vault.readLatest('pat');
    await expect(vault.readLatest('pat')).rejects.toMatchObject({ kind: 'throttled' });
    await advance(60_000);
    expect((await vault.readLatest('pat'))?.value.reveal()).toBe('one');
  });
}

const failureRows: readonly { name: string; fault: FaultKind; want: UpstreamErrorKind; stored: number }[] = [
  { name: 'a server that is broken', fault: { kind: 'status', status: 503 }, want: 'unavailable', stored: 0 },
  { name: 'a connection that breaks before', fault: { kind: 'lostBefore' }, want: 'unavailable', stored: 0 },
  { name: 'a reply that is lost', fault: { kind: 'lostAfter' }, want: 'unavailable', stored: 1 },
  { name: 'a refused identity', fault: { kind: 'status', status: 403 }, want: 'forbidden', stored: 0 },
];

function failures(get: () => TokenVaultDoor): void {
  it.each(failureRows)('stores once or not at all on $name: $want', async ({ fault, want, stored }) => {
    const { vault, world, faults, callsOf } = get();
    faults.add(fault, callsOf('store'), 10);
    const failure = await failureOf(vault.store('pat', new Secret(value), { tags: {} }));
    expect(failure).toBeInstanceOf(UpstreamError);
    expect(failure).toMatchObject({ upstream: 'keyVault', kind: want });
    expect(inspect(failure, { depth: 20, showHidden: true })).not.toContain(value);
    expect(world.secrets.versions('pat')).toHaveLength(stored);
  });

  it('never takes an unreadable vault for an empty one', async () => {
    const { vault, faults, callsOf } = get();
    faults.add({ kind: 'status', status: 500 }, callsOf('readLatest'), 10);
    faults.add({ kind: 'status', status: 500 }, callsOf('listVersions'), 10);
    await expect(vault.readLatest('never')).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(vault.listVersions('never')).rejects.toMatchObject({ kind: 'unavailable' });
  });
}
