/** The REST face of service hooks: subscriptions, the Test button and what was sent. */
import type { JobState } from '../../events.ts';
import { objectBody, objectMember, stringMap } from '../body.ts';
import { accessDenied, badArgument, notModelled, WireRefusal } from '../refusal.ts';
import { requireUser } from '../rights.ts';
import type { Wire, WireApp, WireContext } from '../wire.ts';
import { listOf } from '../wireJson.ts';
import type { HookNotification } from './delivery.ts';
import { sampleEvent } from './payload.ts';
import { readDraft, type Subscription, type SubscriptionDraft, subscriptionJson } from './subscription.ts';

const base = '/_apis/hooks';
const jobStates: readonly JobState[] = ['waiting', 'running', 'completed'];

function requireEditor(c: WireContext): void {
  const identity = requireUser(c);
  if (!identity.rights.hooks)
    throw accessDenied(`Access denied. ${identity.name} needs Edit Subscriptions permissions.`);
}

function draftOf(body: unknown): SubscriptionDraft {
  const verdict = readDraft(body);
  if (verdict.ok) return verdict.draft;
  throw verdict.status === 501 ? notModelled(verdict.message) : badArgument(verdict.message);
}

function found(wire: Wire, id: string): Subscription {
  const subscription = wire.subscriptions.get(id);
  if (subscription !== undefined) return subscription;
  throw new WireRefusal(404, 'SubscriptionNotFoundException', `No subscription has the id ${id}.`);
}

function notificationJson(notification: HookNotification): Readonly<Record<string, unknown>> {
  const { id, subscriptionId, status, result, attempts, nextRetryAt, event } = notification;
  const nextRetryTime = nextRetryAt === undefined ? undefined : new Date(nextRetryAt).toISOString();
  const details = { requestAttempts: attempts, response: responseText(notification), nextRetryTime };
  return { id, subscriptionId, eventId: event.id, status, result, details };
}

/** As the history of a subscription shows it: what came back, in full. */
function responseText({ lastStatus, lastBody }: HookNotification): string | undefined {
  return lastStatus === undefined ? undefined : `Status Code: ${lastStatus}\nContent:\n${lastBody ?? ''}`;
}

async function sendTest(c: WireContext, wire: Wire): Promise<Response> {
  const body = await objectBody(c);
  const details = objectMember(body, 'details');
  const stored =
    typeof body['subscriptionId'] === 'string' ? wire.subscriptions.get(body['subscriptionId']) : undefined;
  const draft = stored ?? draftOf({ ...details });
  const asked = { ...draft.publisherInputs, ...stringMap({ ...details }, 'publisherInputs') };
  const state = jobStates.find((known) => known === String(asked['jobStateId']).toLowerCase()) ?? 'waiting';
  const event = sampleEvent(state, wire.clock.now());
  const { id = '00000000-0000-0000-0000-000000000000' } = stored ?? {};
  const sending = wire.hookDelivery.sendTest({ ...draft, id }, event);
  if (stored !== undefined && wire.slowTests) {
    const { id: notificationId } = wire.hookDelivery.notifications.at(-1) ?? { id: 0 };
    return c.json({ id: notificationId, subscriptionId: id, status: 'queued', result: 'pending' });
  }
  return c.json(notificationJson(await sending));
}

export function hookRoutes(app: WireApp, wire: Wire): void {
  const { subscriptions, world, clock } = wire;
  const shown = (subscription: Subscription) => subscriptionJson(subscription, world.organisation.url);
  app.use(`${base}/*`, async (c, next) => {
    requireEditor(c);
    await next();
  });

  app.get(`${base}/subscriptions`, (c) => {
    const { publisherId = 'pipelines', consumerId = 'webHooks' } = c.req.query();
    const all = publisherId === 'pipelines' && consumerId === 'webHooks' ? subscriptions.list() : [];
    return c.json(listOf(all.map(shown)));
  });
  app.post(`${base}/subscriptions`, async (c) => {
    return c.json(shown(subscriptions.create(draftOf(await objectBody(c)), clock.now())));
  });
  app.get(`${base}/subscriptions/:id`, (c) => c.json(shown(found(wire, c.req.param('id')))));
  app.put(`${base}/subscriptions/:id`, async (c) => {
    const subscription = found(wire, c.req.param('id'));
    subscriptions.change(subscription, draftOf(await objectBody(c)), clock.now());
    return c.json(shown(subscription));
  });
  app.delete(`${base}/subscriptions/:id`, (c) => {
    found(wire, c.req.param('id'));
    subscriptions.delete(c.req.param('id'));
    return c.body(null, 204);
  });
  app.get(`${base}/subscriptions/:id/notifications`, (c) => {
    const { id } = found(wire, c.req.param('id'));
    const own = wire.hookDelivery.notifications.filter((notification) => notification.subscriptionId === id);
    return c.json(listOf(own.map(notificationJson).toReversed()));
  });
  app.get(`${base}/subscriptions/:id/notifications/:notification`, (c) => {
    const { id } = found(wire, c.req.param('id'));
    const wanted = Number(c.req.param('notification'));
    const own = wire.hookDelivery.notifications.find((each) => each.subscriptionId === id && each.id === wanted);
    if (own !== undefined) return c.json(notificationJson(own));
    throw new WireRefusal(404, 'NotificationNotFoundException', `No notification has the id ${wanted}.`);
  });
  app.post(`${base}/testnotifications`, (c) => sendTest(c, wire));
}
