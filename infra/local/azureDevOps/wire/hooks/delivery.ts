/**
 * Sends hook notifications and treats their failures as Azure DevOps documents it (service-hooks/troubleshoot,
 * 2025-07). Three classes of answer:
 *
 *   410                  terminal:  the subscription is disabled at once
 *   408, 502, 503, 504   transient: the notification is sent again after 1, 2, 4, ... 60 s, then it counts as enduring
 *   any other error      enduring:  the subscription goes on probation with this notification
 *
 * On probation only that one notification is tried again, after 20 min, 40 min, ... 15 h; new events are dropped for
 * good. A success lifts the probation, the seventh failure disables the subscription.
 */
import { hoursMs, minutesMs, secondsMs } from '../../../../../shared/domain/instant.ts';
import type { CancelTimer, WorldClock } from '../../../world/clock.ts';
import type { Random } from '../../../world/random.ts';
import type { JobStateEvent } from '../../events.ts';
import { type HookEvent, hookBody, wants } from './payload.ts';
import { type HookResponse, hookHeaders, type PostHook } from './post.ts';
import type { Subscription, Subscriptions } from './subscription.ts';

const transientDelaysMs: readonly number[] = [1, 2, 4, 8, 16, 32, 60, 60].map(secondsMs);
const probationDelaysMs: readonly number[] = [
  minutesMs(20),
  minutesMs(40),
  minutesMs(80),
  minutesMs(160),
  minutesMs(320),
  minutesMs(640),
  hoursMs(15),
];

/** How a network treats events on top of the documented rules, for tests. */
export interface HookDisorder {
  /** Each notification is sent so often. The first copy's answer counts. */
  readonly times?: number;
  /** Each copy is held back by up to so many ms more, so that events overtake each other. */
  readonly shuffleMs?: number;
  /** An event is lost before it becomes a notification, with this probability. */
  readonly drop?: number;
}

export interface HookDeliveryOptions {
  readonly clock: WorldClock;
  readonly subscriptions: Subscriptions;
  readonly post: PostHook;
  readonly random: Random;
  readonly baseUrl: () => string;
  /** From event to first attempt. About 9 s in recorded payloads (liatrio-otel-collector samples). */
  readonly latencyMs?: number;
  readonly disorder?: HookDisorder;
}

/** serviceHooks.json 7.2, Notification; `filtered` stands for dropped during probation. */
export interface HookNotification {
  readonly id: number;
  readonly subscriptionId: string;
  readonly event: HookEvent;
  status: 'queued' | 'requestInProgress' | 'queuedForRetry' | 'completed';
  result: 'pending' | 'succeeded' | 'failed';
  attempts: number;
  /** The last answer; undefined = none came. */
  lastStatus?: number | undefined;
  /** What the receiver wrote. */
  lastBody?: string | undefined;
  nextRetryAt?: number;
}

/** The real history reaches back seven days; here it is a number. */
const historyLimit = 10_000;

type AnswerClass = 'success' | 'terminal' | 'transient' | 'enduring';

const transientStatuses: readonly (number | undefined)[] = [408, 502, 503, 504];

/** No answer at all counts as enduring: undocumented, and the harsher of the two. */
function classOf(status: number | undefined): AnswerClass {
  if (status !== undefined && status >= 200 && status < 300) return 'success';
  if (status === 410) return 'terminal';
  return transientStatuses.includes(status) ? 'transient' : 'enduring';
}

export class HookDelivery {
  readonly #options: HookDeliveryOptions;
  readonly #notifications: HookNotification[] = [];
  readonly #lastIds = new Map<string, number>();
  readonly #timers = new Set<CancelTimer>();
  #closed = false;
  /** Events that no notification was made of, per cause. */
  readonly dropped = { lost: 0, probation: 0 };

  constructor(options: HookDeliveryOptions) {
    this.#options = options;
  }

  /** What was sent or is waiting to be sent, oldest first. */
  get notifications(): readonly HookNotification[] {
    return this.#notifications;
  }

  /** Tells every subscription that wants it of an event. */
  publish(jobState: JobStateEvent): void {
    const event: HookEvent = { ...jobState, id: guid(this.#options.random) };
    for (const subscription of this.#options.subscriptions.list()) {
      if (wants(subscription.publisherInputs, event)) this.#queue(subscription, event);
    }
  }

  /**
   * Sends an event once and outside all rules, as the Test button does. That of a stored subscription is one of its
   * notifications.
   */
  async sendTest(
    subscription: Pick<Subscription, 'id' | 'resourceVersion' | 'consumerInputs'>,
    event: HookEvent,
  ): Promise<HookNotification> {
    const isStored = this.#options.subscriptions.get(subscription.id) !== undefined;
    const id = isStored ? this.#nextId(subscription.id) : 1;
    const notification: HookNotification = {
      id,
      subscriptionId: subscription.id,
      event,
      status: 'requestInProgress',
      result: 'pending',
      attempts: 1,
    };
    if (isStored) this.#remember(notification);
    const answer = await this.#post(subscription, event, id);
    tell(notification, answer);
    finish(notification, classOf(answer?.status) === 'success' ? 'succeeded' : 'failed');
    return notification;
  }

  close(): void {
    this.#closed = true;
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  #queue(subscription: Subscription, event: HookEvent): void {
    const { disorder = {}, random } = this.#options;
    if (subscription.status === 'onProbation') this.dropped.probation += 1;
    if (subscription.status !== 'enabled') return;
    if (random.chance(disorder.drop ?? 0)) {
      this.dropped.lost += 1;
      return;
    }
    const notification: HookNotification = {
      id: this.#nextId(subscription.id),
      subscriptionId: subscription.id,
      event,
      status: 'queued',
      result: 'pending',
      attempts: 0,
    };
    this.#remember(notification);
    this.#after(this.#latency(), () => this.#attempt(notification, 0));
    for (let copy = 1; copy < (disorder.times ?? 1); copy++) {
      this.#after(this.#latency(), () => this.#sendCopy(notification));
    }
  }

  #nextId(subscriptionId: string): number {
    const id = (this.#lastIds.get(subscriptionId) ?? 0) + 1;
    this.#lastIds.set(subscriptionId, id);
    return id;
  }

  #remember(notification: HookNotification): void {
    this.#notifications.push(notification);
    if (this.#notifications.length > historyLimit) this.#notifications.splice(0, historyLimit / 2);
  }

  #latency(): number {
    const { latencyMs = secondsMs(9), disorder = {}, random } = this.#options;
    const extra = disorder.shuffleMs ?? 0;
    return latencyMs + (extra === 0 ? 0 : random.between(0, extra));
  }

  async #sendCopy(notification: HookNotification): Promise<void> {
    const subscription = this.#options.subscriptions.get(notification.subscriptionId);
    if (subscription?.status === 'enabled') await this.#post(subscription, notification.event, notification.id);
  }

  /** `retry` counts the transient resends so far. */
  async #attempt(notification: HookNotification, retry: number): Promise<void> {
    const subscription = this.#options.subscriptions.get(notification.subscriptionId);
    if (subscription?.status !== 'enabled') return finish(notification, 'failed');
    const answer = await this.#send(subscription, notification);
    if (answer === 'success') return this.#succeed(subscription, notification);
    if (answer === 'terminal') return disable(subscription, notification);
    const delayMs = transientDelaysMs[retry];
    if (answer === 'transient' && delayMs !== undefined) {
      this.#retryAfter(notification, delayMs, () => this.#attempt(notification, retry + 1));
      return;
    }
    // Another notification may have put it on probation meanwhile: only one is tried again.
    if (subscription.status !== 'enabled') return finish(notification, 'failed');
    subscription.status = 'onProbation';
    subscription.probationRetries = 0;
    this.#nextProbationRetry(subscription, notification);
  }

  #nextProbationRetry(subscription: Subscription, notification: HookNotification): void {
    const delayMs = probationDelaysMs[subscription.probationRetries];
    if (delayMs === undefined) disable(subscription, notification);
    else this.#retryAfter(notification, delayMs, () => this.#probationRetry(notification));
  }

  async #probationRetry(notification: HookNotification): Promise<void> {
    const subscription = this.#options.subscriptions.get(notification.subscriptionId);
    if (subscription?.status !== 'onProbation') return finish(notification, 'failed');
    subscription.lastProbationRetryAt = this.#options.clock.now();
    const answer = await this.#send(subscription, notification);
    if (answer === 'success') return this.#succeed(subscription, notification);
    if (answer === 'terminal') return disable(subscription, notification);
    subscription.probationRetries += 1;
    this.#nextProbationRetry(subscription, notification);
  }

  #succeed(subscription: Subscription, notification: HookNotification): void {
    finish(notification, 'succeeded');
    subscription.lastSuccessAt = this.#options.clock.now();
    subscription.probationRetries = 0;
    if (subscription.status === 'onProbation') subscription.status = 'enabled';
  }

  async #send(subscription: Subscription, notification: HookNotification): Promise<AnswerClass> {
    notification.status = 'requestInProgress';
    notification.attempts += 1;
    tell(notification, await this.#post(subscription, notification.event, notification.id));
    return classOf(notification.lastStatus);
  }

  async #post(
    subscription: Pick<Subscription, 'id' | 'resourceVersion' | 'consumerInputs'>,
    event: HookEvent,
    notificationId: number,
  ): Promise<HookResponse | undefined> {
    const body = hookBody(subscription, event, notificationId, this.#options.baseUrl());
    const inputs = subscription.consumerInputs;
    try {
      const answer = await this.#options.post({ url: inputs['url'] ?? '', headers: hookHeaders(inputs), body });
      return typeof answer === 'number' ? { status: answer, body: '' } : answer;
    } catch {
      return undefined;
    }
  }

  #retryAfter(notification: HookNotification, ms: number, run: () => Promise<void>): void {
    notification.status = 'queuedForRetry';
    notification.nextRetryAt = this.#options.clock.now() + ms;
    this.#after(ms, run);
  }

  #after(ms: number, run: () => Promise<void>): void {
    if (this.#closed) return;
    const cancel = this.#options.clock.after(ms, () => {
      this.#timers.delete(cancel);
      void run();
    });
    this.#timers.add(cancel);
  }
}

/** A GUID from seeded randomness, so that a history is told twice alike. */
function guid(random: Random): string {
  const hex = (digits: number): string =>
    random
      .between(0, 16 ** digits - 1)
      .toString(16)
      .padStart(digits, '0');
  return `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(6)}${hex(6)}`;
}

function tell(notification: HookNotification, answer: HookResponse | undefined): void {
  notification.lastStatus = answer?.status;
  notification.lastBody = answer?.body;
}

function finish(notification: HookNotification, result: 'succeeded' | 'failed'): void {
  notification.status = 'completed';
  notification.result = result;
}

function disable(subscription: Subscription, notification: HookNotification): void {
  subscription.status = 'disabledBySystem';
  finish(notification, 'failed');
}
