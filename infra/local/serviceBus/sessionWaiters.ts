/**
 * Links that asked for the next free session. Their attach is answered only when one is free, in the order in which
 * they asked, or refused with `com.microsoft:timeout` when the client's own time is up.
 */
import type { CancelTimer, WorldClock } from '../world/clock.ts';
import { holdAttach, prepareAttach, refuseLink, ticks } from './amqp.ts';
import { BrokerError } from './conditions.ts';
import type { Consumer, Gate } from './consumer.ts';
import type { Queue } from './queue.ts';

export const sessionFilter = 'com.microsoft:session-filter';
/** The service waits this long at most unless the client names its own limit. Source: comment in SDK 7.9.5. */
const longestWaitMs = 65_000;

interface Waiter {
  readonly consumer: Consumer;
  readonly cancel: CancelTimer;
}

export class SessionWaiters {
  readonly #queue: Queue;
  readonly #clock: WorldClock;
  readonly #gate: Gate;
  #waiters: Waiter[] = [];

  constructor(queue: Queue, clock: WorldClock, gate: Gate) {
    this.#queue = queue;
    this.#clock = clock;
    this.#gate = gate;
    queue.onChange(() => this.serve());
  }

  /** Inside the open event only. */
  wait(consumer: Consumer): void {
    holdAttach(consumer.link);
    const asked: unknown = (consumer.link.properties as Record<string, unknown> | undefined)?.['com.microsoft:timeout'];
    const cancel = this.#clock.after(typeof asked === 'number' ? asked : longestWaitMs, () => this.#timeOut(consumer));
    this.#waiters.push({ consumer, cancel });
    this.serve();
  }

  serve(): void {
    for (const { consumer, cancel } of this.#waiters) {
      const sessionId = this.#gate.open ? this.#queue.nextFreeSession() : undefined;
      if (sessionId === undefined) return;
      cancel();
      this.forget(consumer);
      grantSession(consumer, sessionId);
    }
  }

  forget(consumer: Consumer): void {
    for (const waiter of this.#waiters.filter((candidate) => candidate.consumer === consumer)) waiter.cancel();
    this.#waiters = this.#waiters.filter((waiter) => waiter.consumer !== consumer);
  }

  close(): void {
    for (const { cancel } of this.#waiters) cancel();
    this.#waiters = [];
  }

  #timeOut(consumer: Consumer): void {
    this.forget(consumer);
    consumer.gone();
    refuseLink(consumer.link, new BrokerError('com.microsoft:timeout', 'No session was free within the time allowed.'));
  }
}

/** Locks the session and answers the attach with its id and the lock's end. */
export function grantSession(consumer: Consumer, sessionId: string): void {
  consumer.session = consumer.queue.lockSession(sessionId, consumer);
  const { link } = consumer;
  link.set_source({ address: link.source.address, filter: { [sessionFilter]: sessionId } });
  prepareAttach(link, { properties: { 'com.microsoft:locked-until-utc': ticks(consumer.session.until) } });
  link.attach();
}
