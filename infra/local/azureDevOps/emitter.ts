import type { Unsubscribe } from './events.ts';

/** Listeners of one kind of event, called in the order in which they came. */
export class Emitter<Event> {
  readonly #listeners = new Set<(event: Event) => void>();

  subscribe(listener: (event: Event) => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  emit(event: Event): void {
    for (const listener of this.#listeners) listener(event);
  }
}
