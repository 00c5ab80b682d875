/**
 * The few things that rhea's types leave out or get wrong, in one place: encoding of messages with Service Bus'
 * annotations, lock tokens on the wire, links that are answered late, and credit that is spoken for.
 */
import type { Delivery, Message, Receiver, Sender } from 'rhea';
import rhea from 'rhea';
import type { EpochMs } from '../../../shared/domain/instant.ts';
import type { BrokerError } from './conditions.ts';
import type { StoredMessage } from './message.ts';

/** Source: Service Bus documentation, "AMQP 1.0 protocol guide", batch message format; seen from the SDK. */
const batchFormat = 0x80013700;
/** Standard tier. Source: Service Bus documentation, "Quotas". */
export const maxMessageSize = 256 * 1024;

export const outcomes = {
  accepted: (): unknown => codec.accepted({}).described(),
  rejected: (error: BrokerError): unknown => codec.rejected({ error: error.amqp }).described(),
};

type Outcome = (fields: object) => { described(): unknown };

/** rhea's `message` and `types`, with the members that its types leave out. */
const codec = rhea.message as unknown as {
  readonly encode: (message: Message) => Buffer;
  readonly decode: (bytes: Buffer) => Message;
  readonly accepted: Outcome;
  readonly rejected: Outcome;
};
const wrap = rhea.types as unknown as Readonly<
  Record<'wrap_long' | 'wrap_timestamp' | 'wrap_int', (value: unknown) => unknown>
>;

/** The messages of a transfer: one, or those of a batch, each encoded in its own data section. */
export function messagesOf(message: Message | Buffer, delivery: Delivery): readonly Message[] {
  if (!Buffer.isBuffer(message)) return [message];
  if (delivery.format !== batchFormat) return [codec.decode(message)];
  const sections = sectionContent(codec.decode(message).body);
  return (Array.isArray(sections) ? sections : [sections]).map((bytes: Buffer) => codec.decode(bytes));
}

function sectionContent(body: unknown): unknown {
  return typeof body === 'object' && body !== null && 'content' in body ? body.content : body;
}

export const decodeMessage = (bytes: Buffer): Message => codec.decode(bytes);

/** The message as it is delivered or peeked, with what the service adds. */
export function outgoing(message: StoredMessage, lockedUntil: EpochMs | undefined): Message {
  const annotations: Record<string, unknown> = {
    ...message.content.message_annotations,
    'x-opt-sequence-number': wrap.wrap_long(message.sequence),
    'x-opt-enqueued-time': wrap.wrap_timestamp(message.enqueuedAt),
    'x-opt-message-state': wrap.wrap_int({ active: 0, deferred: 1, scheduled: 2 }[message.state]),
  };
  if (lockedUntil !== undefined) annotations['x-opt-locked-until'] = wrap.wrap_timestamp(lockedUntil);
  return {
    ...message.content,
    // The JS receiver fails on a message without id ("no message ID" in its lock renewal), so the broker gives one.
    message_id: message.messageId,
    delivery_count: message.deliveryCount,
    message_annotations: annotations,
  };
}

export const encodeMessage = (message: Message): Buffer => codec.encode(message);

/** A lock token is a .NET GUID as delivery tag: its first three groups are little-endian. Found by running. */
export function deliveryTag(token: string): Buffer {
  const bytes = uuidBytes(token);
  return Buffer.concat([
    Buffer.from(bytes.subarray(0, 4)).reverse(),
    Buffer.from(bytes.subarray(4, 6)).reverse(),
    Buffer.from(bytes.subarray(6, 8)).reverse(),
    bytes.subarray(8),
  ]);
}

export const uuidBytes = (token: string): Buffer => Buffer.from(token.replaceAll('-', ''), 'hex');

export function uuidText(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** 100 ns steps since the year 1, as `com.microsoft:locked-until-utc` wants them. */
export function ticks(at: EpochMs): unknown {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(Math.trunc(at)) * 10_000n + 621_355_968_000_000_000n);
  return wrap.wrap_long(bytes);
}

interface LinkInternals {
  readonly state: { local_open: boolean; open_requests: number };
  readonly local: { readonly attach: Record<string, unknown> };
}

const internals = (link: Sender | Receiver): LinkInternals => link as unknown as LinkInternals;

/** Fields of our half of the attach; only inside the open event, before it is written. */
export function prepareAttach(link: Sender | Receiver, fields: Readonly<Record<string, unknown>>): void {
  Object.assign(internals(link).local.attach, fields);
}

/** rhea answers an attach by itself; inside the open event this takes the answer back until `attach()`. */
export function holdAttach(link: Sender): void {
  const { state } = internals(link);
  state.local_open = false;
  state.open_requests -= 1;
}

/** Answers without a source or target and at once detaches with the error, as AMQP 1.0 (2.6.3) refuses a link. */
export function refuseLink(link: Sender | Receiver, error: BrokerError): void {
  prepareAttach(link, link.is_sender() ? { source: undefined } : { target: undefined });
  link.attach();
  link.close(error.amqp);
}

/** Credit not yet spoken for: rhea lowers `credit` only when it writes, one turn of the loop after `send`. */
export function freeCredit(link: Sender, unsettled: Iterable<Delivery>): number {
  const { credit } = link as unknown as { readonly credit: number };
  const { outgoing: window } = link.session as unknown as {
    readonly outgoing: { readonly next_pending_delivery: number };
  };
  let waiting = 0;
  for (const delivery of unsettled) if (delivery.id >= window.next_pending_delivery) waiting += 1;
  return credit - waiting;
}
