import type { Message } from 'rhea';
import type { EpochMs } from '../../../shared/domain/instant.ts';

export type MessageState = 'active' | 'scheduled' | 'deferred';

/** A message as the queue keeps it. Everything that changes while it waits is here; the content is as it was sent. */
export interface StoredMessage {
  readonly sequence: number;
  readonly messageId: string;
  readonly sessionId: string | undefined;
  readonly content: Message;
  /** When it became, or will become, visible. */
  enqueuedAt: EpochMs;
  expiresAt: EpochMs;
  state: MessageState;
  /** Earlier deliveries that failed. */
  deliveryCount: number;
  lock: MessageLock | undefined;
}

export interface MessageLock {
  /** A UUID in its usual text form. */
  readonly token: string;
  /** Infinity inside a session: there the session's lock counts. */
  until: EpochMs;
  /** The session's lock that it hangs on; undefined on queues without sessions. */
  readonly session: SessionLock | undefined;
}

export interface SessionLock {
  readonly sessionId: string;
  /** The link that holds it; told when the lock is lost. */
  readonly owner: SessionOwner;
  until: EpochMs;
}

export interface SessionOwner {
  readonly linkName: string;
  lockLost(): void;
}

/** What tests and people may see of a message. */
export interface MessageSnapshot {
  readonly sequence: number;
  readonly messageId: string;
  readonly sessionId: string | undefined;
  readonly state: MessageState;
  readonly deliveryCount: number;
  readonly locked: boolean;
  readonly enqueuedAt: EpochMs;
  readonly expiresAt: EpochMs;
  readonly body: unknown;
  readonly applicationProperties: Readonly<Record<string, unknown>>;
}

export function snapshotOf(message: StoredMessage): MessageSnapshot {
  return {
    sequence: message.sequence,
    messageId: message.messageId,
    sessionId: message.sessionId,
    state: message.state,
    deliveryCount: message.deliveryCount,
    locked: message.lock !== undefined,
    enqueuedAt: message.enqueuedAt,
    expiresAt: message.expiresAt,
    body: readBody(message.content),
    applicationProperties: { ...message.content.application_properties },
  };
}

/** The SDKs send JSON text as one data section; anything else is shown as it is. */
function readBody(content: Message): unknown {
  const section: unknown = content.body;
  const bytes = isSection(section) ? section.content : section;
  if (!Buffer.isBuffer(bytes)) return bytes;
  const text = bytes.toString('utf8');
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function isSection(value: unknown): value is { readonly content: unknown } {
  return typeof value === 'object' && value !== null && 'typecode' in value && 'content' in value;
}

/** May be handed out now. */
export function isAvailable(message: StoredMessage): boolean {
  return message.state === 'active' && message.lock === undefined;
}

/** Abandon and defer may set application properties. */
export function modify(message: StoredMessage, properties: object): void {
  message.content.application_properties = { ...message.content.application_properties, ...properties };
}

/** When something happens to it by itself: its lock ends, it becomes visible or it expires. */
export function nextInstant(message: StoredMessage): EpochMs {
  if (message.lock !== undefined) return message.lock.until;
  return message.state === 'scheduled' ? message.enqueuedAt : message.expiresAt;
}
