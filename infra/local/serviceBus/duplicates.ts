import type { EpochMs } from '../../../shared/domain/instant.ts';

/**
 * The ids seen in the window. An id stays known after its message was completed, expired or cancelled: detection
 * looks at what was sent, not at what still waits. Source: Service Bus documentation, "Duplicate detection".
 */
export class DuplicateHistory {
  readonly #windowMs: number;
  readonly #seen = new Map<string, EpochMs>();

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /** True when the id was sent inside the window; otherwise notes it. A duplicate does not extend the window. */
  isDuplicate(messageId: string, now: EpochMs): boolean {
    for (const [id, at] of this.#seen) {
      if (now - at < this.#windowMs) break;
      this.#seen.delete(id);
    }
    if (this.#seen.has(messageId)) return true;
    this.#seen.set(messageId, now);
    return false;
  }
}
