/** A controller's queue: a key waits once, however often it is added, and is worked off after its delay. */
import type { CancelTimer } from '../world/clock.ts';
import type { Cluster } from './cluster.ts';

interface Waiting {
  readonly dueAt: number;
  readonly cancel: CancelTimer;
}

export class WorkQueue {
  readonly #cluster: Cluster;
  readonly #work: (key: string) => void;
  readonly #waiting = new Map<string, Waiting>();

  constructor(cluster: Cluster, work: (key: string) => void) {
    this.#cluster = cluster;
    this.#work = work;
  }

  /** The earlier of two due times counts. */
  add(key: string, delayMs: number): void {
    const { clock, delays, random } = this.#cluster;
    const inMs = delays.jitter === 0 ? delayMs : Math.round(delayMs * (1 + random.next() * delays.jitter));
    const dueAt = clock.now() + inMs;
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined && waiting.dueAt <= dueAt) return;
    waiting?.cancel();
    const cancel = clock.after(inMs, () => {
      this.#waiting.delete(key);
      this.#work(key);
    });
    this.#waiting.set(key, { dueAt, cancel });
  }
}
