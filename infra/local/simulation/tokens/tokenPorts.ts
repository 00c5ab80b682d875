/** The ports of the rotation over the worlds, each call through its door. */
import { Secret } from '../../../../shared/domain/secret.ts';
import type { VaultVersion } from '../../../../shared/domain/token.ts';
import type { ClusterSecrets, PersonalTokens, TokenProof, TokenVault } from '../../../../shared/ports/tokens.ts';
import { type DoorOptions, TokenDoor } from './tokenDoor.ts';
import {
  type CopyShelf,
  copyName,
  type Issued,
  type PatServer,
  type StoredVersion,
  type VaultShelf,
} from './tokenWorlds.ts';

const listed = ({ authorizationId, displayName, scope, validFrom, validTo }: Issued) => ({
  authorizationId,
  displayName,
  scope,
  validFrom,
  validTo,
});

const withoutValue = ({ value: _value, ...version }: StoredVersion): VaultVersion => version;

export function vaultPort(shelves: ReadonlyMap<string, VaultShelf>, options: DoorOptions): TokenVault {
  const door = new TokenDoor('keyVault', 'keyVault', options);
  const shelf = (name: string): VaultShelf => {
    const found = shelves.get(name);
    if (found === undefined) throw new Error(`the simulated vault has no shelf ${name}`);
    return found;
  };
  return {
    readLatest: (name) =>
      door.call('readLatest', name, () => {
        const latest = shelf(name).read();
        return latest === undefined ? undefined : { ...latest, value: new Secret(latest.value) };
      }),
    listVersions: (name) =>
      door.call('listVersions', name, () => ({ value: shelf(name).versions.map(withoutValue), at: shelf(name).now() })),
    store: (name, value, about) =>
      door.call('store', name, () => withoutValue(shelf(name).store(value.reveal(), about))),
    isDeleted: (name) => door.call('isDeleted', name, () => shelf(name).isDeleted),
    tag: (name, version, tags) => door.call('tag', name, () => shelf(name).change(version, { tags })),
  };
}

export function personalTokensPort(server: PatServer, options: DoorOptions): PersonalTokens {
  const door = new TokenDoor('personalTokens', 'azureDevOps', options);
  return {
    list: () => door.call('list', '', () => ({ value: server.list().map(listed), at: server.now() })),
    create: (token) =>
      door.call('create', token.displayName, () => {
        const issued = server.create(token);
        return { ...listed(issued), token: new Secret(issued.value) };
      }),
    revoke: (authorizationId) => door.call('revoke', authorizationId, () => server.revoke(authorizationId)),
  };
}

export function proofPort(server: PatServer, options: DoorOptions): TokenProof {
  const door = new TokenDoor('azureDevOps', 'azureDevOps', options);
  return { prove: (token) => door.call('prove', '', () => (server.accepts(token.reveal()) ? 'accepted' : 'rejected')) };
}

export function clusterPort(cluster: string, copies: CopyShelf, options: DoorOptions): ClusterSecrets {
  const door = new TokenDoor(`kubernetes:${cluster}`, 'kubernetes', options);
  return {
    cluster,
    readValue: (secret, key) =>
      door.call('readValue', secret, () => {
        const value = copies.values.get(copyName(cluster, secret, key));
        return value === undefined ? undefined : new Secret(value);
      }),
    writeValue: (secret, key, value) =>
      door.call('writeValue', secret, () => copies.write(copyName(cluster, secret, key), value.reveal())),
  };
}
