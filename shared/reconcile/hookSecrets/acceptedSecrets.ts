/** The secrets that a receiver of hooks accepts, as the vault has them now. */

import { hasErrorKind, UpstreamError } from '../../domain/errors.ts';
import { acceptedBeside } from '../../domain/hookSecret.ts';
import type { Secret } from '../../domain/secret.ts';
import type { HookVault } from '../../ports/hooks.ts';

export interface AcceptedSecrets {
  readonly current: Secret;
  /** Former ones that a rotation still accepts. */
  readonly others: readonly Secret[];
}

/** Rejects when it cannot be had: then nobody can be told from a stranger. */
export async function acceptedSecrets(vault: HookVault, name: string): Promise<AcceptedSecrets> {
  const [latest, { value: versions }] = await Promise.all([vault.readLatest(name), vault.listVersions(name)]);
  if (latest === undefined) {
    throw new UpstreamError({ upstream: 'keyVault', operation: 'reading the hook secret', kind: 'notFound' });
  }
  const others = await Promise.all(
    acceptedBeside(versions, latest).map(({ version }) => vault.readVersion(name, version).catch(withdrawn)),
  );
  return { current: latest.value, others: others.filter((each) => each !== undefined) };
}

/** A person disabled or removed it since it was listed. */
function withdrawn(error: unknown): undefined {
  if (hasErrorKind(error, 'forbidden', 'notFound')) return undefined;
  throw error;
}
