import { describe, expect, it } from 'vitest';
import type { VaultEvent } from '../../../../infra/local/azure/vaultEvents.ts';
import { vaultEvents } from '../../../../infra/local/azure/vaultEvents.ts';
import { VaultSecrets } from '../../../../infra/local/azure/vaultSecrets.ts';
import { VirtualClock } from '../../../../infra/local/world/clock.ts';

const dayMs = 86_400_000;

function aVault() {
  const clock = new VirtualClock();
  let made = 0;
  const secrets = new VaultSecrets(
    () => clock.now(),
    () => {
      made += 1;
      return `v${made}`;
    },
  );
  const events: VaultEvent[] = [];
  const subscribe = (): (() => void) =>
    vaultEvents({ secrets, clock, vaultName: 'contoso', onEvent: (event) => events.push(event) });
  const inDays = (days: number) => ({
    attributes: { enabled: true, exp: Math.floor((clock.now() + days * dayMs) / 1000) },
  });
  const told = (): readonly string[] =>
    events.map(({ eventType, data }) => `${eventType.replace('Microsoft.KeyVault.', '')} ${data.Version}`);
  return { clock, secrets, events, subscribe, inDays, told };
}

describe('events of a vault', () => {
  it('tell of a new version at once, without its value', () => {
    const { secrets, events, subscribe, inDays } = aVault();
    const stop = subscribe();
    secrets.set('pat', 'planted', inDays(90));
    stop();
    secrets.set('pat', 'later');
    expect(events).toMatchObject([
      {
        subject: 'pat',
        eventType: 'Microsoft.KeyVault.SecretNewVersionCreated',
        eventTime: '2026-01-05T08:00:00.000Z',
        data: { Id: 'https://contoso.vault.azure.net/secrets/pat/v1', VaultName: 'contoso', ObjectName: 'pat' },
      },
    ]);
    expect(JSON.stringify(events)).not.toContain('planted');
  });

  it('tell of the end 30 days ahead and when it has come, of the current version only', async () => {
    const { clock, secrets, subscribe, inDays, told } = aVault();
    secrets.set('before', 'x', inDays(40));
    const stop = subscribe();
    secrets.set('old', 'a', inDays(40));
    secrets.set('old', 'b', inDays(100));
    await clock.advance(60 * dayMs);
    expect(told()).toEqual(['SecretNewVersionCreated v2', 'SecretNewVersionCreated v3']);
    await clock.advance(11 * dayMs);
    expect(told().at(-1)).toBe('SecretNearExpiry v3');
    await clock.advance(30 * dayMs);
    expect(told().at(-1)).toBe('SecretExpired v3');
    stop();
    expect(clock.nextAt).toBeUndefined();
  });
});
