/** One token with its server, vault and clusters, and a control plane that looks when it is told to. */

import type { DoorOptions } from '../../infra/local/simulation/tokens/tokenDoor.ts';
import {
  clusterPort,
  personalTokensPort,
  proofPort,
  vaultPort,
} from '../../infra/local/simulation/tokens/tokenPorts.ts';
import { CopyShelf, copyName, PatServer, VaultShelf } from '../../infra/local/simulation/tokens/tokenWorlds.ts';
import { VirtualClock } from '../../infra/local/world/clock.ts';
import { Faults, Journal } from '../../infra/local/world/faults.ts';
import { seededRandom } from '../../infra/local/world/random.ts';
import { minutesMs } from '../../shared/domain/instant.ts';
import { formatInstant } from '../../shared/domain/names.ts';
import { type TokenPolicy, tokenDisplayName, tokenTags } from '../../shared/domain/token.ts';
import type { LogFields } from '../../shared/ports.ts';
import { rotateToken, type TokenReport } from '../../shared/reconcile/tokens/rotateToken.ts';
import type { TokenDeps, TokenIntent } from '../../shared/reconcile/tokens/tokenDeps.ts';
import { days, tokenPolicy } from './tokenBuilders.ts';

type Nudge = Pick<TokenIntent, 'cause' | 'askedId' | 'version'>;

export interface TokenPlace {
  readonly clock: VirtualClock;
  readonly server: PatServer;
  readonly shelf: VaultShelf;
  readonly copies: CopyShelf;
  readonly faults: Faults;
  readonly journal: Journal;
  readonly deps: TokenDeps;
  readonly intent: (nudge: Nudge, withinMs?: number) => TokenIntent;
  /** One pass, on virtual time. */
  readonly rotate: (nudge: Nudge, withinMs?: number) => Promise<TokenReport>;
  /** The calls so far. */
  readonly verbs: () => readonly string[];
  /** The days of the warnings of this event so far. */
  readonly told: (event: string) => readonly unknown[];
  /** The fields of each line of this event so far. */
  readonly lines: (event: string) => readonly LogFields[];
}

/** A PAT of thirty days, one day old, in the vault and in every cluster. */
function furnish(
  policy: TokenPolicy,
  { server, shelf, copies }: Pick<TokenPlace, 'server' | 'shelf' | 'copies'>,
): void {
  const rotation = '00000000';
  const displayName = tokenDisplayName(policy.installation, policy.name, rotation);
  const first = server.create({ displayName, scope: policy.scope, validTo: server.now() + days(45) });
  const tags = {
    [tokenTags.rotation]: rotation,
    [tokenTags.authorization]: first.authorizationId,
    [tokenTags.begins]: formatInstant(first.validFrom),
    [tokenTags.expires]: formatInstant(first.validTo),
  };
  shelf.store(first.value, { expiresAt: first.validTo, tags });
  for (const { cluster, secret, key } of policy.copies) copies.write(copyName(cluster, secret, key), first.value);
}

export function aTokenPlace(clusters: readonly string[] = ['east'], overrides: Partial<TokenPolicy> = {}): TokenPlace {
  const clock = new VirtualClock();
  const nothing = (): void => undefined;
  const worlds = {
    server: new PatServer(clock, nothing),
    shelf: new VaultShelf(clock, nothing),
    copies: new CopyShelf(nothing),
  };
  const { server, shelf, copies } = worlds;
  const faults = new Faults();
  const journal = new Journal();
  const random = seededRandom(1);
  const held = clusters.map((cluster) => ({ cluster, secret: 'agent-token', key: 'token' }));
  const policy: TokenPolicy = { ...tokenPolicy, copies: held, ...overrides };
  furnish(policy, worlds);
  const door: DoorOptions = { caller: 'plane', clock, journal, faults, latencyMs: () => 0, refusal: () => undefined };
  const lines: (readonly [string, LogFields])[] = [];
  const deps: TokenDeps = {
    policy,
    vault: vaultPort(new Map([[policy.vaultSecret, shelf]]), door),
    personalTokens: personalTokensPort(server, door),
    proof: proofPort(server, door),
    clusters: clusters.map((cluster) => clusterPort(cluster, copies, door)),
    clock,
    nonces: { next: () => random.between(0x10000000, 0x7fffffff).toString(16) },
    log: { write: (_level, event, fields) => lines.push([event, fields ?? {}]) },
  };
  const intent: TokenPlace['intent'] = (nudge, withinMs = minutesMs(10)) => ({
    ...nudge,
    correlationId: 'test',
    deadlineAt: clock.now() + withinMs,
  });
  const rotate: TokenPlace['rotate'] = async (nudge, withinMs) => {
    let report: TokenReport | undefined;
    void rotateToken(deps, intent(nudge, withinMs)).then((done) => {
      report = done;
    });
    for (let step = 0; report === undefined && step < 2000; step++) await clock.runUntil(clock.nextAt ?? clock.now());
    if (report === undefined) throw new Error('the pass does not end');
    return report;
  };
  return {
    ...worlds,
    clock,
    faults,
    journal,
    deps,
    intent,
    rotate,
    verbs: () => journal.calls.map(({ verb }) => verb),
    lines: (event) => lines.flatMap(([name, fields]) => (name === event ? [fields] : [])),
    told: (event) => lines.flatMap(([name, { days: told }]) => (name === event ? [told] : [])),
  };
}
