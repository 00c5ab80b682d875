/** Event Grid between the local vault and the local function app: a subscription with its handshake, then each event. */
import { randomUUID } from 'node:crypto';
import { vaultEvents } from '../azure/vaultEvents.ts';
import type { VaultSecrets } from '../azure/vaultSecrets.ts';
import { webhookPath } from '../functionsHost/eventGridDoor.ts';
import type { FunctionsHost } from '../functionsHost/functionsHost.ts';
import type { WorldClock } from '../world/clock.ts';

const functionName = 'rotateOnVaultEvent';

async function send(host: FunctionsHost, type: string, event: object): Promise<Response> {
  return fetch(
    `${host.url}${webhookPath}?functionName=${functionName}&code=${encodeURIComponent(host.keys.eventGrid)}`,
    {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'aeg-event-type': type },
      body: JSON.stringify([event]),
    },
  );
}

/** Rejects when the app does not answer the handshake. What is lost is lost: the timer of the app finds it as well. */
export async function forwardVaultEvents(
  secrets: VaultSecrets,
  clock: WorldClock,
  host: FunctionsHost,
): Promise<() => Promise<void>> {
  const validationCode = randomUUID();
  const eventType = 'Microsoft.EventGrid.SubscriptionValidationEvent';
  const handshake = await send(host, 'SubscriptionValidation', { id: '1', eventType, data: { validationCode } });
  const answer = (await handshake.json()) as { readonly validationResponse?: unknown };
  if (answer.validationResponse !== validationCode)
    throw new Error('The app does not answer the handshake of Event Grid.');
  const underWay = new Set<Promise<unknown>>();
  const stop = vaultEvents({
    secrets,
    clock,
    vaultName: 'local',
    onEvent: (event) => {
      const sending = send(host, 'Notification', event)
        .then((response) => response.body?.cancel())
        .catch(() => undefined)
        .finally(() => underWay.delete(sending));
      underWay.add(sending);
    },
  });
  return async () => {
    stop();
    await Promise.allSettled(underWay);
  };
}
