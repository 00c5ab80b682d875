/**
 * The request/response operations of `<entity>/$management`. Source: Service Bus documentation, "AMQP 1.0 in Service
 * Bus: request-response-based operations"; shapes as SDK 7.9.5 sends and reads them. What is not here answers 501.
 */
import type { Message } from 'rhea';
import rhea from 'rhea';
import { decodeMessage, encodeMessage, outgoing, uuidBytes, uuidText } from './amqp.ts';
import { BrokerError } from './conditions.ts';
import type { IncomingMessage, Queue } from './queue.ts';

export interface ManagementReply {
  readonly statusCode: number;
  readonly body?: unknown;
}

type Body = Readonly<Record<string, unknown>>;
type Operation = (queue: Queue, body: Body, receive: (message: Message) => IncomingMessage) => ManagementReply;

const { wrap_array, wrap_list, wrap_map, wrap_binary, wrap_timestamp, wrap_uuid } = rhea.types as unknown as Record<
  'wrap_array' | 'wrap_list' | 'wrap_map' | 'wrap_binary' | 'wrap_timestamp' | 'wrap_uuid',
  (value: unknown, code?: number) => unknown
>;
const timestampCode = 0x83;
const longCode = 0x81;

const operations: Readonly<Record<string, Operation>> = {
  'com.microsoft:renew-lock': (queue, body) => {
    const until = buffersIn(body, 'lock-tokens').map((token) => longBytes(queue.renewLock(uuidText(token))));
    return { statusCode: 200, body: { expirations: wrap_array(until, timestampCode) } };
  },
  'com.microsoft:renew-session-lock': (queue, body) => ({
    statusCode: 200,
    body: { expiration: wrap_timestamp(queue.renewSession(textIn(body, 'session-id'))) },
  }),
  'com.microsoft:set-session-state': (queue, body) => {
    const sessionId = textIn(body, 'session-id');
    queue.sessions.get(sessionId);
    const state = body['session-state'];
    queue.sessions.setState(sessionId, Buffer.isBuffer(state) ? state : undefined);
    return { statusCode: 200 };
  },
  'com.microsoft:get-session-state': (queue, body) => {
    const sessionId = textIn(body, 'session-id');
    queue.sessions.get(sessionId);
    const state = queue.sessions.state(sessionId);
    return { statusCode: 200, body: { 'session-state': state === undefined ? null : wrap_binary(state) } };
  },
  'com.microsoft:schedule-message': (queue, body, receive) => {
    const messages = listIn(body, 'messages').map((entry) => receive(decodeMessage(bufferIn(entry, 'message'))));
    const sequences = messages.map((message) => longBytes(queue.send(message)));
    return { statusCode: 200, body: { 'sequence-numbers': wrap_array(sequences, longCode) } };
  },
  'com.microsoft:cancel-scheduled-message': (queue, body) => {
    queue.cancelScheduled(sequencesIn(body));
    return { statusCode: 200 };
  },
  'com.microsoft:peek-message': (queue, body) => {
    const sessionId = typeof body['session-id'] === 'string' ? body['session-id'] : undefined;
    const found = queue.peek(numberIn(body, 'from-sequence-number'), numberIn(body, 'message-count'), sessionId);
    if (found.length === 0) return { statusCode: 204 };
    const messages = found.map((message) =>
      wrap_map({ message: wrap_binary(encodeMessage(outgoing(message, undefined))) }),
    );
    return { statusCode: 200, body: { messages: wrap_list(messages) } };
  },
  'com.microsoft:receive-by-sequence-number': (queue, body) => {
    const session = typeof body['session-id'] === 'string' ? queue.sessions.get(body['session-id']) : undefined;
    const locked = sequencesIn(body).map((sequence) => queue.lockDeferred(sequence, session));
    const messages = locked.map((message) => {
      const token = message.lock?.token ?? '';
      const encoded = encodeMessage(outgoing(message, session?.until ?? message.lock?.until));
      // receiver-settle-mode 0 = receiveAndDelete.
      if (body['receiver-settle-mode'] === 0) queue.complete(token);
      return wrap_map({ 'lock-token': wrap_uuid(uuidBytes(token)), message: wrap_binary(encoded) });
    });
    return { statusCode: 200, body: { messages: wrap_list(messages) } };
  },
  'com.microsoft:update-disposition': (queue, body) => {
    for (const token of buffersIn(body, 'lock-tokens').map(uuidText)) updateDisposition(queue, token, body);
    return { statusCode: 200 };
  },
};

/** Rejects with BrokerError; an operation that is not modelled says so. */
export function manage(
  queue: Queue,
  request: Message,
  receive: (message: Message) => IncomingMessage,
): ManagementReply {
  const name = String(request.application_properties?.['operation']);
  const operation = operations[name];
  if (operation === undefined) {
    throw new BrokerError('amqp:not-implemented', `${name} on ${queue.path} is not modelled by this stand-in.`);
  }
  return operation(queue, isRecord(request.body) ? request.body : {}, receive);
}

function updateDisposition(queue: Queue, token: string, body: Body): void {
  const properties = isRecord(body['properties-to-modify']) ? body['properties-to-modify'] : {};
  const status = body['disposition-status'];
  const cause = {
    reason: optionalText(body, 'deadletter-reason'),
    description: optionalText(body, 'deadletter-description'),
  };
  if (status === 'completed') queue.complete(token);
  else if (status === 'abandoned') queue.abandon(token, properties);
  else if (status === 'defered') queue.defer(token, properties);
  else if (status === 'suspended') queue.deadLetter(token, cause, properties);
  else throw new BrokerError('amqp:not-implemented', `disposition ${String(status)} is not modelled.`);
}

/** Arrays take raw 8-byte values; numbers above 2^32 are not written right otherwise. */
function longBytes(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(Math.trunc(value)));
  return bytes;
}

function isRecord(value: unknown): value is Body {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function toNumber(value: unknown): number {
  if (Buffer.isBuffer(value)) return Number(value.readBigInt64BE());
  return Number(value);
}

const textIn = (body: Body, key: string): string => String(body[key]);
const optionalText = (body: Body, key: string): string | undefined =>
  typeof body[key] === 'string' ? body[key] : undefined;
const numberIn = (body: Body, key: string): number => toNumber(body[key]);

function listIn(body: Body, key: string): readonly Body[] {
  const value = body[key];
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

function bufferIn(body: Body, key: string): Buffer {
  const value = body[key];
  if (!Buffer.isBuffer(value)) throw new BrokerError('amqp:not-allowed', `${key} is missing.`);
  return value;
}

function buffersIn(body: Body, key: string): readonly Buffer[] {
  const value = body[key];
  return Array.isArray(value) ? value.filter((entry) => Buffer.isBuffer(entry)) : [];
}

function sequencesIn(body: Body): readonly number[] {
  const value = body['sequence-numbers'];
  return Array.isArray(value) ? value.map(toNumber) : [];
}
