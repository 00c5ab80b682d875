import type { WorldClock } from '../world/clock.ts';

/** Starvation: while the gate is shut nothing that arrived is handed to a function. Locks run on meanwhile. */
export class DispatchGate {
  readonly #clock: WorldClock;
  #until = 0;

  constructor(clock: WorldClock) {
    this.#clock = clock;
  }

  hold(ms: number): void {
    this.#until = Math.max(this.#until, this.#clock.now() + ms);
  }

  async pass(): Promise<void> {
    while (this.#clock.now() < this.#until) await this.#clock.sleep(this.#until - this.#clock.now());
  }
}
