/** The steps of the live probe as they are taken: each is told once, and each can be the last. */
import type { ProbeDeps } from './probeDeps.ts';
import type { ProbeStep, ProbeStepId } from './probeReport.ts';
import { probeWords, RequestGiven } from './probeWords.ts';

/** A step without which the next ones make no sense. */
export class StepFailed extends Error {
  override readonly name = 'StepFailed';
  readonly step: ProbeStepId;
  override readonly cause: unknown;

  constructor(step: ProbeStepId, cause: unknown) {
    super(step);
    this.step = step;
    this.cause = cause;
  }
}

/** Rejects as soon as the signal is aborted; what the work still gives is ignored. */
async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  work.catch(() => undefined);
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

interface Seen<T> {
  /** For the person who reads along. */
  readonly text: string;
  readonly value: T;
}

export class ProbeSteps {
  readonly all: ProbeStep[] = [];
  readonly #deps: Pick<ProbeDeps, 'signal' | 'onStep'>;

  constructor(deps: Pick<ProbeDeps, 'signal' | 'onStep'>) {
    this.#deps = deps;
  }

  note(id: ProbeStepId, mark: ProbeStep['mark'], text: string): void {
    const step = { id, mark, text };
    this.all.push(step);
    this.#deps.onStep?.(step);
  }

  /** Rejects with StepFailed, or with the reason of the signal before it begins. */
  async take<T>(id: ProbeStepId, work: () => Promise<Seen<T>>): Promise<T> {
    const { signal } = this.#deps;
    signal.throwIfAborted();
    try {
      // A registration is waited for: looked up before it has arrived, its agent would be missed and stay.
      const { text, value } = await (id === 'register' ? work() : unlessAborted(signal, work()));
      this.note(id, 'passed', text);
      return value;
    } catch (error) {
      if (!signal.aborted) this.note(id, 'failed', probeWords(id, error));
      throw new StepFailed(id, error);
    }
  }

  /** A step whose failure leaves the question no more open; only somebody's job on the agent ends the probe here. */
  async tryOut(id: ProbeStepId, work: () => Promise<string>): Promise<void> {
    try {
      await this.take(id, async () => ({ text: await work(), value: undefined }));
    } catch (error) {
      const ends = error instanceof StepFailed && error.cause instanceof RequestGiven;
      if (ends || this.#deps.signal.aborted) throw error;
    }
  }

  get triedToRegister(): boolean {
    return this.all.some(({ id }) => id === 'register');
  }
}
