/**
 * The HookSubscriptions port over the service hooks API (vsts-rest-api-specs, serviceHooks.json 7.2). A subscription's
 * password reads back masked, and whether a mask that is written back keeps it is documented nowhere: what is written is
 * always whole.
 */
import { z } from 'zod';
import { defined } from '../../domain/defined.ts';
import { UpstreamError } from '../../domain/errors.ts';
import { type HookSubscription, hookSubscriptionStatuses } from '../../domain/hookSecret.ts';
import type { JsonObject } from '../../domain/json.ts';
import type { HookCredential, HookSubscriptions, HookTest } from '../../ports/hooks.ts';
import type { Clock } from '../../ports.ts';
import { systemClock } from '../system.ts';
import type { AzureDevOpsRest } from './rest.ts';
import { readWire } from './wire.ts';

const root = '_apis/hooks';
const version = { 'api-version': '7.1' } as const;
/** The publisher of job states, and the consumer that calls an address. */
const ours = { publisherId: 'pipelines', consumerId: 'webHooks' } as const;

const inputs = z.record(z.string(), z.string().nullish());

const subscriptionSchema = z.object({
  id: z.string(),
  status: z.enum(hookSubscriptionStatuses),
  publisherId: z.string(),
  eventType: z.string(),
  resourceVersion: z.string().nullish(),
  consumerId: z.string(),
  consumerActionId: z.string(),
  publisherInputs: inputs,
  consumerInputs: inputs,
});
type Subscription = z.output<typeof subscriptionSchema>;

const listSchema = z
  .object({ count: z.number().int(), value: z.array(subscriptionSchema) })
  .refine(({ count, value }) => count === value.length, 'count is not the number of entries');

const notificationSchema = z.object({
  id: z.number().int(),
  status: z.string(),
  result: z.string().nullish(),
  details: z
    .object({
      response: z.string().nullish(),
      errorMessage: z.string().nullish(),
    })
    .nullish(),
});
type Notification = z.output<typeof notificationSchema>;

/** What the host routes by: it knows neither capitals nor a slash at the end (Functions 4, HTTP routes). */
function placeOf(address: string): string | undefined {
  const url = URL.parse(address);
  return url === null ? undefined : `${url.origin}${url.pathname.toLowerCase().replace(/\/+$/, '')}`;
}

/** One that was overlooked for how it is written would go on with a secret that is dropped. */
const sameUrl = (one: string | null | undefined, other: string): boolean =>
  one != null && placeOf(one) !== undefined && placeOf(one) === placeOf(other);

/** Those that call `url`, by the organisation that `rest` speaks to. */
export function hookSubscriptions(
  rest: AzureDevOpsRest,
  url: string,
  clock: Pick<Clock, 'sleep'> = systemClock,
): HookSubscriptions {
  const wire = subscriptionWire(rest);
  return {
    list: async (projectId) => {
      const wanted = projectId.toLowerCase();
      const all = await wire.list();
      return all
        .filter(({ publisherInputs: { projectId: id } }) => id?.toLowerCase() === wanted)
        .filter(({ consumerInputs }) => sameUrl(consumerInputs['url'], url))
        .map((each) => described(each, projectId));
    },
    write: async ({ id }, credential) => {
      const whole = withCredential(await wire.get(id), credential);
      await wire.put(id, whole);
    },
    rehearse: async ({ id }, credential) => {
      const sent = await wire.test({ details: withCredential(await wire.get(id), credential) });
      return outcomeOf(sent);
    },
    test: async ({ id }, credential) => {
      const details = withCredential(await wire.get(id), credential);
      return outcomeOf(await ended(wire, clock, id, await wire.test({ subscriptionId: id, details })));
    },
  };
}

function described({ id, status, consumerInputs }: Subscription, projectId: string): HookSubscription {
  return { id, status, projectId, userName: consumerInputs['basicAuthUsername'] ?? '' };
}

/** What the server adds to the inputs by itself. */
const added: readonly string[] = ['tfsSubscriptionId', 'hostId'];
/** Read back masked. Headers may hold a former secret, and Mayfly needs none. */
const confidential: readonly string[] = ['basicAuthUsername', 'basicAuthPassword', 'httpHeaders'];

const without = (values: Subscription['publisherInputs'], names: readonly string[]): JsonObject =>
  Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (value == null || names.includes(name) ? [] : [[name, value]])),
  );

/** A subscription with all its inputs. One that a person has disabled stays disabled, any other is enabled. */
function withCredential(subscription: Subscription, { userName, password }: HookCredential): JsonObject {
  const { id, publisherId, eventType, resourceVersion, consumerId, consumerActionId, status } = subscription;
  return {
    id,
    publisherId,
    eventType,
    ...(resourceVersion != null && { resourceVersion }),
    consumerId,
    consumerActionId,
    publisherInputs: without(subscription.publisherInputs, added),
    consumerInputs: {
      ...without(subscription.consumerInputs, confidential),
      basicAuthUsername: userName,
      basicAuthPassword: password.reveal(),
    },
    status: status === 'disabledByUser' ? status : 'enabled',
  };
}

interface SubscriptionWire {
  list(): Promise<readonly Subscription[]>;
  get(id: string): Promise<Subscription>;
  put(id: string, body: JsonObject): Promise<void>;
  test(body: JsonObject): Promise<Notification>;
  getNotification(id: string, notificationId: number): Promise<Notification>;
}

function subscriptionWire(rest: AzureDevOpsRest): SubscriptionWire {
  const read = (operation: string, path: string, query: Readonly<Record<string, string>> = {}) =>
    rest.call({ operation, method: 'GET', path: `${root}/${path}`, query: { ...version, ...query }, repeatable: true });
  const at = (id: string): string => `subscriptions/${encodeURIComponent(id)}`;
  return {
    list: async () => {
      const operation = 'listing hook subscriptions';
      const { body } = await read(operation, 'subscriptions', ours);
      return readWire(listSchema, body, operation).value;
    },
    get: async (id) => {
      const operation = 'getting a hook subscription';
      return readWire(subscriptionSchema, (await read(operation, at(id))).body, operation);
    },
    put: async (id, body) => {
      const operation = 'writing a hook subscription';
      const call = { operation, method: 'PUT', path: `${root}/${at(id)}`, query: version, body } as const;
      await rest.call({ ...call, repeatable: true });
    },
    test: async (body) => {
      const operation = 'testing a hook subscription';
      const call = { operation, method: 'POST', path: `${root}/testnotifications`, query: version, body } as const;
      return readWire(notificationSchema, (await rest.call({ ...call, repeatable: true })).body, operation);
    },
    getNotification: async (id, notificationId) => {
      const operation = 'getting a test notification';
      const { body } = await read(operation, `${at(id)}/notifications/${notificationId}`);
      return readWire(notificationSchema, body, operation);
    },
  };
}

/** How often, and with which pause in ms, a notification that is under way is looked up. */
const looks = 10;
const pauseMs = 1000;

/** The service may answer before it has sent anything; whether it does is documented nowhere. */
async function ended(
  wire: SubscriptionWire,
  clock: Pick<Clock, 'sleep'>,
  subscriptionId: string,
  first: Notification,
): Promise<Notification> {
  let notification = first;
  for (let look = 0; notification.status.toLowerCase() !== 'completed'; look++) {
    if (look === looks) {
      const operation = 'waiting for a test notification';
      throw new UpstreamError({ upstream: 'azureDevOps', operation, kind: 'timeout' });
    }
    await clock.sleep(pauseMs);
    notification = await wire.getNotification(subscriptionId, first.id);
  }
  return notification;
}

/** The receiver names the secret that let the call in; the server keeps its answer with the notification. */
function outcomeOf({ result, details }: Notification): HookTest {
  const response = details?.response ?? '';
  if (result?.toLowerCase() !== 'succeeded')
    return { delivered: false, ...defined({ detail: whyNot(response, details) }) };
  return { delivered: true, ...defined({ mark: /"secretMark"\s*:\s*"([0-9a-f]{1,64})"/.exec(response)?.[1] }) };
}

function whyNot(response: string, details: Notification['details']): string | undefined {
  const status = /Status Code: (\d{3})/.exec(response)?.[1];
  return details?.errorMessage ?? (status === undefined ? undefined : `the receiver answered ${status}`);
}
