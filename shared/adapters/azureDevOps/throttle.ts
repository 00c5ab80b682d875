/** Remembers what the answers of an organisation say of its limits, for whoever has work that can wait. */
import type { EpochMs } from '../../domain/instant.ts';
import type { Clock, Throttle } from '../../ports.ts';

export class ThrottleMemory implements Throttle {
  readonly #clock: Clock;
  #until: EpochMs | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get until(): EpochMs | undefined {
    return this.#until;
  }

  /** Of any answer that asks to be left alone for so long. */
  heard(retryAfterMs: number): void {
    this.#until = Math.max(this.#until ?? 0, this.#clock.now() + retryAfterMs);
  }
}
