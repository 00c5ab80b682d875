/**
 * The intent queue over Azure Service Bus: one client, one connection and one sender link in each process, opened by
 * the first message. Sending again is harmless: duplicate detection drops what the queue already has.
 */

import type { UpstreamErrorKind } from '../../domain/errors.ts';
import { UpstreamError } from '../../domain/errors.ts';
import type { IntentMessage } from '../../domain/intent.ts';
import type { Secret } from '../../domain/secret.ts';
import type { IntentQueue, TokenSource } from '../../ports.ts';
import { once } from '../retry.ts';
import { tokenCredential } from './tokenCredential.ts';

export interface ServiceBusQueueOptions {
  readonly access:
    | { readonly kind: 'connectionString'; readonly connectionString: Secret }
    /** For example contoso.servicebus.windows.net. */
    | { readonly kind: 'namespace'; readonly namespace: string; readonly tokens: TokenSource };
  readonly queue: string;
  /** Of one `send`, connecting included. */
  readonly timeoutMs?: number;
}

export interface ServiceBusQueue extends IntentQueue {
  /** Ends the connection, for tests and a tidy exit. */
  close(): Promise<void>;
}

/** One round trip per session of the messages, and more only beyond what one batch may hold. */
export function serviceBusIntentQueue(options: ServiceBusQueueOptions): ServiceBusQueue {
  const { timeoutMs = 5_000 } = options;
  const connection = once(() => connect(options, timeoutMs));
  let opened = false;
  return {
    send: async (messages) => {
      if (messages.length === 0) return;
      opened = true;
      const abortSignal = AbortSignal.timeout(timeoutMs);
      try {
        const { sender } = await connection();
        const sessions = Map.groupBy(messages, (message) => message.sessionId);
        await Promise.all([...sessions.values()].map((group) => sendAll(sender, group, abortSignal)));
      } catch (error) {
        throw classified(error, abortSignal.aborted);
      }
    },
    close: async () => {
      if (opened) await (await connection()).client.close();
    },
  };
}

type Connection = Awaited<ReturnType<typeof connect>>;
type Sender = Connection['sender'];

/**
 * Of the whole patience, for each of two attempts. A message that is written to a connection which has just broken gets
 * no answer and no error; only the second attempt makes a new connection (7.9.5, seen).
 */
const attemptShare = 0.4;

async function connect({ access, queue }: ServiceBusQueueOptions, timeoutMs: number) {
  const sdk = await import('./serviceBusSdk.ts');
  const timeoutInMs = Math.ceil(timeoutMs * attemptShare);
  const settings = { retryOptions: { maxRetries: 1, retryDelayInMs: 100, timeoutInMs } };
  const client =
    access.kind === 'connectionString'
      ? new sdk.ServiceBusClient(access.connectionString.reveal(), settings)
      : new sdk.ServiceBusClient(access.namespace, tokenCredential(access.tokens), settings);
  return { client, sender: client.createSender(queue) };
}

/** All of one session: a batch carries the session of its first message, and a partitioned queue believes it. */
async function sendAll(sender: Sender, messages: readonly IntentMessage[], abortSignal: AbortSignal): Promise<void> {
  let batch = await sender.createMessageBatch({ abortSignal });
  for (const message of messages.map(toServiceBus)) {
    if (batch.tryAddMessage(message)) continue;
    const full = batch;
    batch = await sender.createMessageBatch({ abortSignal });
    if (!batch.tryAddMessage(message)) throw failure('invalid', 'a message is larger than a batch');
    await sender.sendMessages(full, { abortSignal });
  }
  await sender.sendMessages(batch, { abortSignal });
}

function toServiceBus(message: IntentMessage) {
  return {
    sessionId: message.sessionId,
    messageId: message.messageId,
    body: message.body,
    contentType: 'application/json',
    ...(message.dueAt !== undefined && { scheduledEnqueueTimeUtc: new Date(message.dueAt) }),
  };
}

const kinds: Readonly<Record<string, UpstreamErrorKind>> = {
  UnauthorizedAccess: 'unauthorized',
  MessagingEntityNotFound: 'notFound',
  MessagingEntityDisabled: 'unavailable',
  MessageSizeExceeded: 'invalid',
  QuotaExceeded: 'throttled',
  ServiceBusy: 'throttled',
  ServiceTimeout: 'timeout',
  ServiceCommunicationProblem: 'unavailable',
};

function classified(error: unknown, expired: boolean): UpstreamError {
  if (error instanceof UpstreamError) return error;
  // Of attempts that failed in different ways the SDK throws all; the last one tells how things stand.
  if (error instanceof AggregateError && error.errors.length > 0) return classified(error.errors.at(-1), expired);
  const { code = '', name } = error as { readonly code?: string; readonly name?: string };
  const kind = kinds[code] ?? (isPassing(error) ? 'unavailable' : 'unexpected');
  return failure(expired || name === 'AbortError' ? 'timeout' : kind, code || name, error);
}

/** A connection that is refused or not found comes as GeneralError, with the system's code in its message only. */
function isPassing(error: unknown): boolean {
  const { retryable, message } = error as { readonly retryable?: boolean; readonly message?: string };
  return retryable === true || /^E[A-Z_]{3,}\b/.test(message ?? '');
}

function failure(kind: UpstreamErrorKind, detail: string | undefined, cause?: unknown): UpstreamError {
  return new UpstreamError({ upstream: 'serviceBus', operation: 'sending intents', kind, detail }, { cause });
}
