/**
 * One queue as a state machine on an injected clock: scheduled enqueue, TTL, duplicate detection, message and session
 * locks, delivery count and dead-lettering. It knows nothing of AMQP; links ask it for messages and are woken through
 * `onChange`. A verb that the service would refuse throws BrokerError.
 */
import { randomUUID } from 'node:crypto';
import type { Message } from 'rhea';
import type { EpochMs } from '../../../shared/domain/instant.ts';
import type { CancelTimer, WorldClock } from '../world/clock.ts';
import { BrokerError } from './conditions.ts';
import { DuplicateHistory } from './duplicates.ts';
import type { MessageSnapshot, SessionLock, StoredMessage } from './message.ts';
import { isAvailable, modify, nextInstant, snapshotOf } from './message.ts';
import type { QueueSettings } from './queueSpec.ts';
import { deadLetterSettings } from './queueSpec.ts';
import { SessionLocks } from './sessionLocks.ts';

export interface IncomingMessage {
  readonly content: Message;
  readonly messageId: string | undefined;
  readonly sessionId: string | undefined;
  readonly dueAt: EpochMs | undefined;
  readonly ttlMs: number | undefined;
}

export interface DeadLetterCause {
  readonly reason?: string | undefined;
  readonly description?: string | undefined;
}

export class Queue {
  readonly settings: QueueSettings;
  readonly path: string;
  /** Undefined on a dead-letter queue, which has none of its own. */
  readonly deadLetters: Queue | undefined;
  readonly sessions: SessionLocks;
  readonly #clock: WorldClock;
  readonly #duplicates: DuplicateHistory;
  readonly #listeners = new Set<() => void>();
  #messages: StoredMessage[] = [];
  #nextSequence = 1;
  #cancelTimer: CancelTimer = () => {};

  constructor(settings: QueueSettings, clock: WorldClock, parent?: Queue) {
    this.settings = settings;
    this.#clock = clock;
    this.#duplicates = new DuplicateHistory(settings.duplicateWindowMs);
    this.sessions = new SessionLocks(settings.lockMs, () => clock.now());
    this.path = parent === undefined ? settings.name : `${parent.path}/$DeadLetterQueue`;
    this.deadLetters = parent === undefined ? new Queue(deadLetterSettings(settings), clock, this) : undefined;
  }

  /** Called after every change that may make a message or a session available. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  snapshots(): readonly MessageSnapshot[] {
    return this.#messages.map(snapshotOf);
  }

  /** The sequence number, also of a duplicate, which is taken and dropped. */
  send(incoming: IncomingMessage): number {
    const { requiresSession, requiresDuplicateDetection, defaultTtlMs } = this.settings;
    if (requiresSession && !incoming.sessionId) {
      throw new BrokerError('amqp:not-allowed', 'The entity requires sessions, and the message has no session id.');
    }
    const now = this.#clock.now();
    const sequence = this.#nextSequence++;
    const messageId = incoming.messageId ?? randomUUID().replaceAll('-', '');
    if (requiresDuplicateDetection && this.#duplicates.isDuplicate(messageId, now)) return sequence;
    const enqueuedAt = Math.max(now, incoming.dueAt ?? now);
    this.#messages.push({
      sequence,
      messageId,
      sessionId: incoming.sessionId,
      content: incoming.content,
      enqueuedAt,
      // The lower of the two counts, and a scheduled message starts to age when it becomes visible.
      expiresAt: enqueuedAt + Math.min(incoming.ttlMs ?? Number.POSITIVE_INFINITY, defaultTtlMs),
      state: enqueuedAt > now ? 'scheduled' : 'active',
      deliveryCount: 0,
      lock: undefined,
    });
    this.#changed();
    return sequence;
  }

  cancelScheduled(sequences: readonly number[]): void {
    const scheduled = this.#messages.filter(
      ({ sequence, state }) => state === 'scheduled' && sequences.includes(sequence),
    );
    if (scheduled.length !== sequences.length) {
      throw new BrokerError(
        'com.microsoft:message-not-found',
        'A scheduled message with that sequence number is not known.',
      );
    }
    this.#messages = this.#messages.filter((message) => !scheduled.includes(message));
    this.#changed();
  }

  /** Locks the oldest available message: of the session, or of a queue without sessions. */
  lockNext(session?: SessionLock): StoredMessage | undefined {
    this.#expire();
    const next = this.#messages.find(
      (message) => isAvailable(message) && message.sessionId === (session?.sessionId ?? message.sessionId),
    );
    return next === undefined ? undefined : this.#lock(next, session);
  }

  /** A deferred message comes back only by its sequence number. */
  lockDeferred(sequence: number, session?: SessionLock): StoredMessage {
    const found = this.#messages.find((message) => message.sequence === sequence && message.state === 'deferred');
    if (found === undefined || found.lock !== undefined) {
      throw new BrokerError(
        'com.microsoft:message-not-found',
        `No deferred message has the sequence number ${sequence}.`,
      );
    }
    return this.#lock(found, session);
  }

  complete(token: string): void {
    this.#remove(this.#locked(token));
    this.#changed();
  }

  abandon(token: string, properties: object = {}): void {
    const message = this.#locked(token);
    modify(message, properties);
    this.#deliveryFailed(message);
    this.#changed();
  }

  defer(token: string, properties: object = {}): void {
    const message = this.#locked(token);
    modify(message, properties);
    message.state = 'deferred';
    message.lock = undefined;
    this.#changed();
  }

  deadLetter(token: string, cause: DeadLetterCause, properties: object = {}): void {
    this.#toDeadLetters(this.#locked(token), cause, properties);
    this.#changed();
  }

  renewLock(token: string): EpochMs {
    const message = this.#locked(token);
    const until = this.#clock.now() + this.settings.lockMs;
    if (message.lock !== undefined) message.lock.until = until;
    this.#arm();
    return until;
  }

  /** The free session with the oldest available message. Inferred: the service promises no order between sessions. */
  nextFreeSession(): string | undefined {
    this.#expire();
    const free = this.#messages.find((message) => isAvailable(message) && !this.sessions.isLocked(message.sessionId));
    return free?.sessionId;
  }

  lockSession(sessionId: string, owner: SessionLock['owner']): SessionLock {
    const lock = this.sessions.lock(sessionId, owner);
    this.#arm();
    return lock;
  }

  renewSession(sessionId: string): EpochMs {
    const until = this.sessions.renew(sessionId);
    this.#arm();
    return until;
  }

  /**
   * Ends a session's lock. Its messages count as delivered when the lock was lost, not when the session was closed.
   * Source: Service Bus documentation, "Message sessions", impact of delivery count.
   */
  endSession(lock: SessionLock, cause: 'closed' | 'lost'): void {
    if (!this.sessions.release(lock)) return;
    for (const message of this.#messages.filter((candidate) => candidate.lock?.session === lock)) {
      if (cause === 'lost') this.#deliveryFailed(message);
      else message.lock = undefined;
    }
    if (cause === 'lost') lock.owner.lockLost();
    this.#changed();
  }

  /** Every lock is lost now, of sessions and of messages. */
  dropLocks(): void {
    for (const lock of this.sessions.all()) this.endSession(lock, 'lost');
    for (const message of this.#messages.filter(({ lock }) => lock !== undefined)) this.#deliveryFailed(message);
    this.deadLetters?.dropLocks();
    this.#changed();
  }

  /** Messages from a sequence number on, locked, scheduled and deferred ones too. */
  peek(from: number, count: number, sessionId?: string): readonly StoredMessage[] {
    this.#expire();
    return this.#messages
      .filter((message) => message.sequence >= from && message.sessionId === (sessionId ?? message.sessionId))
      .slice(0, count);
  }

  close(): void {
    this.#cancelTimer();
    this.#listeners.clear();
    this.deadLetters?.close();
  }

  #lock(message: StoredMessage, session: SessionLock | undefined): StoredMessage {
    const until = session === undefined ? this.#clock.now() + this.settings.lockMs : Number.POSITIVE_INFINITY;
    message.lock = { token: randomUUID(), until, session };
    this.#arm();
    return message;
  }

  #locked(token: string): StoredMessage {
    const message = this.#messages.find((candidate) => candidate.lock?.token === token);
    if (message === undefined) {
      throw new BrokerError(
        'com.microsoft:message-lock-lost',
        'The lock is invalid: it expired, or the message is gone.',
      );
    }
    return message;
  }

  #remove(message: StoredMessage): void {
    message.lock = undefined;
    this.#messages = this.#messages.filter((other) => other !== message);
  }

  #deliveryFailed(message: StoredMessage): void {
    message.lock = undefined;
    message.deliveryCount += 1;
    if (this.deadLetters === undefined || message.deliveryCount < this.settings.maxDeliveryCount) return;
    const description = `Not consumed after ${this.settings.maxDeliveryCount} delivery attempts.`;
    this.#toDeadLetters(message, { reason: 'MaxDeliveryCountExceeded', description });
  }

  #toDeadLetters(message: StoredMessage, cause: DeadLetterCause, properties: object = {}): void {
    this.#remove(message);
    const application = { ...message.content.application_properties, ...properties };
    if (cause.reason !== undefined) application['DeadLetterReason'] = cause.reason;
    if (cause.description !== undefined) application['DeadLetterErrorDescription'] = cause.description;
    const content = { ...message.content, application_properties: application };
    this.deadLetters?.take({ ...message, content, state: 'active', expiresAt: Number.POSITIVE_INFINITY });
  }

  /** A dead letter keeps its sequence number and delivery count, and does not expire. */
  take(message: StoredMessage): void {
    this.#messages.push(message);
    this.#changed();
  }

  /** Applies everything whose time has come. */
  #expire(): void {
    const now = this.#clock.now();
    for (const lock of this.sessions.all()) if (lock.until <= now) this.endSession(lock, 'lost');
    for (const message of this.#messages) this.#age(message, now);
  }

  #age(message: StoredMessage, now: EpochMs): void {
    if (message.state === 'scheduled' && message.enqueuedAt <= now) message.state = 'active';
    if (message.lock !== undefined && message.lock.until <= now) this.#deliveryFailed(message);
    if (message.lock !== undefined || message.state === 'scheduled' || message.expiresAt > now) return;
    if (this.settings.deadLetterOnExpiry) this.#toDeadLetters(message, { reason: 'TTLExpiredException' });
    else this.#remove(message);
  }

  #changed(): void {
    this.#arm();
    for (const listener of this.#listeners) listener();
  }

  /** One timer for whatever comes first: a lock's end, a message's due time or its expiry. */
  #arm(): void {
    this.#cancelTimer();
    const times = this.#messages
      .map((message) => nextInstant(message))
      .concat(this.sessions.all().map(({ until }) => until));
    const next = times.reduce((first, at) => Math.min(first, at), Number.POSITIVE_INFINITY);
    if (next === Number.POSITIVE_INFINITY) return;
    const wait = Math.min(next - this.#clock.now(), 0x7fffffff);
    this.#cancelTimer = this.#clock.after(wait, () => {
      this.#expire();
      this.#changed();
    });
  }
}
