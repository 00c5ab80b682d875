/** Many tokens due at once, and a vault that slows down whoever asks too much. */
import { UpstreamError } from '../../../../shared/domain/errors.ts';
import { hoursMs, minutesMs, secondsMs } from '../../../../shared/domain/instant.ts';
import { formatInstant } from '../../../../shared/domain/names.ts';
import { type TokenPolicy, tokenDisplayName, tokenTags } from '../../../../shared/domain/token.ts';
import { bounded } from '../../../../shared/reconcile/bounded.ts';
import { rotateToken } from '../../../../shared/reconcile/tokens/rotateToken.ts';
import type { TokenDeps } from '../../../../shared/reconcile/tokens/tokenDeps.ts';
import { VirtualClock } from '../../world/clock.ts';
import { Faults, Journal } from '../../world/faults.ts';
import { seededRandom } from '../../world/random.ts';
import type { DoorOptions } from './tokenDoor.ts';
import { TokenInvariants } from './tokenInvariants.ts';
import { clusterPort, personalTokensPort, proofPort, vaultPort } from './tokenPorts.ts';
import { CopyShelf, copyName, PatServer, VaultShelf } from './tokenWorlds.ts';

export interface BurstResult {
  readonly tokens: number;
  /** Tokens whose copy holds a new PAT in the end, and nothing else of ours lives. */
  readonly rotated: number;
  readonly throttled: number;
  readonly vaultCalls: number;
  /** Calls to the vault under way at once, at most. */
  readonly widest: number;
  /** Virtual time until all were rotated, in ms; the revocation after the grace is not in it. */
  readonly tookMs: number;
  readonly probes: number;
  readonly failedProbes: number;
  readonly violations: readonly string[];
}

/** Far less than Key Vault allows, so that twenty tokens are enough to exceed it. */
const callsPerWindow = 40;
const windowMs = secondsMs(10);
/** As host.json bounds them. */
const sessions = 64;
const lifetimeMs = hoursMs(24 * 30);
const graceMs = minutesMs(15);
const scope = 'vso.agentpools_manage';
const rotation = '00000000';

class ThrottledVault {
  readonly #clock: VirtualClock;
  readonly #taken: number[] = [];
  throttled = 0;
  calls = 0;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  refusal(door: string): UpstreamError | undefined {
    if (door !== 'keyVault') return undefined;
    this.calls += 1;
    const now = this.#clock.now();
    while ((this.#taken[0] ?? now) <= now - windowMs) this.#taken.shift();
    if (this.#taken.length < callsPerWindow) {
      this.#taken.push(now);
      return undefined;
    }
    this.throttled += 1;
    const retryAfterMs = (this.#taken[0] ?? now) + windowMs - now;
    return new UpstreamError({ upstream: 'keyVault', operation: 'calling', kind: 'throttled', retryAfterMs });
  }
}

/**
 * A session of the queue: the passes over one token come one after the other, and the next is a message that is
 * scheduled for when the last one said. In ms: what is due later than `withinMs` is left to the timer.
 */
async function upkeep(deps: TokenDeps, withinMs: number): Promise<void> {
  const endsAt = deps.clock.now() + withinMs;
  for (;;) {
    const deadlineAt = deps.clock.now() + minutesMs(10);
    const { isCutShort, lookAgainInMs = 0 } = await rotateToken(deps, {
      cause: 'timer',
      correlationId: 'burst',
      deadlineAt,
    });
    if (!isCutShort || deps.clock.now() + lookAgainInMs >= endsAt) return;
    await deps.clock.sleep(lookAgainInMs);
  }
}

interface Furnished {
  readonly server: PatServer;
  readonly shelf: VaultShelf;
  readonly copies: CopyShelf;
  readonly invariants: TokenInvariants;
  readonly policy: TokenPolicy;
}

/** A token with two days left of thirty. */
function furnish(clock: VirtualClock, number: number): Furnished {
  const name = `token-${number}`;
  let watching: TokenInvariants | undefined;
  const changed = (): void => watching?.check();
  const server = new PatServer(clock, changed);
  const shelf = new VaultShelf(clock, changed);
  const copies = new CopyShelf(changed);
  const first = server.create({
    displayName: tokenDisplayName('a1b2', name, rotation),
    scope,
    validTo: clock.now() + hoursMs(48),
  });
  const tags = {
    [tokenTags.rotation]: rotation,
    [tokenTags.authorization]: first.authorizationId,
    [tokenTags.begins]: formatInstant(first.validTo - lifetimeMs),
    [tokenTags.expires]: formatInstant(first.validTo),
  };
  shelf.store(first.value, { expiresAt: first.validTo, tags });
  copies.write(copyName('east', name, 'token'), first.value);
  const where = { organisation: 'https://dev.azure.com/contoso', vaultSecret: name, scope };
  const policy: TokenPolicy = {
    ...where,
    installation: 'a1b2',
    name,
    mode: 'rotate',
    lifetimeMs,
    graceMs,
    copies: [{ cluster: 'east', secret: name, key: 'token' }],
  };
  const watched = { policy, server, shelf, copies, slackMs: minutesMs(30), staleMs: minutesMs(1) };
  const invariants = new TokenInvariants(watched, () => clock.now());
  watching = invariants;
  return { server, shelf, copies, invariants, policy };
}

const holdsNew = ({ shelf, copies, policy }: Furnished): boolean =>
  shelf.latest?.version !== 'version-1' &&
  copies.values.get(copyName('east', policy.name, 'token')) === shelf.latest?.value;

function widestOf(journal: Journal): number {
  const calls = journal.calls.filter(({ door }) => door === 'keyVault');
  return Math.max(
    ...calls.map(({ at }) => calls.filter((other) => other.at <= at && at < (other.endedAt ?? at + 1)).length),
  );
}

export async function runTokenBurst(tokens = 20, seed = 1): Promise<BurstResult> {
  const clock = new VirtualClock();
  const random = seededRandom(seed);
  const journal = new Journal();
  const throttle = new ThrottledVault(clock);
  const latencyMs = (): number => random.between(20, 200);
  const refusal = (door: string): UpstreamError | undefined => throttle.refusal(door);
  const door: DoorOptions = { caller: 'plane', clock, journal, faults: new Faults(), latencyMs, refusal };
  const furnished = Array.from({ length: tokens }, (_, number) => furnish(clock, number));
  const vault = vaultPort(new Map(furnished.map(({ policy, shelf }) => [policy.vaultSecret, shelf])), door);
  const deps = furnished.map(
    ({ policy, server, copies }): TokenDeps => ({
      policy,
      vault,
      personalTokens: personalTokensPort(server, door),
      proof: proofPort(server, door),
      clusters: [clusterPort('east', copies, door)],
      clock,
      nonces: { next: () => random.between(0x10000000, 0x7fffffff).toString(16) },
      log: { write: () => undefined },
    }),
  );
  const startedAt = clock.now();
  let endedAt = Number.NaN;
  void bounded(deps, sessions, (one) => upkeep(one, minutesMs(30))).then(() => {
    endedAt = clock.now();
  });
  await clock.advance(minutesMs(30));
  const { throttled, calls: vaultCalls } = throttle;
  const widest = widestOf(journal);
  const isSpread = furnished.map(holdsNew);
  // A PAT that the vault was too busy to store is left over, for an hour.
  await clock.advance(hoursMs(1));
  void bounded(deps, sessions, (one) => upkeep(one, minutesMs(30)));
  await clock.advance(minutesMs(30));
  for (const { invariants } of furnished) invariants.check();
  return {
    tokens,
    rotated: furnished.filter(
      (one, index) => isSpread[index] === true && holdsNew(one) && one.server.list().length === 1,
    ).length,
    throttled,
    vaultCalls,
    widest,
    tookMs: endedAt - startedAt,
    probes: furnished.reduce((sum, { invariants }) => sum + invariants.probes, 0),
    failedProbes: furnished.reduce((sum, { invariants }) => sum + invariants.failedProbes, 0),
    violations: furnished.flatMap(({ invariants }) => invariants.violations),
  };
}
