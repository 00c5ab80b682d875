/**
 * The listener of `run --once`: one session, one job, out. Between messages it only waits; a job runs beside the loop,
 * because its cancellation comes as a message too. Source: Agent.cs, MessageListener.cs, JobDispatcher.cs of
 * azure-pipelines-agent.
 */
import { minutesMs, secondsMs } from '../../../shared/domain/instant.ts';
import type { Clock } from '../../../shared/ports.ts';
import type { AgentClient, Session } from './client.ts';
import { endsAgent, type IncomingMessage, isPassing, Refused, TokenRevoked } from './protocol.ts';
import { runJob } from './worker.ts';

/** Constants.cs of the agent. */
export const exitCodes = { success: 0, terminated: 1, failed: 2 } as const;

/** All in ms. */
export interface ListenerTimes {
  /** After an empty poll; the agent waits 5 to 15 s (MessageListener.cs). */
  readonly afterEmptyPoll: () => number;
  /** Between attempts to open a session, and after a failed poll. */
  readonly retryMs: number;
  /** How long another session of the same agent is waited for. */
  readonly conflictMs: number;
  readonly renewEveryMs: number;
}

export const agentTimes: ListenerTimes = {
  afterEmptyPoll: () => secondsMs(5 + Math.random() * 10),
  retryMs: secondsMs(30),
  conflictMs: minutesMs(4),
  renewEveryMs: secondsMs(60),
};

export interface ListenerProcess {
  readonly client: AgentClient;
  readonly clock: Clock;
  /** The listener is told to end. The entrypoint keeps this from it while a job runs. */
  readonly stop: AbortSignal;
  /** The job, too, must end: the grace is almost over. */
  readonly stopJob: AbortSignal;
  readonly times: ListenerTimes;
  /** Standard output, a line at a time. */
  readonly say?: (line: string) => void;
}

/** The exit code of the process. Rejects only where the process was killed. */
export async function listenOnce(process: ListenerProcess): Promise<number> {
  const session = await openSession(process);
  return session === undefined ? exitCodes.terminated : new Listener(process, session).run();
}

/** undefined = there will be none: the agent is gone, or another session of it outlives all patience. */
async function openSession({ client, clock, stop, times }: ListenerProcess): Promise<Session | undefined> {
  const giveUpAt = clock.now() + times.conflictMs;
  while (!stop.aborted) {
    try {
      return await client.openSession();
    } catch (error) {
      const taken = error instanceof Refused && error.status === 409;
      if (!isPassing(error) && !(taken && clock.now() < giveUpAt)) {
        if (error instanceof Refused || error instanceof TokenRevoked) return undefined;
        throw error;
      }
    }
    await clock.sleep(times.retryMs, stop).catch(() => undefined);
  }
  return undefined;
}

const capitalised = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

class Listener {
  readonly #process: ListenerProcess;
  /** Aborted when no further message is wanted. */
  readonly #done = new AbortController();
  readonly #cancel = new AbortController();
  #session: Session;
  #last = 0;
  #job: Promise<void> | undefined;

  constructor(process: ListenerProcess, session: Session) {
    this.#process = process;
    this.#session = session;
  }

  async run(): Promise<number> {
    const { stop } = this.#process;
    const stopIdle = (): void => {
      if (this.#job === undefined) this.#done.abort();
    };
    if (stop.aborted) stopIdle();
    stop.addEventListener('abort', stopIdle, { once: true });
    try {
      const code = await this.#listen();
      await this.#job;
      // The server may have ended it already; there is nobody left to care.
      await this.#process.client.closeSession(this.#session).catch(() => undefined);
      return code;
    } finally {
      stop.removeEventListener('abort', stopIdle);
    }
  }

  async #listen(): Promise<number> {
    this.#process.say?.('Listening for Jobs');
    while (!this.#done.signal.aborted) {
      try {
        const message = await this.#nextMessage();
        if (message !== undefined) await this.#take(message);
        else await this.#pause(this.#process.times.afterEmptyPoll());
      } catch (error) {
        if (this.#done.signal.aborted) break;
        const code = await this.#recover(error);
        if (code !== undefined) return code;
      }
    }
    return exitCodes.success;
  }

  async #nextMessage(): Promise<IncomingMessage | undefined> {
    return this.#process.client.nextMessage(this.#session, this.#last, this.#done.signal);
  }

  async #take(message: IncomingMessage): Promise<void> {
    this.#last = message.id;
    if (message.kind === 'cancellation') this.#cancel.abort();
    // A second job for an agent that runs once is left to the server: not acknowledged, not run (Agent.cs).
    if (message.kind === 'job' && this.#job !== undefined) return;
    if (message.kind === 'job') {
      const { client, clock, stopJob, times, say } = this.#process;
      const { jobName: name } = message.job;
      say?.(`Running job: ${name}`);
      const cancelled = AbortSignal.any([this.#cancel.signal, stopJob]);
      const running = runJob({ client, clock, job: message.job, cancelled, renewEveryMs: times.renewEveryMs });
      this.#job = running
        .then((result) => result && say?.(`Job ${name} completed with result: ${capitalised(result)}`))
        .finally(() => this.#done.abort());
      // Whoever awaits the loop awaits the job after it; a rejection must not be homeless until then.
      this.#job.catch(() => undefined);
    }
    await this.#process.client.deleteMessage(this.#session, message.id);
  }

  /** What a failed poll means: an exit code, or undefined = go on. */
  async #recover(error: unknown): Promise<number | undefined> {
    if (endsAgent(error)) return exitCodes.success;
    if (error instanceof Refused && error.typeKey === 'TaskAgentSessionExpiredException') {
      const session = await openSession(this.#process);
      if (session === undefined) return exitCodes.terminated;
      this.#session = session;
      this.#last = 0;
      return undefined;
    }
    if (!isPassing(error)) throw error;
    await this.#pause(this.#process.times.retryMs);
    return undefined;
  }

  #pause(ms: number): Promise<void> {
    return this.#process.clock.sleep(ms, this.#done.signal).catch(() => undefined);
  }
}
