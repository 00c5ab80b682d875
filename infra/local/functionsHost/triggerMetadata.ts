/**
 * What a Service Bus trigger hands to the function: the body and the names of ServiceBusTriggerBindingStrategy
 * (single dispatch) of Microsoft.Azure.WebJobs.Extensions.ServiceBus 5.x. The library turns the names to camelCase.
 */
import type { ServiceBusReceivedMessage } from '@azure/service-bus';
import type { TypedData } from './invocations.ts';

/** Text stays text here; the library parses whatever is JSON, so that the body "123" arrives as a number. */
export function messageInput(message: ServiceBusReceivedMessage, dataType: unknown): TypedData {
  const body: unknown = message.body;
  const bytes = Buffer.isBuffer(body) || body instanceof Uint8Array ? Buffer.from(body) : undefined;
  if (dataType === 'binary') return { bytes: bytes ?? Buffer.from(JSON.stringify(body)) };
  if (bytes !== undefined) return { string: bytes.toString('utf8') };
  return typeof body === 'string' ? { string: body } : { json: JSON.stringify(body ?? null) };
}

/** Every number goes as JSON: an RPC integer would reach the function as a Long object. */
export function triggerMetadata(message: ServiceBusReceivedMessage): Readonly<Record<string, TypedData>> {
  const values: Readonly<Record<string, unknown>> = {
    // The .NET client counts this delivery, the JS client only the earlier ones.
    DeliveryCount: (message.deliveryCount ?? 0) + 1,
    DeadLetterSource: message.deadLetterSource,
    LockToken: message.lockToken,
    ExpiresAtUtc: message.expiresAtUtc,
    ExpiresAt: message.expiresAtUtc,
    EnqueuedTimeUtc: message.enqueuedTimeUtc,
    EnqueuedTime: message.enqueuedTimeUtc,
    MessageId: message.messageId,
    ContentType: message.contentType,
    ReplyTo: message.replyTo,
    SequenceNumber: message.sequenceNumber === undefined ? undefined : Number(message.sequenceNumber.toString()),
    To: message.to,
    Subject: message.subject,
    Label: message.subject,
    CorrelationId: message.correlationId,
    ApplicationProperties: message.applicationProperties ?? {},
    UserProperties: message.applicationProperties ?? {},
    SessionId: message.sessionId,
    ReplyToSessionId: message.replyToSessionId,
    PartitionKey: message.partitionKey,
  };
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [[name, typed(value)]])),
  );
}

/** JSON also for text: a session id of digits must stay text on its way through the library's own parsing. */
function typed(value: unknown): TypedData {
  return { json: JSON.stringify(value) };
}
