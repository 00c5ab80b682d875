/**
 * What a vault tells Event Grid of its secrets. Source: Event Grid documentation, "Azure Key Vault as Event Grid
 * source"; of what is told only about versions made after subscribing: Key Vault documentation, "Monitoring Key Vault
 * with Azure Event Grid".
 */
import { randomUUID } from 'node:crypto';
import type { EpochMs } from '../../../shared/domain/instant.ts';
import { hoursMs } from '../../../shared/domain/instant.ts';
import type { WorldClock } from '../world/clock.ts';
import type { SecretVersion, VaultSecrets } from './vaultSecrets.ts';

export const vaultEventTypes = {
  newVersion: 'Microsoft.KeyVault.SecretNewVersionCreated',
  nearExpiry: 'Microsoft.KeyVault.SecretNearExpiry',
  expired: 'Microsoft.KeyVault.SecretExpired',
} as const;

/** In the Event Grid schema. */
export interface VaultEvent {
  readonly id: string;
  readonly topic: string;
  readonly subject: string;
  readonly eventType: (typeof vaultEventTypes)[keyof typeof vaultEventTypes];
  readonly eventTime: string;
  readonly dataVersion: '1';
  readonly metadataVersion: '1';
  readonly data: {
    readonly Id: string;
    readonly VaultName: string;
    readonly ObjectType: 'Secret';
    readonly ObjectName: string;
    readonly Version: string;
    readonly NBF: number | null;
    readonly EXP: number | null;
  };
}

export interface VaultEventOptions {
  readonly secrets: VaultSecrets;
  readonly clock: WorldClock;
  readonly vaultName: string;
  readonly onEvent: (event: VaultEvent) => void;
}

const nearMs = hoursMs(24 * 30);
/** How often the vault looks for what falls due; the service promises no more than "about". */
const lookMs = hoursMs(1);

interface Due {
  readonly at: EpochMs;
  readonly type: VaultEvent['eventType'];
  readonly version: SecretVersion;
}

/** Tells of new versions at once and of ends when they fall due, until the returned function is called. */
export function vaultEvents(options: VaultEventOptions): () => void {
  const { secrets, clock, onEvent } = options;
  let pending: readonly Due[] = [];
  let cancel = (): void => undefined;
  const tell = ({ type, version }: Omit<Due, 'at'>): void => onEvent(eventOf(options, type, version));
  const look = (): void => {
    const now = clock.now();
    const due = pending.filter(({ at }) => at <= now);
    pending = pending.filter(({ at }) => at > now);
    // Of the current version only: an old one may end unnoticed.
    for (const one of due) if (secrets.latest(one.version.name)?.version === one.version.version) tell(one);
    cancel = clock.after(lookMs, look);
  };
  const stop = secrets.onNewVersion((version) => {
    tell({ type: vaultEventTypes.newVersion, version });
    pending = [...pending, ...endsOf(version)];
  });
  cancel = clock.after(lookMs, look);
  return () => {
    stop();
    cancel();
  };
}

function endsOf(version: SecretVersion): readonly Due[] {
  const { exp } = version.attributes;
  if (exp === undefined) return [];
  return [
    { at: exp * 1000 - nearMs, type: vaultEventTypes.nearExpiry, version },
    { at: exp * 1000, type: vaultEventTypes.expired, version },
  ];
}

function eventOf(
  { clock, vaultName }: VaultEventOptions,
  eventType: VaultEvent['eventType'],
  { name, version, attributes }: SecretVersion,
): VaultEvent {
  const topic = `/subscriptions/local/resourceGroups/local/providers/Microsoft.KeyVault/vaults/${vaultName}`;
  return {
    id: randomUUID(),
    topic,
    subject: name,
    eventType,
    eventTime: new Date(clock.now()).toISOString(),
    dataVersion: '1',
    metadataVersion: '1',
    data: {
      Id: `https://${vaultName}.vault.azure.net/secrets/${name}/${version}`,
      VaultName: vaultName,
      ObjectType: 'Secret',
      ObjectName: name,
      Version: version,
      NBF: attributes.nbf ?? null,
      EXP: attributes.exp ?? null,
    },
  };
}
