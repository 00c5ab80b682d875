/**
 * Time for the stand-ins. The worlds never read the machine's clock: they ask this one, so that a history of hours
 * runs in milliseconds and twice alike.
 */
import type { EpochMs } from '../../../shared/domain/instant.ts';
import type { Clock } from '../../../shared/ports.ts';

export type CancelTimer = () => void;

/** A clock that can also call back; worlds set their own timers with it. */
export interface WorldClock extends Clock {
  /** Calls `run` once after `ms`; the returned function takes it back. */
  after(ms: number, run: () => void): CancelTimer;
}

abstract class SleepingClock implements WorldClock {
  abstract now(): EpochMs;
  abstract after(ms: number, run: () => void): CancelTimer;

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const cancel = this.after(ms, () => {
        signal?.removeEventListener('abort', abort);
        resolve();
      });
      const abort = (): void => {
        cancel();
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', abort, { once: true });
    });
  }
}

interface Timer {
  readonly at: EpochMs;
  readonly order: number;
  readonly run: () => void;
}

/** Virtual time: stands still until `advance` or `runUntil` moves it. Timers fire in order of time, then of setting. */
export class VirtualClock extends SleepingClock {
  #now: EpochMs;
  #order = 0;
  #timers: Timer[] = [];

  constructor(start: EpochMs = Date.UTC(2026, 0, 5, 8)) {
    super();
    this.#now = start;
  }

  now(): EpochMs {
    return this.#now;
  }

  after(ms: number, run: () => void): CancelTimer {
    // Whole milliseconds, as every real clock here tells them.
    const timer: Timer = { at: Math.round(this.#now + Math.max(0, ms)), order: this.#order++, run };
    const place = this.#timers.findIndex((other) => other.at > timer.at);
    this.#timers.splice(place === -1 ? this.#timers.length : place, 0, timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** When the next timer is due; undefined = none is set. */
  get nextAt(): EpochMs | undefined {
    return this.#timers[0]?.at;
  }

  /** Fires every timer up to `at`, letting promises settle after each, and leaves the clock at `at`. */
  async runUntil(at: EpochMs): Promise<void> {
    await settled();
    for (let timer = this.#timers[0]; timer !== undefined && timer.at <= at; timer = this.#timers[0]) {
      this.#timers.shift();
      this.#now = Math.max(this.#now, timer.at);
      timer.run();
      await settled();
    }
    this.#now = Math.max(this.#now, at);
  }

  advance(ms: number): Promise<void> {
    return this.runUntil(this.#now + ms);
  }
}

/** Resolves when all promise reactions queued so far, and those they queue, have run. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The machine's clock, for the running stand-ins. What is overdue fires at once, as on the virtual one. */
export class SystemClock extends SleepingClock {
  now(): EpochMs {
    return Date.now();
  }

  after(ms: number, run: () => void): CancelTimer {
    const timer = setTimeout(run, Math.max(0, ms));
    return () => clearTimeout(timer);
  }
}
