/**
 * What the listener hears while the probe goes on. A poll is always open, as with a real agent, so that a deletion meets
 * a listener that waits. Messages are left where they are.
 */
import { hasErrorKind, UpstreamError } from '../domain/errors.ts';
import type { Clock } from '../ports.ts';
import type { ProbeListener } from './probeDeps.ts';

/** A job, by its present name and by that of old servers (azure-pipelines-agent MessageListener.cs). */
const jobMessages: ReadonlySet<string> = new Set(['PipelineAgentJobRequest', 'JobRequest']);

export class ListenerEar {
  readonly #clock: Clock;
  readonly #stopped = new AbortController();
  readonly #ended: Promise<string | undefined>;
  #heardJob = false;

  /** Begins to listen. */
  constructor(listener: ProbeListener, clock: Clock) {
    this.#clock = clock;
    this.#ended = this.#listen(listener);
  }

  get heardJob(): boolean {
    return this.#heardJob;
  }

  /** How listening ended: an answer that is no message, or the type of a message. Resolves always. */
  async #listen(listener: ProbeListener): Promise<string | undefined> {
    const { signal } = this.#stopped;
    try {
      for (;;) {
        const message = await listener.poll(signal);
        if (signal.aborted) return undefined;
        if (message === undefined) continue;
        this.#heardJob = jobMessages.has(message);
        return `the message ${message}`;
      }
    } catch (error) {
      const isAnswer = error instanceof UpstreamError && !hasErrorKind(error, 'unavailable', 'timeout', 'throttled');
      if (signal.aborted || !isAnswer) return undefined;
      return [error.status, error.detail].filter((part) => part !== undefined).join(' ') || error.kind;
    }
  }

  /** What listening ended with, within `ms`; undefined = nothing yet, or no answer at all. */
  async answer(ms: number, signal: AbortSignal): Promise<string | undefined> {
    const heard = new AbortController();
    const patience = this.#clock.sleep(ms, AbortSignal.any([signal, heard.signal])).catch(() => undefined);
    try {
      return (await Promise.race([this.#ended, patience])) ?? undefined;
    } finally {
      heard.abort();
    }
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#ended;
  }
}
