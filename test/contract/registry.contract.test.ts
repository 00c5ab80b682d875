import { inProcessRegistry } from '../../infra/local/registry/inProcess.ts';
import { type RegistryOptions, startRegistry } from '../../infra/local/registry/server.ts';
import { RegistryStore } from '../../infra/local/registry/store.ts';
import { VirtualClock } from '../../infra/local/world/clock.ts';
import { Faults, Journal } from '../../infra/local/world/faults.ts';
import type { RegistryCredential } from '../../shared/adapters/registry/credentials.ts';
import { imageRegistry } from '../../shared/adapters/registry/imageRegistry.ts';
import { Secret } from '../../shared/domain/secret.ts';
import { type RegistryDoor, registryContract } from './registry.contract.ts';

registryContract('in process', () => {
  const clock = new VirtualClock();
  const store = new RegistryStore();
  const faults = new Faults();
  const host = 'registry.example';
  const registry = inProcessRegistry(host, store, { caller: 'control-plane', journal: new Journal(), faults, clock });
  return { host, store, registry, faults };
});

async function overTheWire(options: RegistryOptions, credential: RegistryCredential): Promise<RegistryDoor> {
  const standIn = await startRegistry(options);
  const { host, store, faults } = standIn;
  const registry = imageRegistry({ credentialOf: () => credential, retry: { pauseMs: 1 } });
  return { host, store, registry, faults, close: () => standIn.close() };
}

registryContract('over HTTP, open to all', () => overTheWire({}, { kind: 'anonymous' }));

registryContract('over HTTP with a token service, and blobs elsewhere', () =>
  overTheWire(
    { access: { kind: 'token', accounts: { mayfly: 'pass:word' } }, redirectsBlobs: true },
    { kind: 'basic', username: 'mayfly', password: async () => new Secret('pass:word') },
  ),
);

registryContract('over HTTP as ACR', () =>
  overTheWire(
    { access: { kind: 'acr', acceptsEntra: (token) => token === 'entra-token' }, redirectsBlobs: true },
    {
      kind: 'acr',
      tokens: { getToken: async () => ({ token: new Secret('entra-token'), expiresAt: Date.now() + 3_600_000 }) },
    },
  ),
);
