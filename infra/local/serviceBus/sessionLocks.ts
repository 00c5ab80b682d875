import type { EpochMs } from '../../../shared/domain/instant.ts';
import { BrokerError } from './conditions.ts';
import type { SessionLock, SessionOwner } from './message.ts';

/** Which sessions are locked by whom, and the state that clients keep on sessions. */
export class SessionLocks {
  readonly #lockMs: number;
  readonly #now: () => EpochMs;
  readonly #locks = new Map<string, SessionLock>();
  readonly #states = new Map<string, Buffer>();

  constructor(lockMs: number, now: () => EpochMs) {
    this.#lockMs = lockMs;
    this.#now = now;
  }

  all(): readonly SessionLock[] {
    return [...this.#locks.values()];
  }

  isLocked(sessionId: string | undefined): boolean {
    return sessionId === undefined || this.#locks.has(sessionId);
  }

  /** A named session may be locked although it has no message. */
  lock(sessionId: string, owner: SessionOwner): SessionLock {
    if (this.#locks.has(sessionId)) {
      throw new BrokerError(
        'com.microsoft:session-cannot-be-locked',
        'The requested session is held by another receiver.',
      );
    }
    const lock: SessionLock = { sessionId, owner, until: this.#now() + this.#lockMs };
    this.#locks.set(sessionId, lock);
    return lock;
  }

  get(sessionId: string): SessionLock {
    const lock = this.#locks.get(sessionId);
    if (lock === undefined) throw new BrokerError('com.microsoft:session-lock-lost', 'The session lock has expired.');
    return lock;
  }

  renew(sessionId: string): EpochMs {
    const lock = this.get(sessionId);
    lock.until = this.#now() + this.#lockMs;
    return lock.until;
  }

  /** False when another lock, or none, is on the session by now. */
  release(lock: SessionLock): boolean {
    if (this.#locks.get(lock.sessionId) !== lock) return false;
    return this.#locks.delete(lock.sessionId);
  }

  state(sessionId: string): Buffer | undefined {
    return this.#states.get(sessionId);
  }

  setState(sessionId: string, state: Buffer | undefined): void {
    if (state === undefined) this.#states.delete(sessionId);
    else this.#states.set(sessionId, state);
  }
}
