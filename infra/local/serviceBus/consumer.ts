/**
 * One receiving link of a client: hands out messages while there is credit, and turns dispositions into verbs of the
 * queue. On a session's link the session lock is taken before the attach is answered and goes with the link.
 */
import type { Delivery, Sender } from 'rhea';
import { deliveryTag, freeCredit, outcomes, outgoing } from './amqp.ts';
import { BrokerError } from './conditions.ts';
import type { SessionLock, SessionOwner, StoredMessage } from './message.ts';
import type { Queue } from './queue.ts';

export type Disposition = 'accepted' | 'rejected' | 'released' | 'modified';
export type Note = (verb: string, target: string, outcome?: string) => void;

/** Deliveries may be held back for the whole broker. */
export interface Gate {
  readonly open: boolean;
}

export class Consumer implements SessionOwner {
  readonly link: Sender;
  readonly queue: Queue;
  readonly #gate: Gate;
  readonly #note: Note;
  readonly #unsettled = new Map<
    number,
    { readonly delivery: Delivery; readonly token: string; readonly message: StoredMessage }
  >();
  readonly #unsubscribe: () => void;
  session: SessionLock | undefined;
  #closed = false;

  constructor(link: Sender, queue: Queue, gate: Gate, note: Note) {
    this.link = link;
    this.queue = queue;
    this.#gate = gate;
    this.#note = note;
    this.#unsubscribe = queue.onChange(() => this.pump());
  }

  get linkName(): string {
    return this.link.name;
  }

  /** Sends what is available, as far as the client's credit goes. */
  pump(): void {
    while (this.#mayDeliver()) {
      const message = this.queue.lockNext(this.session);
      if (message?.lock === undefined) return;
      this.#deliver(message, message.lock.token);
    }
  }

  #mayDeliver(): boolean {
    if (this.#closed || !this.#gate.open || !this.link.is_open()) return false;
    if (this.queue.settings.requiresSession && this.session === undefined) return false;
    const unsettled = [...this.#unsettled.values()].map(({ delivery }) => delivery);
    return freeCredit(this.link, unsettled) > 0;
  }

  #deliver(message: StoredMessage, token: string): void {
    const lockedUntil = this.session?.until ?? message.lock?.until;
    // snd-settle-mode 1 = settled on sending: receiveAndDelete.
    const settled = this.link.snd_settle_mode === 1;
    const delivery = this.link.send(outgoing(message, settled ? undefined : lockedUntil), deliveryTag(token));
    this.#note('deliver', `${this.queue.path}/${message.messageId}`, `delivery ${message.deliveryCount + 1}`);
    this.#unsettled.set(delivery.id, { delivery, token, message });
    if (settled) this.queue.complete(token);
  }

  /**
   * With rcv-settle-mode second the client waits for our settled answer. A plain `accepted` confirms every outcome:
   * echoing `rejected` would make the SDK's deadLetterMessage() throw. Found by running.
   */
  settle(disposition: Disposition, delivery: Delivery): void {
    const entry = this.#unsettled.get(delivery.id);
    if (entry === undefined) return;
    this.#unsettled.delete(delivery.id);
    if (this.link.snd_settle_mode === 1) {
      delivery.update(true);
      return;
    }
    const target = `${this.queue.path}/${entry.message.messageId}`;
    try {
      this.#apply(disposition, entry.token, delivery);
      delivery.update(true, outcomes.accepted());
      this.#note(disposition, target);
    } catch (error) {
      const refusal = this.#refusal(error);
      delivery.update(true, outcomes.rejected(refusal));
      this.#note(disposition, target, refusal.condition);
    }
  }

  #refusal(error: unknown): BrokerError {
    if (!(error instanceof BrokerError)) throw error;
    if (!this.queue.settings.requiresSession || error.condition !== 'com.microsoft:message-lock-lost') return error;
    return new BrokerError('com.microsoft:session-lock-lost', 'The session lock was lost; accept the session again.');
  }

  #apply(disposition: Disposition, token: string, delivery: Delivery): void {
    const state = (delivery.remote_state ?? {}) as {
      undeliverable_here?: boolean;
      message_annotations?: object;
      error?: unknown;
    };
    if (disposition === 'accepted') this.queue.complete(token);
    else if (disposition === 'rejected') this.#reject(token, state.error);
    else if (state.undeliverable_here === true) this.queue.defer(token, state.message_annotations);
    else this.queue.abandon(token, state.message_annotations);
  }

  #reject(token: string, error: unknown): void {
    const { DeadLetterReason: reason, DeadLetterErrorDescription: description, ...properties } = rejectionInfo(error);
    this.queue.deadLetter(token, { reason: text(reason), description: text(description) }, properties);
  }

  /** Told by the queue: the session's lock is over. The service detaches the link with this condition. */
  lockLost(): void {
    this.session = undefined;
    this.#note('sessionLockLost', this.queue.path);
    this.#end();
    this.link.close(new BrokerError('com.microsoft:session-lock-lost', 'The lock on the session was lost.').amqp);
  }

  /** The link or its connection is gone. Locks of single messages stay until they run out; a session is free again. */
  gone(): void {
    const session = this.session;
    this.session = undefined;
    this.#end();
    if (session !== undefined) this.queue.endSession(session, 'closed');
  }

  #end(): void {
    this.#closed = true;
    this.#unsubscribe();
  }
}

function rejectionInfo(error: unknown): Readonly<Record<string, unknown>> {
  const info: unknown = typeof error === 'object' && error !== null && 'info' in error ? error.info : undefined;
  return typeof info === 'object' && info !== null ? { ...info } : {};
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
