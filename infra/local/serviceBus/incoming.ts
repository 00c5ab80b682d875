import type { Message } from 'rhea';
import type { IncomingMessage } from './queue.ts';

/** What the queue needs to know of a message that was sent. */
export function incomingMessage(content: Message): IncomingMessage {
  const due: unknown = content.message_annotations?.['x-opt-scheduled-enqueue-time'];
  return {
    content,
    messageId: content.message_id === undefined ? undefined : String(content.message_id),
    sessionId: typeof content.group_id === 'string' ? content.group_id : undefined,
    dueAt: due instanceof Date ? due.getTime() : typeof due === 'number' ? due : undefined,
    ttlMs: typeof content.ttl === 'number' ? content.ttl : undefined,
  };
}
