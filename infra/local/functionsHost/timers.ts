/**
 * One timer trigger. Source of the rules: TimerListener and ScheduleMonitor of Azure/azure-webjobs-sdk-extensions
 * (read as of Oct 2024). Runs of one timer never overlap; a failed run moves the status on like any other.
 */
import type { EpochMs } from '../../../shared/domain/instant.ts';
import type { CancelTimer, WorldClock } from '../world/clock.ts';
import type { Schedule } from './schedule.ts';
import { isFrequent } from './schedule.ts';

export interface ScheduleStatus {
  /** Start of the last run; undefined = none yet, which a function sees as the year 1. */
  readonly last: EpochMs | undefined;
  readonly next: EpochMs;
  readonly lastUpdated: EpochMs;
}

/** Where statuses outlive the host, as the blob container azure-webjobs-hosts does. */
export interface ScheduleStore {
  get(name: string): ScheduleStatus | undefined;
  set(name: string, status: ScheduleStatus): unknown;
}

export interface TimerOptions {
  readonly name: string;
  readonly schedule: Schedule;
  readonly runOnStartup: boolean;
  readonly useMonitor: boolean;
}

export type RunTimer = (input: string) => Promise<unknown>;

export class TimerListener {
  readonly #options: TimerOptions;
  readonly #clock: WorldClock;
  readonly #store: ScheduleStore;
  readonly #run: RunTimer;
  readonly #monitored: boolean;
  #cancel: CancelTimer = () => {};
  #stopped = false;

  constructor(options: TimerOptions, clock: WorldClock, store: ScheduleStore, run: RunTimer) {
    this.#options = options;
    this.#clock = clock;
    this.#store = store;
    this.#run = run;
    // Below a minute there is no monitor, and the function's scheduleStatus is null although its type says object.
    this.#monitored = options.useMonitor && !isFrequent(options.schedule, clock.now());
  }

  /** Past due is decided only here: a stored next run that has gone by is caught up once. */
  async start(): Promise<void> {
    const now = this.#clock.now();
    const isPastDue = this.#monitored && this.#restore(now) < now;
    if (this.#options.runOnStartup || isPastDue) await this.#fire(isPastDue);
    else this.#arm();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  /** What the function gets; an admin call gets it with the stored status and never past due. */
  input(isPastDue: boolean): string {
    const status = this.#monitored ? this.#store.get(this.#options.name) : undefined;
    const instant = (at: EpochMs | undefined): string =>
      at === undefined ? '0001-01-01T00:00:00' : new Date(at).toISOString();
    return JSON.stringify({
      Schedule: { AdjustForDST: true },
      ScheduleStatus:
        status === undefined
          ? null
          : { Last: instant(status.last), Next: instant(status.next), LastUpdated: instant(status.lastUpdated) },
      IsPastDue: isPastDue,
    });
  }

  /** The stored next run; recomputed when the schedule is another one by now, so that a change is not past due. */
  #restore(now: EpochMs): EpochMs {
    const { name, schedule } = this.#options;
    const stored = this.#store.get(name);
    if (stored === undefined) {
      const next = schedule.next(now);
      this.#store.set(name, { last: undefined, next, lastUpdated: now });
      return next;
    }
    if (stored.next === schedule.next(stored.last ?? stored.lastUpdated)) return stored.next;
    const next = schedule.next(now);
    this.#store.set(name, { ...stored, next, lastUpdated: now });
    return next;
  }

  async #fire(isPastDue: boolean): Promise<void> {
    const startedAt = this.#clock.now();
    await this.#run(this.input(isPastDue));
    if (this.#stopped) return;
    if (this.#monitored) {
      // From the start of the run, so that a run longer than the period is followed by the next at once.
      const next = this.#options.schedule.next(startedAt);
      this.#store.set(this.#options.name, { last: startedAt, next, lastUpdated: this.#clock.now() });
    }
    this.#arm();
  }

  #arm(): void {
    const now = this.#clock.now();
    const next =
      (this.#monitored ? this.#store.get(this.#options.name)?.next : undefined) ?? this.#options.schedule.next(now);
    const wait = Math.max(1, next - now);
    if (wait === Number.POSITIVE_INFINITY) return;
    // A timer of Node holds 24.8 days at most; the host, too, splits longer waits.
    if (wait > 0x7fffffff) this.#cancel = this.#clock.after(0x7fffffff, () => this.#arm());
    else this.#cancel = this.#clock.after(wait, () => void this.#fire(false));
  }
}
