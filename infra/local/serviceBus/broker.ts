/**
 * The AMQP side of the broker stand-in: connections, links and requests of clients, each mapped on a queue. Speaks
 * what @azure/service-bus 7.9.5 speaks in emulator mode: plain TCP, SASL ANONYMOUS, a token put on `$cbs`.
 */
import type { Socket } from 'node:net';
import { createServer } from 'node:net';
import type { Connection, Container, Delivery, EventContext, Message, Receiver, Sender } from 'rhea';
import rhea from 'rhea';
import type { WorldClock } from '../world/clock.ts';
import type { AccessKey } from './accessSignature.ts';
import { holdAttach, maxMessageSize, messagesOf, prepareAttach, refuseLink } from './amqp.ts';
import type { Condition } from './conditions.ts';
import { BrokerError } from './conditions.ts';
import type { Disposition, Note } from './consumer.ts';
import { Consumer } from './consumer.ts';
import { incomingMessage } from './incoming.ts';
import type { Queue } from './queue.ts';
import { answerManagement, putToken } from './requests.ts';
import { grantSession, SessionWaiters, sessionFilter } from './sessionWaiters.ts';

export interface BrokerOptions {
  readonly clock: WorldClock;
  readonly key: AccessKey;
  readonly queues: readonly Queue[];
  readonly note: Note;
}

const cbs = '$cbs';
const managementSuffix = '/$management';
const dispositions: readonly Disposition[] = ['accepted', 'rejected', 'released', 'modified'];

export class Broker {
  readonly #options: BrokerOptions;
  readonly #container: Container;
  readonly #entities = new Map<string, Queue>();
  readonly #waiters = new Map<Queue, SessionWaiters>();
  readonly #consumers = new Map<Sender, Consumer>();
  readonly #authorised = new WeakSet<Connection>();
  readonly #sockets = new Set<Socket>();
  readonly #gate = { open: true };
  readonly #server = createServer((socket) => this.#accept(socket));
  readonly errors: unknown[] = [];
  #failures: { remaining: number; condition: Condition } = { remaining: 0, condition: 'amqp:internal-error' };

  constructor(options: BrokerOptions) {
    this.#options = options;
    for (const queue of options.queues.flatMap((entity) => [entity, entity.deadLetters ?? []].flat())) {
      this.#entities.set(queue.path.toLowerCase(), queue);
      this.#waiters.set(queue, new SessionWaiters(queue, options.clock, this.#gate));
    }
    this.#container = rhea.create_container({
      sender_options: { autosettle: false, treat_modified_as_released: false },
      receiver_options: { autoaccept: false, credit_window: 500, max_message_size: maxMessageSize },
    });
    this.#container.sasl_server_mechanisms.enable_anonymous();
    this.#listen();
  }

  listen(port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, '127.0.0.1', () => {
        const address = this.#server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : port);
      });
    });
  }

  async close(): Promise<void> {
    for (const waiters of this.#waiters.values()) waiters.close();
    for (const queue of this.#options.queues) queue.close();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.dropConnections();
    await closed;
  }

  dropConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  failSends(count: number, condition: Condition): void {
    this.#failures = { remaining: count, condition };
  }

  holdDeliveries(ms: number): void {
    this.#gate.open = false;
    this.#options.clock.after(ms, () => {
      this.#gate.open = true;
      for (const waiters of this.#waiters.values()) waiters.serve();
      for (const consumer of this.#consumers.values()) consumer.pump();
    });
  }

  #accept(socket: Socket): void {
    const connection = this.#container.create_connection() as Connection & {
      accept(socket: Socket): void;
      _disconnected(): void;
    };
    this.#sockets.add(socket);
    // Small frames in turn: with Nagle's algorithm every answer would wait for the peer's delayed ACK, about 40 ms.
    socket.setNoDelay(true);
    socket.on('close', () => {
      this.#sockets.delete(socket);
      // rhea says nothing when we destroy the socket ourselves: links would keep their sessions, timers would run on.
      connection._disconnected();
      for (const [link, consumer] of this.#consumers) if (link.connection === connection) this.#forget(consumer);
    });
    connection.accept(socket);
  }

  #listen(): void {
    const on = (event: string, handle: (context: EventContext) => void): void => {
      this.#container.on(event, handle);
    };
    on('sender_open', ({ sender }) => sender !== undefined && this.#guarded(sender, () => this.#openSender(sender)));
    on(
      'receiver_open',
      ({ receiver }) => receiver !== undefined && this.#guarded(receiver, () => this.#openReceiver(receiver)),
    );
    on('message', (context) => this.#receive(context));
    for (const name of dispositions) on(name, ({ sender, delivery }) => this.#settle(name, sender, delivery));
    on('sender_flow', ({ sender }) => this.#consumer(sender)?.pump());
    // Without this answer receiveMessages() hangs until its own timeout. Found by running.
    on('sender_draining', ({ sender }) => sender?.set_drained(true));
    on('sender_close', ({ sender }) => this.#forget(this.#consumer(sender)));
    on('session_close', ({ session }) => {
      for (const [link, consumer] of this.#consumers) if (link.session === session) this.#forget(consumer);
    });
    for (const quiet of [
      'settled',
      'disconnected',
      'connection_close',
      'receiver_close',
      'connection_error',
      'session_error',
    ]) {
      on(quiet, () => {});
    }
    // rhea swallows what a handler throws into this event and drops the connection: keep it for the test to see.
    on('error', (error) => this.errors.push(error));
    on('protocol_error', (error) => this.errors.push(error));
  }

  #guarded(link: Sender | Receiver, open: () => void): void {
    try {
      open();
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      this.#options.note('attach', link.name, error.condition);
      if (link.is_sender()) holdAttach(link as Sender);
      refuseLink(link, error);
    }
  }

  #consumer(link: Sender | undefined): Consumer | undefined {
    return link === undefined ? undefined : this.#consumers.get(link);
  }

  /** A client wants to receive: messages of a queue, or answers to its requests. */
  #openSender(link: Sender): void {
    const address = link.source?.address ?? '';
    prepareAttach(link, { snd_settle_mode: link.snd_settle_mode, rcv_settle_mode: link.rcv_settle_mode });
    link.set_target(link.target);
    link.set_source({ address });
    if (address === cbs || address.endsWith(managementSuffix)) return;
    const queue = this.#entity(address, link.connection);
    const consumer = new Consumer(link, queue, this.#gate, this.#options.note);
    this.#consumers.set(link, consumer);
    this.#openConsumer(consumer, queue);
  }

  #openConsumer(consumer: Consumer, queue: Queue): void {
    const filter = consumer.link.source.filter as Readonly<Record<string, unknown>> | null | undefined;
    const sessionAsked = filter !== undefined && filter !== null && sessionFilter in filter;
    if (sessionAsked !== queue.settings.requiresSession) {
      this.#forget(consumer);
      const wants = queue.settings.requiresSession ? 'requires sessions' : 'has no sessions';
      throw new BrokerError(
        'amqp:not-allowed',
        `The entity ${queue.path} ${wants}; this receiver is not of that kind.`,
      );
    }
    if (!sessionAsked) return;
    const named = filter[sessionFilter];
    if (typeof named === 'string') grantSession(consumer, named);
    else this.#waiters.get(queue)?.wait(consumer);
  }

  /** A client wants to send: messages to a queue, or requests. */
  #openReceiver(link: Receiver): void {
    const address = link.target?.address ?? '';
    link.set_source(link.source);
    link.set_target(link.target);
    if (address === cbs) return;
    this.#entity(address.replace(managementSuffix, ''), link.connection);
  }

  #entity(address: string, connection: Connection): Queue {
    if (!this.#authorised.has(connection)) {
      throw new BrokerError('amqp:unauthorized-access', 'No valid token was put on $cbs of this connection.');
    }
    const queue = this.#entities.get(address.toLowerCase());
    if (queue === undefined) {
      // The SDK tells a missing entity by this wording (core-amqp 4.4.2, errors).
      throw new BrokerError('amqp:not-found', `The messaging entity '${address}' could not be found.`);
    }
    return queue;
  }

  #receive({ message, delivery, receiver, connection }: EventContext): void {
    if (message === undefined || delivery === undefined || receiver === undefined) return;
    const address = receiver.target.address ?? '';
    const request = { message, delivery, connection };
    if (address === cbs) {
      if (putToken(request, this.#options.key, this.#options.note)) this.#authorised.add(connection);
    } else if (address.endsWith(managementSuffix)) {
      const queue = this.#entity(address.replace(managementSuffix, ''), connection);
      answerManagement(request, queue, this.#options.note);
    } else this.#store(message, delivery, this.#entity(address, connection));
  }

  #store(message: Message | Buffer, delivery: Delivery, queue: Queue): void {
    const incoming = messagesOf(message, delivery).map(incomingMessage);
    const target = `${queue.path}/${incoming.map(({ messageId }) => messageId ?? '').join(',')}`;
    try {
      this.#failIfTold();
      const sessionless = queue.settings.requiresSession && incoming.some(({ sessionId }) => !sessionId);
      if (sessionless)
        throw new BrokerError('amqp:not-allowed', 'The entity requires sessions, and a message has no session id.');
      for (const one of incoming) queue.send(one);
      delivery.accept();
      this.#options.note('send', target);
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      delivery.reject(error.amqp);
      this.#options.note('send', target, error.condition);
    }
  }

  #failIfTold(): void {
    if (this.#failures.remaining <= 0) return;
    this.#failures.remaining -= 1;
    throw new BrokerError(this.#failures.condition, 'The stand-in was told to fail this send.');
  }

  #settle(disposition: Disposition, link: Sender | undefined, delivery: Delivery | undefined): void {
    const consumer = this.#consumer(link);
    if (consumer === undefined || delivery === undefined) return;
    consumer.settle(disposition, delivery);
    consumer.pump();
  }

  #forget(consumer: Consumer | undefined): void {
    if (consumer === undefined) return;
    this.#waiters.get(consumer.queue)?.forget(consumer);
    this.#consumers.delete(consumer.link);
    consumer.gone();
  }
}
