/** The TokenVault port over Azure Key Vault: secrets with all their versions and the tags on each. */
import type { ListPropertiesOfSecretVersionsOptions, SecretProperties } from '@azure/keyvault-secrets';
import { defined } from '../../domain/defined.ts';
import { hasErrorKind, UpstreamError } from '../../domain/errors.ts';
import type { EpochMs } from '../../domain/instant.ts';
import { Secret } from '../../domain/secret.ts';
import type { TokenVault, VaultVersion } from '../../ports/tokens.ts';
import type { Stamped } from '../../ports.ts';
import type { KeyVaultClient, KeyVaultOptions } from './keyVaultClient.ts';
import { keyVaultClient, withoutValue } from './keyVaultClient.ts';

export interface KeyVaultTokenVault extends TokenVault {
  /** Puts one version out of use: it can no longer be read. */
  disable(name: string, version: string): Promise<void>;
}

export function tokenVault(options: KeyVaultOptions): KeyVaultTokenVault {
  const vault = keyVaultClient(options);
  return {
    readLatest: async (name) => {
      const operation = 'reading the latest version of a token';
      const found = await unlessNoSecret(
        vault.call({
          operation,
          repeatable: true,
          run: (client, abortSignal) => client.getSecret(name, { abortSignal }),
        }),
      );
      if (found === undefined) return undefined;
      if (found.value === undefined) throw withoutValue(operation);
      return { ...versionOf(found.properties, operation), value: new Secret(found.value) };
    },
    listVersions: (name) => listVersions(vault, name),
    isDeleted: async (name) => {
      const found = await unlessNoSecret(
        vault.call({
          operation: 'looking for a deleted token',
          repeatable: true,
          run: (client, abortSignal) => client.getDeletedSecret(name, { abortSignal }),
        }),
      );
      return found !== undefined;
    },
    store: async (name, value, { expiresAt, tags }) => {
      const operation = 'storing a token';
      const about = { tags: { ...tags }, ...(expiresAt !== undefined && { expiresOn: new Date(expiresAt) }) };
      const { properties } = await vault.call({
        operation,
        repeatable: false,
        run: (client, abortSignal) => client.setSecret(name, value.reveal(), { ...about, abortSignal }),
      });
      return versionOf(properties, operation);
    },
    tag: async (name, version, tags) => {
      await vault.call({
        operation: 'tagging a version of a token',
        repeatable: true,
        run: (client, abortSignal) => client.updateSecretProperties(name, version, { tags: { ...tags }, abortSignal }),
      });
    },
    disable: async (name, version) => {
      await vault.call({
        operation: 'disabling a version of a token',
        repeatable: true,
        run: (client, abortSignal) => client.updateSecretProperties(name, version, { enabled: false, abortSignal }),
      });
    },
  };
}

/** Times are whole seconds, so the order of versions that were made within one is the vault's own, reversed. */
async function listVersions(vault: KeyVaultClient, name: string): Promise<Stamped<readonly VaultVersion[]>> {
  const operation = 'listing the versions of a token';
  // Of the first page; the SDK shows no headers but to this callback, which hears of refusals, too.
  let date: string | undefined;
  const listed = vault.call({
    operation,
    repeatable: true,
    run: async (client, abortSignal) => {
      const properties: SecretProperties[] = [];
      const onResponse: RawResponseCallback = ({ headers }) => {
        date = headers.get('date');
      };
      const pages = client.listPropertiesOfSecretVersions(name, { abortSignal, onResponse });
      for await (const one of pages) properties.push(one);
      return properties;
    },
  });
  const versions = ((await unlessNoSecret(listed)) ?? []).map((properties) => versionOf(properties, operation));
  const at = Date.parse(date ?? '');
  if (Number.isNaN(at)) throw withoutValue(operation, 'no Date header');
  return { value: versions.toReversed().toSorted((a, b) => b.createdAt - a.createdAt), at };
}

type RawResponseCallback = NonNullable<ListPropertiesOfSecretVersionsOptions['onResponse']>;

/** Absent only in the vault's own words: the 404 of a gateway or of a wrong address proves nothing. */
async function unlessNoSecret<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (!(error instanceof UpstreamError) || !hasErrorKind(error, 'notFound')) throw error;
    if (error.detail === 'SecretNotFound') return undefined;
    throw new UpstreamError({ ...fieldsOf(error), kind: 'unexpected' });
  }
}

const fieldsOf = ({ upstream, operation, status, detail }: UpstreamError) => ({ upstream, operation, status, detail });

/** An expiry of 0 comes back as the number and not as a Date (4.12.0). */
function versionOf(properties: SecretProperties, operation: string): VaultVersion {
  const { version, createdOn, enabled = true, tags = {}, expiresOn } = properties;
  if (version === undefined || createdOn === undefined) throw withoutValue(operation, 'no version or no time');
  const expiresAt: EpochMs | undefined = expiresOn === undefined ? undefined : new Date(expiresOn).getTime();
  return { version, createdAt: createdOn.getTime(), enabled, tags, ...defined({ expiresAt }) };
}
