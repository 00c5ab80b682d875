/** The HookVault port over Azure Key Vault: a token vault that also gives the values of former versions. */
import { Secret } from '../../domain/secret.ts';
import type { HookVault } from '../../ports/hooks.ts';
import type { KeyVaultOptions } from './keyVaultClient.ts';
import { keyVaultClient, withoutValue } from './keyVaultClient.ts';
import { tokenVault } from './tokenVault.ts';

export function hookVault(options: KeyVaultOptions): HookVault {
  const vault = keyVaultClient(options);
  const operation = 'reading a version of the hook secret';
  return {
    ...tokenVault(options),
    readVersion: async (name, version) => {
      const { value } = await vault.call({
        operation,
        repeatable: true,
        run: (client, abortSignal) => client.getSecret(name, { version, abortSignal }),
      });
      if (value === undefined) throw withoutValue(operation);
      return new Secret(value);
    },
  };
}
