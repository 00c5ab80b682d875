import { describe, expect, it } from 'vitest';
import { copyName } from '../../../../infra/local/simulation/tokens/tokenWorlds.ts';
import { minutesMs } from '../../../../shared/domain/instant.ts';
import { tokenTags } from '../../../../shared/domain/token.ts';
import { rotateToken } from '../../../../shared/reconcile/tokens/rotateToken.ts';
import { days } from '../../../support/tokenBuilders.ts';
import { aTokenPlace, type TokenPlace } from '../../../support/tokenPlace.ts';

const copyValue = ({ copies }: TokenPlace, cluster = 'east'): string | undefined =>
  copies.values.get(copyName(cluster, 'agent-token', 'token'));

const look = ['listVersions', 'readLatest', 'prove', 'list', 'readValue'];
const asked = { cause: 'asked', askedId: 'a' } as const;

describe('rotateToken', () => {
  it('creates, proves, stores, spreads, reads back, proves again and revokes after the grace', async () => {
    const place = aTokenPlace();
    const report = await place.rotate(asked);
    expect(report.alarms).toEqual([]);
    expect(place.shelf.latest?.value).toBe('value-of-pat-2');
    expect(copyValue(place)).toBe('value-of-pat-2');
    expect(place.server.list().length).toBe(2);
    expect(report.lookAgainInMs).toBe(minutesMs(20));
    expect(place.verbs()).toEqual([
      ...look,
      'tag',
      'create',
      'prove',
      'store',
      ...look,
      'readLatest',
      'writeValue',
      ...look,
      'tag',
    ]);
    await place.clock.advance(minutesMs(20));
    await place.rotate({ cause: 'nextLook' });
    expect(place.server.list().map(({ authorizationId }) => authorizationId)).toEqual(['authorization-2']);
    expect(copyValue(place)).toBe('value-of-pat-2');
  });

  it('records the lifespan that the server gave, and says that it was cut', async () => {
    const place = aTokenPlace();
    place.server.maxLifespanMs = minutesMs(60 * 24 * 8);
    const { alarms, expiresAt } = await place.rotate(asked);
    expect(alarms.map(({ reason }) => reason)).toEqual(['lifespanClamped']);
    expect(expiresAt).toBe(place.clock.now() + place.server.maxLifespanMs);
    expect(place.shelf.latest?.expiresAt).toBe(expiresAt);
  });

  it('does nothing the second time a request on demand is delivered', async () => {
    const place = aTokenPlace();
    await place.rotate(asked);
    const { outcomes } = await place.rotate(asked);
    expect(outcomes).toEqual([]);
    expect(place.server.created).toBe(2);
  });

  it('leaves an event alone that its own store raised', async () => {
    const place = aTokenPlace();
    await place.rotate(asked);
    place.journal.clear();
    const report = await place.rotate({ cause: 'newVersion', version: 'version-2' });
    expect(report.isOwnEvent).toBe(true);
    expect(report.outcomes).toEqual([]);
  });

  it('proves a PAT again that the server does not know everywhere yet', async () => {
    const place = aTokenPlace();
    place.server.lagMs = 6000;
    const { alarms } = await place.rotate(asked);
    expect(alarms).toEqual([]);
    expect(copyValue(place)).toBe('value-of-pat-2');
  });

  it('stores nothing that stays rejected', async () => {
    const place = aTokenPlace();
    place.server.lagMs = minutesMs(60);
    const report = await place.rotate(asked);
    expect(report.alarms.map(({ reason }) => reason)).toEqual(['newTokenRejected']);
    expect(report.isCutShort).toBe(true);
    expect(place.shelf.latest?.version).toBe('version-1');
  });

  it('makes another PAT after a lost reply, and revokes the unknown one after an hour', async () => {
    const place = aTokenPlace();
    place.faults.add({ kind: 'lostAfter' }, ({ verb }) => verb === 'create');
    const first = await place.rotate(asked);
    expect(first.alarms.map(({ reason }) => reason)).toEqual(['creationFailed']);
    await place.rotate(asked);
    expect(place.server.list().length).toBe(3);
    await place.clock.advance(minutesMs(59));
    await place.rotate({ cause: 'timer' });
    expect(place.server.list().map(({ authorizationId }) => authorizationId)).toEqual([
      'authorization-2',
      'authorization-3',
    ]);
    await place.clock.advance(minutesMs(2));
    await place.rotate({ cause: 'timer' });
    expect(place.server.list().map(({ authorizationId }) => authorizationId)).toEqual(['authorization-3']);
  });

  it('stores the PAT in hand when a busy vault takes it', async () => {
    const place = aTokenPlace();
    place.faults.add({ kind: 'status', status: 429, retryAfterSeconds: 5 }, ({ verb }) => verb === 'store', 3);
    const { alarms } = await place.rotate(asked);
    expect(alarms).toEqual([]);
    expect(place.server.created).toBe(2);
    expect(copyValue(place)).toBe('value-of-pat-2');
  });

  it('gives a PAT up that a busy vault does not take in time', async () => {
    const place = aTokenPlace();
    place.faults.add({ kind: 'status', status: 429, retryAfterSeconds: 90 }, ({ verb }) => verb === 'store', 100);
    const { alarms } = await place.rotate(asked);
    expect(alarms.map(({ reason }) => reason)).toEqual(['storeFailed']);
    expect(place.shelf.latest?.version).toBe('version-1');
  });

  it('goes on with what the vault holds after a lost reply of store', async () => {
    const place = aTokenPlace();
    place.faults.add({ kind: 'lostAfter' }, ({ verb }) => verb === 'store');
    await place.rotate(asked);
    await place.rotate({ cause: 'nextLook' });
    expect(copyValue(place)).toBe('value-of-pat-2');
  });

  it("spreads the vault's latest version and not the PAT in hand", async () => {
    const place = aTokenPlace();
    place.shelf.onStore = ({ version }) => {
      if (version !== 'version-2') return;
      const other = place.server.create({
        displayName: 'by hand',
        scope: '',
        validTo: place.server.now() + minutesMs(600),
      });
      const tags = { [tokenTags.rotation]: 'ffffffff', [tokenTags.authorization]: other.authorizationId };
      place.shelf.store(other.value, { expiresAt: other.validTo, tags });
    };
    await place.rotate(asked);
    expect(copyValue(place)).toBe('value-of-pat-3');
  });

  it('spreads to the other clusters when one is out of reach, and revokes nothing until it is back', async () => {
    const place = aTokenPlace(['east', 'west']);
    const back = place.faults.add(
      { kind: 'status', status: 503 },
      ({ door }) => door === 'kubernetes:east',
      Number.POSITIVE_INFINITY,
    );
    const report = await place.rotate(asked);
    expect(report.alarms.map(({ reason, subject }) => [reason, subject])).toEqual([
      ['clusterUnreachable', 'east/agent-token/token'],
    ]);
    expect(copyValue(place, 'west')).toBe('value-of-pat-2');
    expect(report.isCutShort).toBe(true);
    await place.clock.advance(minutesMs(120));
    await place.rotate({ cause: 'timer' });
    expect(place.server.list().length).toBe(2);
    back();
    await place.rotate({ cause: 'timer' });
    expect(copyValue(place, 'east')).toBe('value-of-pat-2');
  });

  it('comes back when a throttled vault says so', async () => {
    const place = aTokenPlace();
    place.faults.add({ kind: 'status', status: 429, retryAfterSeconds: 42 }, ({ door }) => door === 'keyVault');
    const { alarms, lookAgainInMs, outcomes } = await place.rotate(asked);
    expect(alarms.map(({ reason }) => reason)).toEqual(['vaultThrottled']);
    expect(lookAgainInMs).toBeGreaterThanOrEqual(42_000);
    expect(lookAgainInMs).toBeLessThan(84_000);
    expect(outcomes).toEqual([]);
  });

  it("tells of a refused creation in the server's words and does not insist", async () => {
    const place = aTokenPlace();
    place.server.refuses = true;
    const { alarms, isCutShort } = await place.rotate(asked);
    expect(alarms.map(({ reason }) => reason)).toEqual(['creationRefused']);
    expect(alarms[0]?.detail).toContain('disablePatCreationPolicyViolation');
    expect(isCutShort).toBe(false);
  });

  it('creates and revokes nothing while a secret is disabled', async () => {
    const place = aTokenPlace();
    place.shelf.change('version-1', { enabled: false });
    const { alarms, outcomes } = await place.rotate(asked);
    expect(alarms.map(({ reason }) => reason)).toEqual(['secretDisabled']);
    expect(outcomes).toEqual([]);
  });

  it('begins nothing after its deadline', async () => {
    const place = aTokenPlace();
    const { outcomes } = await place.rotate(asked, 0);
    expect(outcomes.map(({ action, kind }) => `${action} ${kind}`)).toEqual(['note postponed', 'create postponed']);
  });

  it('lets two run at once, and one PAT is left in the end', async () => {
    const place = aTokenPlace();
    await Promise.all([place.rotate(asked), place.rotate({ cause: 'asked', askedId: 'b' })]);
    await place.rotate({ cause: 'timer' });
    await place.clock.advance(minutesMs(90));
    await place.rotate({ cause: 'timer' });
    expect(place.server.list().length).toBe(1);
    expect(copyValue(place)).toBe(place.shelf.latest?.value);
  });

  it('rejects never, whatever the ports do', async () => {
    const place = aTokenPlace();
    const broken = (): Promise<never> => Promise.reject(new Error('surprise'));
    const vault = { readLatest: broken, listVersions: broken, isDeleted: broken, store: broken, tag: broken };
    const running = rotateToken({ ...place.deps, vault }, place.intent(asked));
    await place.clock.advance(1000);
    const report = await running;
    expect(report.alarms.map(({ reason }) => reason)).toEqual(['vaultUnreachable']);
  });
});

describe('rotateToken where the vault has no such secret', () => {
  /** As before its first rotation. */
  const empty = (): TokenPlace => {
    const place = aTokenPlace();
    place.server.revoke('authorization-1');
    place.shelf.remove();
    place.shelf.purge();
    return place;
  };
  const reasons = async (place: TokenPlace): Promise<readonly string[]> =>
    (await place.rotate({ cause: 'timer' })).alarms.map(({ reason }) => reason);

  it('makes none while it can be recovered, and goes on where it is', async () => {
    const place = aTokenPlace();
    place.shelf.remove();
    expect(await reasons(place)).toEqual(['secretDeleted']);
    await place.clock.advance(minutesMs(90));
    expect(await reasons(place)).toEqual(['secretDeleted']);
    expect(place.server.created).toBe(1);
    place.shelf.recover();
    expect(await reasons(place)).toEqual([]);
    expect(place.server.created).toBe(1);
  });

  it('makes another once it is purged, and ends the lost one', async () => {
    const place = aTokenPlace();
    await place.clock.advance(minutesMs(90));
    place.shelf.remove();
    expect(await reasons(place)).toEqual(['secretDeleted']);
    place.shelf.purge();
    expect(await reasons(place)).toEqual([]);
    expect(copyValue(place)).toBe('value-of-pat-2');
    await place.clock.advance(minutesMs(20));
    await place.rotate({ cause: 'nextLook' });
    expect(place.server.list().map(({ authorizationId }) => authorizationId)).toEqual(['authorization-2']);
  });

  it('makes one in the end, however long the right to store it was missing, and leaves none behind', async () => {
    const place = empty();
    const granted = place.faults.add({ kind: 'status', status: 403 }, ({ verb }) => verb === 'store', 99);
    for (let hour = 0; hour < 24; hour++) {
      expect(await reasons(place)).toEqual(['storeFailed']);
      expect(place.server.list()).toEqual([]);
      await place.clock.advance(minutesMs(60));
    }
    granted();
    expect(await reasons(place)).toEqual([]);
    expect(copyValue(place)).toBe(place.shelf.latest?.value);
    expect(place.server.list()).toHaveLength(1);
  });

  it('goes by old PATs where it may not ask what was deleted', async () => {
    const place = aTokenPlace();
    await place.clock.advance(minutesMs(90));
    place.shelf.remove();
    place.faults.add({ kind: 'status', status: 403 }, ({ verb }) => verb === 'isDeleted', 99);
    expect(await reasons(place)).toEqual(['secretDeleted']);
    expect(place.server.created).toBe(1);
  });

  it('says so in watch mode, deleted or not', async () => {
    const place = aTokenPlace(['east'], { mode: 'watch' });
    place.shelf.remove();
    expect(await reasons(place)).toEqual(['secretDeleted']);
    place.shelf.purge();
    expect(await reasons(place)).toEqual(['secretMissing']);
  });
});

describe('rotateToken in watch mode', () => {
  const byHand = (place: TokenPlace): string => {
    const pat = place.server.create({
      displayName: 'by hand',
      scope: '',
      validTo: place.server.now() + minutesMs(60 * 24 * 60),
    });
    place.shelf.store(pat.value, { expiresAt: pat.validTo, tags: { [tokenTags.authorization]: pat.authorizationId } });
    return pat.value;
  };

  it('proves and spreads what a person stored, and revokes the old one after the grace', async () => {
    const place = aTokenPlace(['east'], { mode: 'watch' });
    await place.rotate({ cause: 'timer' });
    const value = byHand(place);
    await place.rotate({ cause: 'newVersion', version: 'version-2' });
    expect(copyValue(place)).toBe(value);
    await place.clock.advance(minutesMs(20));
    await place.rotate({ cause: 'nextLook' });
    expect(place.server.list().map(({ authorizationId }) => authorizationId)).toEqual(['authorization-2']);
  });

  it('spreads it without the line break that a file ends in, with which no agent could register', async () => {
    const place = aTokenPlace(['east'], { mode: 'watch' });
    const pat = place.server.create({ displayName: 'by hand', scope: '', validTo: place.server.now() + days(60) });
    place.shelf.store(`${pat.value}\r\n`, { expiresAt: pat.validTo, tags: {} });
    const { alarms } = await place.rotate({ cause: 'newVersion', version: 'version-2' });
    expect(alarms).toEqual([]);
    expect(copyValue(place)).toBe(pat.value);
    const again = await place.rotate({ cause: 'timer' });
    expect(again.outcomes).toEqual([]);
  });

  it.each(['', ' \n', 'value-of-pat-1 value-of-pat-1'])('spreads %j nowhere', async (value) => {
    const place = aTokenPlace(['east'], { mode: 'watch' });
    place.shelf.store(value, { tags: {} });
    const { alarms } = await place.rotate({ cause: 'timer' });
    expect(alarms.map(({ reason }) => reason)).toContain('tokenRejected');
    expect(copyValue(place)).toBe('value-of-pat-1');
  });

  it('says that nobody told when it ends', async () => {
    const place = aTokenPlace(['east'], { mode: 'watch' });
    const pat = place.server.create({ displayName: 'by hand', scope: '', validTo: place.server.now() + days(60) });
    place.shelf.store(pat.value, { tags: {} });
    const { alarms } = await place.rotate({ cause: 'timer' });
    expect(alarms.map(({ reason }) => reason)).toEqual(['expiryUnknown']);
    expect(copyValue(place)).toBe(pat.value);
  });

  it('looks at once at an old version that a person stored anew, tags and all', async () => {
    const place = aTokenPlace(['east'], { mode: 'watch' });
    byHand(place);
    await place.rotate({ cause: 'timer' });
    const first = place.shelf.versions.at(-1);
    place.shelf.store('value-of-pat-1', { tags: first?.tags ?? {} });
    const report = await place.rotate({ cause: 'newVersion', version: 'version-3' });
    expect(report.isOwnEvent).toBe(false);
    expect(copyValue(place)).toBe('value-of-pat-1');
  });

  it.each([
    ['forbidden', 403, 'vaultForbidden'],
    ['throttled', 429, 'vaultThrottled'],
    ['unavailable', 503, 'vaultUnreachable'],
    ['invalid', 400, 'tagsRefused'],
  ] as const)('says why tags cannot be written: %s', async (_kind, status, want) => {
    const place = aTokenPlace(['east'], { mode: 'watch' });
    place.faults.add({ kind: 'status', status }, ({ verb }) => verb === 'tag', 10);
    const { alarms } = await place.rotate({ cause: 'timer' });
    expect(alarms.map(({ reason }) => reason)).toEqual([want]);
  });

  it('says in the log what would mend a refusal', async () => {
    const place = aTokenPlace(['east'], { mode: 'watch' });
    place.faults.add({ kind: 'status', status: 403 }, ({ verb }) => verb === 'tag', 10);
    await place.rotate({ cause: 'timer' });
    place.faults.add({ kind: 'status', status: 403 }, ({ verb }) => verb === 'listVersions', 10);
    await place.rotate({ cause: 'timer' });
    const officer = expect.stringContaining('Key Vault Secrets Officer');
    expect(place.lines('token.note.failed').map(({ hint }) => hint)).toEqual([officer]);
    expect(place.lines('token.observe.failed').map(({ hint }) => hint)).toEqual([officer]);
  });

  it('keeps the old one where the new one is rejected', async () => {
    const place = aTokenPlace(['east'], { mode: 'watch' });
    place.shelf.store('mistyped', { tags: {} });
    const { alarms } = await place.rotate({ cause: 'newVersion', version: 'version-2' });
    expect(alarms.map(({ reason }) => reason)).toEqual(['tokenRejected']);
    expect(copyValue(place)).toBe('value-of-pat-1');
  });

  it('warns once for each of the days, and again of a new version', async () => {
    const place = aTokenPlace(['east'], { mode: 'watch' });
    place.shelf.change('version-1', {
      tags: {
        ...place.shelf.latest?.tags,
        [tokenTags.expires]: String(place.server.now() + minutesMs(60 * 24 * 6)),
        [tokenTags.authorization]: 'unlisted',
      },
    });
    await place.rotate({ cause: 'timer' });
    await place.rotate({ cause: 'timer' });
    expect(place.told('token.expiresSoon')).toEqual([7]);
    await place.clock.advance(minutesMs(60 * 24 * 4));
    await place.rotate({ cause: 'timer' });
    expect(place.told('token.expiresSoon')).toEqual([7, 3]);
  });
});
