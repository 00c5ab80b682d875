/** Request/response on links named by the client: tokens put on `$cbs`, operations of `<entity>/$management`. */
import type { Connection, Delivery, Message, Sender } from 'rhea';
import type { AccessKey } from './accessSignature.ts';
import { signatureProblem } from './accessSignature.ts';
import { outcomes } from './amqp.ts';
import { BrokerError } from './conditions.ts';
import type { Note } from './consumer.ts';
import { incomingMessage } from './incoming.ts';
import { manage } from './management.ts';
import type { Queue } from './queue.ts';

export interface Request {
  readonly message: Message;
  readonly delivery: Delivery;
  readonly connection: Connection;
}

/** True when the token holds. A token's expiry is the client's machine time, so the machine's clock judges it. */
export function putToken({ message, delivery, connection }: Request, key: AccessKey, note: Note): boolean {
  delivery.accept();
  const problem = signatureProblem(String(message.body), key, Date.now());
  const status = problem === undefined ? { statusCode: 202 } : { statusCode: 401, statusDescription: problem };
  note('putToken', String(message.application_properties?.['name']), String(status.statusCode));
  reply(connection, message, status);
  return problem === undefined;
}

export function answerManagement({ message, delivery, connection }: Request, queue: Queue, note: Note): void {
  delivery.accept();
  const operation = String(message.application_properties?.['operation']).replace('com.microsoft:', '');
  try {
    const { statusCode, body } = manage(queue, message, incomingMessage);
    note(operation, queue.path);
    reply(connection, message, { statusCode }, body);
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    note(operation, queue.path, error.condition);
    const statusCode = error.condition === 'amqp:not-implemented' ? 501 : 410;
    reply(connection, message, { statusCode, statusDescription: error.message, errorCondition: error.condition });
  }
}

/** The reply link is the one whose name the request gives as reply-to. */
function reply(
  connection: Connection,
  request: Message,
  status: Readonly<Record<string, unknown>>,
  body?: unknown,
): void {
  const link = connection.find_sender((candidate: Sender) => candidate.name === request.reply_to);
  const answer = { correlation_id: request.message_id, application_properties: { ...status }, body: body ?? null };
  link?.send(answer as Message).update(true, outcomes.accepted());
}
