/**
 * A control plane that can die. Its calls to the outside pass through here: after its death no call begins and no
 * answer arrives, exactly as when a process is killed, while what was already on its way still takes effect.
 */
export interface Crash {
  /** The how-manieth call of all mortals, counted from 0. */
  readonly atCall: number;
  readonly when: 'before' | 'after';
}

/** Counts the calls of all control planes of a history; the enumeration of crashes runs over this count. */
export class CallCounter {
  count = 0;
}

export class Mortal {
  readonly #counter: CallCounter;
  readonly #crash: Crash | undefined;
  readonly #onDeath: () => void;
  alive = true;

  constructor(counter: CallCounter, crash: Crash | undefined, onDeath: () => void) {
    this.#counter = counter;
    this.#crash = crash;
    this.#onDeath = onDeath;
  }

  die(): void {
    if (!this.alive) return;
    this.alive = false;
    this.#onDeath();
  }

  async #call<T>(run: () => Promise<T>): Promise<T> {
    if (!this.alive) return silence();
    const crashes = this.#counter.count++ === this.#crash?.atCall ? this.#crash.when : undefined;
    if (crashes === 'before') {
      this.die();
      return silence();
    }
    try {
      const value = await run();
      if (crashes === 'after') this.die();
      return this.alive ? value : await silence<T>();
    } catch (error) {
      if (crashes === 'after') this.die();
      if (!this.alive) return silence();
      throw error;
    }
  }

  /** The same port, whose calls die with their caller. */
  through<P extends object>(port: P): P {
    return new Proxy(port, {
      get: (target, property) => {
        const member: unknown = Reflect.get(target, property);
        if (typeof member !== 'function') return member;
        return (...parameters: unknown[]) => this.#call(async () => Reflect.apply(member, target, parameters));
      },
    });
  }
}

/** What the dead hear. */
function silence<T>(): Promise<T> {
  return new Promise<T>(() => undefined);
}
