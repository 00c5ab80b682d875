/** What the rotation of one token works with. Everything from outside arrives here. */
import { type Upstream, UpstreamError } from '../../domain/errors.ts';
import { type EpochMs, secondsMs } from '../../domain/instant.ts';
import { trimmed } from '../../domain/secret.ts';
import type { TokenPolicy } from '../../domain/token.ts';
import type { TokenCause } from '../../plan/tokens/observedToken.ts';
import type { ClusterSecrets, PersonalTokens, TokenProof, TokenVault, VaultSecret } from '../../ports/tokens.ts';
import type { Clock, Log, Nonces } from '../../ports.ts';
import { within } from '../within.ts';

export interface TokenDeps {
  readonly policy: TokenPolicy;
  readonly vault: TokenVault;
  /** Absent where nobody is signed in: then PATs are neither made nor revoked. */
  readonly personalTokens?: PersonalTokens;
  readonly proof: TokenProof;
  readonly clusters: readonly ClusterSecrets[];
  readonly clock: Clock;
  /** UUIDs. */
  readonly nonces: Nonces;
  readonly log: Log;
}

export interface TokenIntent {
  readonly cause: TokenCause;
  /** Of an event of the vault: the version it is about. */
  readonly version?: string;
  /** Of a request on demand: the same in each of its deliveries. */
  readonly askedId?: string;
  readonly correlationId: string;
  /** On this machine's clock: nothing new is begun after it. */
  readonly deadlineAt: EpochMs;
}

/** As long as a single call may take, an adapter's own repetitions included. Every write has landed or failed by then. */
const callMs = secondsMs(60);

/** One call to the outside with a bound on its time; whatever comes after that is ignored. */
export function ask<T>(
  { clock }: Pick<TokenDeps, 'clock'>,
  [upstream, operation]: readonly [Upstream, string],
  call: () => Promise<T>,
): Promise<T> {
  return within(clock, callMs, { upstream, operation }, call());
}

/**
 * The vault's latest version. Its value without the white space around it: people store files that end in a line break,
 * and such a copy would be of no use although the token is proven.
 */
export async function readLatest(
  deps: Pick<TokenDeps, 'clock' | 'vault' | 'policy'>,
): Promise<VaultSecret | undefined> {
  const { vault, policy } = deps;
  const latest = await ask(deps, ['keyVault', 'reading a token'], () => vault.readLatest(policy.vaultSecret));
  return latest && { ...latest, value: trimmed(latest.value) };
}

/** A cluster that the configuration names and nobody can reach from here. */
export function clusterOf({ clusters }: Pick<TokenDeps, 'clusters'>, name: string): ClusterSecrets {
  const found = clusters.find(({ cluster }) => cluster === name);
  if (found !== undefined) return found;
  const detail = `no cluster ${name} is configured`;
  throw new UpstreamError({ upstream: 'kubernetes', operation: 'finding a cluster', kind: 'notFound', detail });
}
