/** A control plane that looks after tokens: by timer, by event and on demand, several passes at once if it so happens. */

import type { EpochMs } from '../../../../shared/domain/instant.ts';
import { slotMs } from '../../../../shared/domain/intent.ts';
import type { TokenPolicy } from '../../../../shared/domain/token.ts';
import type { ClusterSecrets, PersonalTokens, TokenProof, TokenVault } from '../../../../shared/ports/tokens.ts';
import type { Clock, Log } from '../../../../shared/ports.ts';
import { rotateToken, type TokenReport } from '../../../../shared/reconcile/tokens/rotateToken.ts';
import type { TokenIntent } from '../../../../shared/reconcile/tokens/tokenDeps.ts';
import type { WorldClock } from '../../world/clock.ts';
import type { Random } from '../../world/random.ts';
import type { Mortal } from '../mortal.ts';

export interface TokenOutside {
  readonly vault: TokenVault;
  readonly personalTokens?: PersonalTokens;
  readonly proof: TokenProof;
  readonly clusters: readonly ClusterSecrets[];
}

export interface PlaneOptions {
  readonly name: string;
  readonly policy: TokenPolicy;
  readonly outside: TokenOutside;
  readonly mortal: Mortal;
  readonly clock: WorldClock;
  readonly random: Random;
  /** How far this machine's clock is ahead. */
  readonly skewMs: number;
  readonly periodMs: number;
  readonly log: Log;
  readonly onReport: (report: TokenReport) => void;
}

/** As long as a function may run. */
const passMs = 600_000;

export class TokenPlane {
  readonly #options: PlaneOptions;
  /** Passes under way. */
  active = 0;
  /** Two passes were under way at the same time, at least once. */
  hasOverlapped = false;
  /** Slots of the next looks that are set: several for one slot are one message. */
  readonly #slots = new Set<number>();

  constructor(options: PlaneOptions) {
    this.#options = options;
  }

  start(): void {
    this.#tick();
  }

  #tick(): void {
    const { clock, mortal, random, periodMs } = this.#options;
    if (!mortal.alive) return;
    void this.look({ cause: 'timer' });
    clock.after(periodMs + random.between(0, 1000), () => this.#tick());
  }

  async look(nudge: Pick<TokenIntent, 'cause' | 'askedId' | 'version'>): Promise<void> {
    const { policy, outside, mortal, clock, random, skewMs, log, name } = this.#options;
    if (!mortal.alive) return;
    const local: Clock = { now: () => clock.now() + skewMs, sleep: (ms, signal) => clock.sleep(ms, signal) };
    const nonces = {
      next: () => Array.from({ length: 4 }, () => random.between(0, 0xff).toString(16).padStart(2, '0')).join(''),
    };
    const { personalTokens } = outside;
    const deps = {
      policy,
      vault: mortal.through(outside.vault),
      ...(personalTokens === undefined ? {} : { personalTokens: mortal.through(personalTokens) }),
      proof: mortal.through(outside.proof),
      clusters: outside.clusters.map((cluster) => mortal.through(cluster)),
      clock: local,
      nonces,
      log: { write: (...line: Parameters<Log['write']>) => (mortal.alive ? log.write(...line) : undefined) },
    };
    this.hasOverlapped ||= this.active > 0;
    this.active += 1;
    const report = await rotateToken(deps, { ...nudge, correlationId: name, deadlineAt: local.now() + passMs });
    this.active -= 1;
    if (!mortal.alive) return;
    this.#options.onReport(report);
    const { lookAgainInMs, isCutShort } = report;
    if (lookAgainInMs === undefined) return;
    // What somebody asked for is not forgotten because it was cut short.
    if (isCutShort && nudge.cause === 'asked') clock.after(lookAgainInMs, () => void this.look(nudge));
    else this.#lookAgainAt(clock.now() + lookAgainInMs);
  }

  #lookAgainAt(at: EpochMs): void {
    const { clock } = this.#options;
    const slot = Math.ceil(at / slotMs);
    if (this.#slots.has(slot)) return;
    this.#slots.add(slot);
    clock.after(slot * slotMs - clock.now(), () => {
      this.#slots.delete(slot);
      void this.look({ cause: 'nextLook' });
    });
  }
}
