/**
 * Service Bus queue triggers, single dispatch. Source: ServiceBusListener of the WebJobs extension 5.x and
 * ServiceBusSessionProcessor / SessionReceiverManager of Azure.Messaging.ServiceBus (Azure/azure-sdk-for-net). A
 * session is served message by message until it stays empty for the idle time; then the next one gets its turn.
 */
import type { ServiceBusReceivedMessage, ServiceBusReceiver, ServiceBusSessionReceiver } from '@azure/service-bus';
import { ServiceBusClient } from '@azure/service-bus';
import type { DispatchGate } from './dispatchGate.ts';
import type { ServiceBusOptions } from './hostJson.ts';
import type { InvocationRequest, InvocationResult } from './invocations.ts';
import { limited } from './limited.ts';
import { messageInput, triggerMetadata } from './triggerMetadata.ts';

export interface QueueTrigger {
  readonly queueName: string;
  readonly connectionString: string;
  readonly isSessionsEnabled: boolean;
  readonly autoComplete: boolean;
  readonly dataType: unknown;
}

export interface ListenerParts {
  readonly options: ServiceBusOptions;
  readonly gate: DispatchGate;
  readonly dispatch: (request: InvocationRequest) => Promise<InvocationResult>;
  readonly log: (level: string, text: string) => void;
}

/**
 * Processor defaults of the .NET client: 0.8 s exponential, three times. It asks for a session 60 s long; here it is
 * 1 s, because the JS SDK cannot take a pending accept back: its timer would keep the process alive after close.
 */
const retryOptions = { maxRetries: 3, retryDelayInMs: 800, mode: 0, timeoutInMs: 1_000 } as const;
const acceptLimitMs = 2_000;
/** An SDK call made in the turn in which its connection breaks waits a minute or for ever; the host goes on sooner. */
const answerLimitMs = 5_000;
const pauseAfterErrorMs = 200;

export class ServiceBusListener {
  readonly #trigger: QueueTrigger;
  readonly #parts: ListenerParts;
  readonly #client: ServiceBusClient;
  readonly #sessions = new Set<ServiceBusSessionReceiver>();
  readonly #stop = new AbortController();
  #receiver: ServiceBusReceiver | undefined;
  #accepting: Promise<unknown> = Promise.resolve();

  constructor(trigger: QueueTrigger, parts: ListenerParts) {
    this.#trigger = trigger;
    this.#parts = parts;
    this.#client = new ServiceBusClient(trigger.connectionString, { retryOptions });
  }

  start(): void {
    if (!this.#trigger.isSessionsEnabled) this.#subscribe();
    else for (let slot = 0; slot < this.#parts.options.maxConcurrentSessions; slot += 1) void this.#serveSessions();
  }

  /** Takes nothing new from now on; what runs goes on. */
  async pause(): Promise<void> {
    this.#stop.abort();
    await this.#receiver?.close();
  }

  async close(): Promise<void> {
    await this.pause();
    await limited(acceptLimitMs, this.#accepting).catch(() => {});
    await Promise.allSettled([...this.#sessions].map((session) => limited(answerLimitMs, session.close())));
    await this.#client.close();
  }

  /** Sessions in hand are let go at once, in the middle of their work; the broker gives them to whoever asks. */
  loseLocks(): void {
    for (const session of this.#sessions) void session.close();
  }

  async #serveSessions(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const session = await this.#accept();
      if (session === undefined) continue;
      this.#sessions.add(session);
      try {
        await this.#serve(session);
      } catch (error) {
        this.#failed('receiving', error);
      }
      this.#sessions.delete(session);
      await limited(answerLimitMs, session.close()).catch((error: unknown) => this.#failed('closing a session', error));
    }
  }

  /** One accept at a time: the processor, too, asks for few at once and so spares the broker. */
  #accept(): Promise<ServiceBusSessionReceiver | undefined> {
    const next = this.#accepting.then(() => this.#acceptNow());
    this.#accepting = next;
    return next;
  }

  async #acceptNow(): Promise<ServiceBusSessionReceiver | undefined> {
    if (this.#stop.signal.aborted) return undefined;
    // Renewal counts from here and is not prolonged by messages: a session that is never idle loses its lock then.
    const accepting = this.#client.acceptNextSession(this.#trigger.queueName, {
      maxAutoLockRenewalDurationInMs: this.#parts.options.maxAutoLockRenewalMs,
      skipParsingBodyAsJson: true,
    });
    try {
      return await limited(acceptLimitMs, accepting);
    } catch (error) {
      // A session that comes late after all must not stay locked by nobody.
      accepting.then((late) => late.close()).catch(() => {});
      if (this.#stop.signal.aborted || codeOf(error) === 'ServiceTimeout') return undefined;
      this.#failed('accepting a session', error);
      await new Promise((resolve) => setTimeout(resolve, pauseAfterErrorMs));
      return undefined;
    }
  }

  async #serve(session: ServiceBusSessionReceiver): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const { sessionIdleMs } = this.#parts.options;
      const receiving = session.receiveMessages(1, { maxWaitTimeInMs: sessionIdleMs });
      const [message] = await limited(sessionIdleMs + answerLimitMs, receiving);
      if (message === undefined || session.isClosed) return;
      if (!(await this.#process(session, message))) return;
    }
  }

  #subscribe(): void {
    this.#receiver = this.#client.createReceiver(this.#trigger.queueName, {
      maxAutoLockRenewalDurationInMs: this.#parts.options.maxAutoLockRenewalMs,
      skipParsingBodyAsJson: true,
    });
    const receiver = this.#receiver;
    receiver.subscribe(
      {
        processMessage: async (message) => {
          await this.#process(receiver, message);
        },
        processError: async ({ error }) => this.#failed('receiving', error),
      },
      { autoCompleteMessages: false, maxConcurrentCalls: this.#parts.options.maxConcurrentCalls },
    );
  }

  /** False = the lock is gone and the session with it. */
  async #process(
    receiver: ServiceBusReceiver | ServiceBusSessionReceiver,
    message: ServiceBusReceivedMessage,
  ): Promise<boolean> {
    await this.#parts.gate.pass();
    const result = await this.#parts.dispatch({
      reason: 'serviceBus',
      input: messageInput(message, this.#trigger.dataType),
      triggerMetadata: triggerMetadata(message),
      traceparent: traceparentOf(message),
    });
    if (result.ok && !this.#trigger.autoComplete) return true;
    try {
      const settling = result.ok ? receiver.completeMessage(message) : receiver.abandonMessage(message);
      await limited(answerLimitMs, settling);
      return true;
    } catch (error) {
      this.#failed(result.ok ? 'completing' : 'abandoning', error);
      return codeOf(error) !== 'SessionLockLost';
    }
  }

  #failed(doing: string, error: unknown): void {
    if (this.#stop.signal.aborted) return;
    this.#parts.log('warning', `Message processing error (${doing} ${this.#trigger.queueName}): ${String(error)}`);
  }
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}

function traceparentOf(message: ServiceBusReceivedMessage): string | undefined {
  const id = message.applicationProperties?.['Diagnostic-Id'];
  return typeof id === 'string' ? id : undefined;
}
