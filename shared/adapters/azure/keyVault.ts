/** The Vault port over Azure Key Vault: one request for each secret, two for the first (an anonymous challenge). */
import { Secret } from '../../domain/secret.ts';
import type { Vault } from '../../ports.ts';
import type { KeyVaultOptions } from './keyVaultClient.ts';
import { keyVaultClient, withoutValue } from './keyVaultClient.ts';

export type { KeyVaultOptions };

export function keyVault(options: KeyVaultOptions): Vault {
  const vault = keyVaultClient(options);
  const operation = 'getting a secret';
  return {
    getSecret: async (name) => {
      const { value } = await vault.call({
        operation,
        repeatable: true,
        run: (client, abortSignal) => client.getSecret(name, { abortSignal }),
      });
      if (value !== undefined) return new Secret(value);
      throw withoutValue(operation);
    },
  };
}
