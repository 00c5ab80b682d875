/** What every door to a registry must do alike: in process, and over HTTP through our adapter. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildImage } from '../../infra/local/registry/content.ts';
import type { RegistryStore } from '../../infra/local/registry/store.ts';
import type { FaultKind, Faults } from '../../infra/local/world/faults.ts';
import { errorKind } from '../../shared/domain/errors.ts';
import type { ImageRegistry } from '../../shared/ports/images.ts';

export interface RegistryDoor {
  readonly host: string;
  readonly store: RegistryStore;
  readonly registry: ImageRegistry;
  readonly faults: Faults;
  readonly close?: () => Promise<void>;
}

const version = (agentVersion: string) => ({ labels: { 'dev.mayfly.agent-version': agentVersion } });
const createdAt = Date.parse('2026-11-16T03:00:00Z');

export function registryContract(name: string, makeDoor: () => Promise<RegistryDoor> | RegistryDoor): void {
  describe(`a registry ${name}`, () => {
    let door: RegistryDoor;

    beforeEach(async () => {
      door = await makeDoor();
    });

    afterEach(() => door.close?.());

    resolving(() => door);
    refusing(() => door);
  });
}

type GetDoor = () => RegistryDoor;

function resolving(getDoor: GetDoor): void {
  it.each([{ format: 'oci' }, { format: 'docker' }] as const)(
    'resolves a tag to the digest of an $format image, with its label and its time',
    async ({ format }) => {
      const { host, store, registry } = getDoor();
      const digest = store.push('agents/linux', 'stable', { ...version('5.278.0'), format });
      const resolved = await registry.resolve(`${host}/agents/linux:stable`);
      expect(resolved).toEqual({ digest, agentVersion: '5.278.0', createdAt });
    },
  );

  it('resolves a digest to itself, whatever tag stands before it', async () => {
    const { host, store, registry } = getDoor();
    const digest = store.push('agents/linux', 'stable', version('5.278.0'));
    store.push('agents/linux', 'stable', version('5.279.0'));
    const want = { digest, agentVersion: '5.278.0', createdAt };
    expect(await registry.resolve(`${host}/agents/linux@${digest}`)).toEqual(want);
    expect(await registry.resolve(`${host}/agents/linux:stable@${digest}`)).toEqual(want);
  });

  it('follows a tag that moves, there and back', async () => {
    const { host, store, registry } = getDoor();
    const reference = `${host}/agents/linux:stable`;
    const first = store.push('agents/linux', 'stable', version('5.278.0'));
    expect((await registry.resolve(reference))?.digest).toBe(first);
    const second = store.push('agents/linux', 'stable', version('5.279.0'));
    expect(await registry.resolve(reference)).toEqual({ digest: second, agentVersion: '5.279.0', createdAt });
    store.moveTag('agents/linux', 'stable', first);
    expect(await registry.resolve(reference)).toEqual({ digest: first, agentVersion: '5.278.0', createdAt });
  });

  it.each([{ format: 'oci' }, { format: 'docker' }] as const)(
    'gives the digest of an $format index, and what its image for linux/amd64 says',
    async ({ format }) => {
      const { host, store, registry } = getDoor();
      const digest = store.pushIndex('agents/linux', 'stable', [
        { ...version('5.1.0'), format, platform: { os: 'linux', architecture: 'arm64' } },
        { ...version('5.2.0'), format, platform: { os: 'linux', architecture: 'amd64' } },
      ]);
      const resolved = await registry.resolve(`${host}/agents/linux:stable`);
      expect(resolved).toEqual({ digest, agentVersion: '5.2.0', createdAt });
    },
  );

  it('takes the first image of an index that has none for linux/amd64, passing over attestations', async () => {
    const { host, store, registry } = getDoor();
    store.pushIndex('agents/linux', 'stable', [
      { ...version('5.1.0'), platform: { os: 'windows', architecture: 'amd64' } },
      { ...version('5.2.0'), platform: { os: 'linux', architecture: 'arm64' } },
    ]);
    expect((await registry.resolve(`${host}/agents/linux:stable`))?.agentVersion).toBe('5.1.0');
  });

  it('says no version of an image without the label', async () => {
    const { host, store, registry } = getDoor();
    const digest = store.push('base', '1', { labels: { 'org.opencontainers.image.version': '1' } });
    expect(await registry.resolve(`${host}/base:1`)).toEqual({ digest, createdAt });
  });

  it.each(['yesterday', '0001-01-01T00:00:00Z', '1970-01-01T00:00:00Z', '1980-01-01T00:00:01Z'])(
    'says no time where the image was made %s',
    async (created) => {
      const { host, store, registry } = getDoor();
      const digest = store.push('base', '1', { created });
      expect(await registry.resolve(`${host}/base:1`)).toEqual({ digest });
    },
  );

  it('answers undefined for a tag, a digest and a repository that are not there', async () => {
    const { host, store, registry } = getDoor();
    const digest = store.push('agents/linux', 'stable');
    const absent = [`/agents/linux:other`, `/agents/linux@sha256:${'0'.repeat(64)}`, `/agents/other:stable`];
    for (const each of absent) expect(await registry.resolve(host + each)).toBeUndefined();
    await registry.resolve(`${host}/agents/linux@${digest}`);
    store.remove('agents/linux', digest);
    expect(await registry.resolve(`${host}/agents/linux@${digest}`)).toBeUndefined();
  });
}

function refusing(getDoor: GetDoor): void {
  const kindOf = async (reference: string): Promise<string> => {
    const { registry } = getDoor();
    return registry.resolve(reference).then(() => 'resolved', errorKind);
  };

  it('refuses what is no reference', async () => {
    expect(await kindOf('Not An Image')).toBe('invalid');
  });

  it.each<{ fault: FaultKind; want: string }>([
    { fault: { kind: 'status', status: 429, retryAfterSeconds: 60 }, want: 'throttled' },
    { fault: { kind: 'status', status: 503 }, want: 'unavailable' },
    { fault: { kind: 'status', status: 403 }, want: 'forbidden' },
    { fault: { kind: 'lostBefore' }, want: 'unavailable' },
    { fault: { kind: 'nullBody' }, want: 'unexpected' },
  ])('rejects as $want on $fault', async ({ fault, want }) => {
    const { host, store, faults } = getDoor();
    store.push('agents/linux', 'stable');
    faults.add(fault, () => true, Number.POSITIVE_INFINITY);
    expect(await kindOf(`${host}/agents/linux:stable`)).toBe(want);
  });

  it('rejects a label that is no version', async () => {
    const { host, store } = getDoor();
    store.push('agents/linux', 'odd', version('latest'));
    expect(await kindOf(`${host}/agents/linux:odd`)).toBe('unexpected');
  });

  it('rejects an image whose configuration is gone', async () => {
    const { host, store } = getDoor();
    store.push('agents/linux', 'stable', version('5.278.0'));
    store.remove('agents/linux', buildImage(version('5.278.0')).config.digest);
    expect(await kindOf(`${host}/agents/linux:stable`)).toBe('notFound');
  });
}
