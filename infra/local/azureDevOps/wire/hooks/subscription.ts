/**
 * Service hook subscriptions of one organisation, the little of them that a control plane uses: job-state events of
 * the `pipelines` publisher, sent to a web hook. Other publishers, events and consumers are not modelled and refused.
 */
import { randomUUID } from 'node:crypto';
import type { EpochMs } from '../../../../../shared/domain/instant.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../../../shared/domain/json.ts';

export const jobStateEventType = 'ms.vss-pipelines.job-state-changed-event';

/** serviceHooks.json 7.2, SubscriptionStatus. */
const subscriptionStatuses = [
  'enabled',
  'onProbation',
  'disabledByUser',
  'disabledBySystem',
  'disabledByInactiveIdentity',
] as const;
type SubscriptionStatus = (typeof subscriptionStatuses)[number];

export type Inputs = Readonly<Record<string, string>>;

export interface Subscription {
  readonly id: string;
  readonly createdAt: EpochMs;
  readonly resourceVersion: string;
  publisherInputs: Inputs;
  consumerInputs: Inputs;
  modifiedAt: EpochMs;
  status: SubscriptionStatus;
  /** Failed retries of the present probation. */
  probationRetries: number;
  lastProbationRetryAt?: EpochMs;
  lastSuccessAt?: EpochMs;
}

/** What a client sends to create or change a subscription. */
export interface SubscriptionDraft {
  readonly resourceVersion: string;
  readonly publisherInputs: Inputs;
  readonly consumerInputs: Inputs;
  readonly status?: SubscriptionStatus;
}

export type DraftVerdict =
  | { readonly ok: true; readonly draft: SubscriptionDraft }
  | { readonly ok: false; readonly status: 400 | 501; readonly message: string };

const maskedText = '********';
const confidential: readonly string[] = ['basicAuthPassword', 'httpHeaders'];
const jobStates: readonly string[] = ['', 'Waiting', 'Running', 'Completed'];
const jobResults: readonly string[] = ['', 'Succeeded', 'Skipped', 'Rejected', 'Failed', 'Canceled'];

function inputsOf(value: JsonValue | undefined): Inputs {
  const entries = isJsonObject(value) ? Object.entries(value) : [];
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

function unmodelled(body: JsonObject): string | undefined {
  const expected = {
    publisherId: 'pipelines',
    eventType: jobStateEventType,
    consumerId: 'webHooks',
    consumerActionId: 'httpRequest',
  };
  const wrong = Object.entries(expected).find(([name, value]) => body[name] !== value);
  return wrong === undefined ? undefined : `${wrong[0]} other than "${wrong[1]}"`;
}

function inputProblem(publisher: Inputs, consumer: Inputs): string | undefined {
  if ((publisher['projectId'] ?? '') === '') return 'The publisher input projectId is required.';
  if (!jobStates.includes(publisher['jobStateId'] ?? '')) return 'The publisher input jobStateId has no such value.';
  if (!jobResults.includes(publisher['jobResultId'] ?? '')) return 'The publisher input jobResultId has no such value.';
  return URL.canParse(consumer['url'] ?? '') ? undefined : 'The consumer input url is not a valid URL.';
}

/** Reads a subscription as a client sends it. */
export function readDraft(body: unknown): DraftVerdict {
  if (!isJsonObject(body)) return { ok: false, status: 400, message: 'The body must be a subscription.' };
  const missing = unmodelled(body);
  if (missing !== undefined) return { ok: false, status: 501, message: missing };
  const publisherInputs = inputsOf(body['publisherInputs']);
  const consumerInputs = inputsOf(body['consumerInputs']);
  const problem = inputProblem(publisherInputs, consumerInputs);
  if (problem !== undefined) return { ok: false, status: 400, message: problem };
  const status = subscriptionStatuses.find((known) => known === body['status']);
  const version = body['resourceVersion'];
  const resourceVersion = typeof version === 'string' ? version : '5.1-preview.1';
  return { ok: true, draft: { resourceVersion, publisherInputs, consumerInputs, ...(status && { status }) } };
}

/** Confidential inputs read back masked; a client that writes the mask back keeps the value. */
function unmasked(inputs: Inputs, before: Inputs): Inputs {
  const entries = Object.entries(inputs);
  return Object.fromEntries(entries.map(([key, value]) => [key, value === maskedText ? (before[key] ?? '') : value]));
}

export class Subscriptions {
  readonly #all = new Map<string, Subscription>();

  create(draft: SubscriptionDraft, now: EpochMs): Subscription {
    const { resourceVersion, publisherInputs, consumerInputs, status = 'enabled' } = draft;
    const times = { createdAt: now, modifiedAt: now };
    const id = randomUUID();
    const subscription = {
      id,
      resourceVersion,
      publisherInputs,
      consumerInputs,
      status,
      probationRetries: 0,
      ...times,
    };
    this.#all.set(id, subscription);
    return subscription;
  }

  /** Overwrites the inputs; a subscription that is enabled again starts without a past. */
  change(subscription: Subscription, draft: SubscriptionDraft, now: EpochMs): void {
    subscription.publisherInputs = draft.publisherInputs;
    subscription.consumerInputs = unmasked(draft.consumerInputs, subscription.consumerInputs);
    subscription.modifiedAt = now;
    if (draft.status === undefined || draft.status === subscription.status) return;
    subscription.status = draft.status;
    subscription.probationRetries = 0;
  }

  get(id: string): Subscription | undefined {
    return this.#all.get(id);
  }

  list(): readonly Subscription[] {
    return [...this.#all.values()];
  }

  delete(id: string): boolean {
    return this.#all.delete(id);
  }
}

const iso = (at: EpochMs | undefined): string | undefined =>
  at === undefined ? undefined : new Date(at).toISOString();

/** A subscription on the wire. Members that are undefined are left out by JSON. */
export function subscriptionJson(subscription: Subscription, baseUrl: string): Readonly<Record<string, unknown>> {
  const { id, status, resourceVersion, publisherInputs, probationRetries } = subscription;
  const shown = Object.entries(subscription.consumerInputs).map(([key, value]) => [
    key,
    confidential.includes(key) && value !== '' ? maskedText : value,
  ]);
  return {
    id,
    url: `${baseUrl}/_apis/hooks/subscriptions/${id}`,
    status,
    publisherId: 'pipelines',
    eventType: jobStateEventType,
    resourceVersion,
    consumerId: 'webHooks',
    consumerActionId: 'httpRequest',
    publisherInputs: { ...publisherInputs, tfsSubscriptionId: id },
    consumerInputs: Object.fromEntries(shown),
    probationRetries,
    createdDate: iso(subscription.createdAt),
    modifiedDate: iso(subscription.modifiedAt),
    lastProbationRetryDate: iso(subscription.lastProbationRetryAt),
    lastSuccessfulAttemptDate: iso(subscription.lastSuccessAt),
  };
}
