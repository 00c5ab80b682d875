/** A controller's queue: a key waits once, however often it is added, and is worked off after its delay. */
import type { CancelTimer, WorldClock } from '../world/clock.ts';

interface Waiting {
  readonly dueAt: number;
  readonly cancel: CancelTimer;
}

export class WorkQueue {
  readonly #clock: WorldClock;
  readonly #work: (key: string) => void;
  readonly #waiting = new Map<string, Waiting>();

  constructor(clock: WorldClock, work: (key: string) => void) {
    this.#clock = clock;
    this.#work = work;
  }

  /** The earlier of two due times counts. */
  add(key: string, delayMs: number): void {
    const dueAt = this.#clock.now() + delayMs;
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined && waiting.dueAt <= dueAt) return;
    waiting?.cancel();
    const cancel = this.#clock.after(delayMs, () => {
      this.#waiting.delete(key);
      this.#work(key);
    });
    this.#waiting.set(key, { dueAt, cancel });
  }
}
