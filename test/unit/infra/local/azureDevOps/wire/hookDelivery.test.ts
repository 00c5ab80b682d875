import { describe, expect, it } from 'vitest';
import type { JobStateEvent } from '../../../../../../infra/local/azureDevOps/events.ts';
import { HookDelivery, type HookDisorder } from '../../../../../../infra/local/azureDevOps/wire/hooks/delivery.ts';
import type { HookRequest } from '../../../../../../infra/local/azureDevOps/wire/hooks/post.ts';
import {
  type Inputs,
  readDraft,
  type Subscription,
  Subscriptions,
} from '../../../../../../infra/local/azureDevOps/wire/hooks/subscription.ts';
import { VirtualClock } from '../../../../../../infra/local/world/clock.ts';
import { seededRandom } from '../../../../../../infra/local/world/random.ts';

const start = Date.UTC(2026, 0, 5, 8);
const minutes = (count: number): number => count * 60_000;

const anEvent = (over: Partial<JobStateEvent> = {}): JobStateEvent => ({
  project: { id: '11111111-1111-4111-8111-111111111111', name: 'shop' },
  pipeline: { id: 7, name: 'build' },
  run: { id: 42, name: '20260105.1' },
  stage: 'Test',
  job: { id: '22222222-2222-4222-8222-222222222222', name: 'unit' },
  attempt: 1,
  state: 'waiting',
  queuedAt: start,
  at: start,
  ...over,
});

interface Rig {
  readonly clock: VirtualClock;
  readonly delivery: HookDelivery;
  readonly subscription: Subscription;
  /** Seconds after the event at which each attempt was made. */
  readonly attempts: number[];
  readonly requests: HookRequest[];
}

interface RigOptions {
  /** What the receiver answers, in order; the last one for ever. `null` = no answer. */
  readonly answers?: readonly (number | null)[];
  readonly disorder?: HookDisorder;
  readonly publisherInputs?: Inputs;
  readonly consumerInputs?: Inputs;
}

function aRig({ answers = [200], disorder = {}, publisherInputs = {}, consumerInputs = {} }: RigOptions = {}): Rig {
  const clock = new VirtualClock(start);
  const subscriptions = new Subscriptions();
  const verdict = readDraft({
    publisherId: 'pipelines',
    eventType: 'ms.vss-pipelines.job-state-changed-event',
    consumerId: 'webHooks',
    consumerActionId: 'httpRequest',
    publisherInputs: { projectId: anEvent().project.id, ...publisherInputs },
    consumerInputs: { url: 'http://receiver.example/hook', ...consumerInputs },
  });
  if (!verdict.ok) throw new Error(verdict.message);
  const attempts: number[] = [];
  const requests: HookRequest[] = [];
  const post = (request: HookRequest): Promise<number> => {
    const answer = answers[Math.min(attempts.length, answers.length - 1)] ?? null;
    attempts.push((clock.now() - start) / 1000);
    requests.push(request);
    return answer === null ? Promise.reject(new Error('no route')) : Promise.resolve(answer);
  };
  const random = seededRandom(1);
  const baseUrl = (): string => 'https://devops.example/org';
  const delivery = new HookDelivery({ clock, subscriptions, post, random, baseUrl, latencyMs: 0, disorder });
  return { clock, delivery, subscription: subscriptions.create(verdict.draft, start), attempts, requests };
}

const transientTimes = [0, 1, 3, 7, 15, 31, 63, 123, 183];
/** Seconds from the failed attempt to each of the seven retries. */
const probationTimes = [20, 60, 140, 300, 620, 1260, 2160].map((at) => at * 60);

describe('HookDelivery', () => {
  const table: readonly {
    readonly name: string;
    readonly given: readonly (number | null)[];
    readonly want: { readonly attempts: readonly number[]; readonly status: string; readonly result: string };
  }[] = [
    {
      name: 'takes any 2xx as delivered',
      given: [202],
      want: { attempts: [0], status: 'enabled', result: 'succeeded' },
    },
    {
      name: 'disables the subscription at once on 410',
      given: [410],
      want: { attempts: [0], status: 'disabledBySystem', result: 'failed' },
    },
    {
      name: 'sends again after a transient answer and forgets it on success',
      given: [503, 502, 504, 408, 200],
      want: { attempts: [0, 1, 3, 7, 15], status: 'enabled', result: 'succeeded' },
    },
    {
      name: 'lets a transient failure become enduring after eight resends, and a later success lift the probation',
      given: [...transientTimes.map(() => 503), 200],
      want: { attempts: [...transientTimes, 183 + 1200], status: 'enabled', result: 'succeeded' },
    },
    {
      name: 'disables the subscription after the seventh failed probation retry',
      given: [500],
      want: { attempts: [0, ...probationTimes], status: 'disabledBySystem', result: 'failed' },
    },
    {
      name: 'lifts the probation when a retry succeeds',
      given: [401, 500, 200],
      want: { attempts: [0, 1200, 3600], status: 'enabled', result: 'succeeded' },
    },
    {
      name: 'ends a probation on 410',
      given: [404, 410],
      want: { attempts: [0, 1200], status: 'disabledBySystem', result: 'failed' },
    },
    {
      name: 'does not resend a transient answer inside a probation',
      given: [429, 503, 200],
      want: { attempts: [0, 1200, 3600], status: 'enabled', result: 'succeeded' },
    },
    {
      name: 'treats a connection without answer as enduring',
      given: [null, 200],
      want: { attempts: [0, 1200], status: 'enabled', result: 'succeeded' },
    },
  ];
  it.each(table)('$name', async ({ given, want }) => {
    const { clock, delivery, subscription, attempts } = aRig({ answers: given });
    delivery.publish(anEvent());
    await clock.advance(minutes(40 * 60));
    const result = delivery.notifications[0]?.result;
    expect({ attempts, status: subscription.status, result }).toEqual(want);
    expect(clock.nextAt).toBeUndefined();
  });

  it('drops new events for good while on probation, and delivers again afterwards', async () => {
    const { clock, delivery, subscription, attempts } = aRig({ answers: [500, 200] });
    delivery.publish(anEvent());
    await clock.advance(minutes(1));
    expect(subscription.status).toBe('onProbation');
    delivery.publish(anEvent({ state: 'running' }));
    await clock.advance(minutes(20));
    delivery.publish(anEvent({ state: 'completed' }));
    await clock.advance(minutes(1));
    expect(attempts).toEqual([0, 1200, 1260]);
    expect(delivery.dropped).toEqual({ lost: 0, probation: 1 });
  });

  it('sends every notification as often as told, with one id', async () => {
    const { clock, delivery, requests } = aRig({ disorder: { times: 5 } });
    delivery.publish(anEvent());
    await clock.advance(minutes(1));
    expect(new Set(requests.map((request) => request.body)).size).toBe(1);
    expect(requests).toHaveLength(5);
  });

  it('lets events overtake each other when shuffled', async () => {
    const { clock, delivery, requests } = aRig({ disorder: { shuffleMs: 60_000 } });
    for (let run = 1; run <= 10; run++) delivery.publish(anEvent({ run: { id: run, name: `${run}` } }));
    await clock.advance(minutes(2));
    const runs = requests.map((request) => JSON.parse(request.body).resource.run.id);
    expect(runs).toHaveLength(10);
    expect(runs).not.toEqual(runs.toSorted((a, b) => a - b));
  });

  it('loses events when told to', async () => {
    const { clock, delivery, attempts } = aRig({ disorder: { drop: 1 } });
    delivery.publish(anEvent());
    await clock.advance(minutes(1));
    expect(attempts).toEqual([]);
    expect(delivery.dropped.lost).toBe(1);
  });

  it('sends nothing after it is closed', async () => {
    const { clock, delivery, attempts } = aRig({ answers: [503] });
    delivery.publish(anEvent());
    await clock.advance(0);
    delivery.close();
    await clock.advance(minutes(60));
    expect(attempts).toEqual([0]);
  });
});

describe('a subscription', () => {
  const filters: readonly { readonly name: string; readonly given: Inputs; readonly want: number }[] = [
    { name: 'takes every event without filters', given: {}, want: 3 },
    { name: 'takes an empty filter as none', given: { jobStateId: '', pipelineId: '' }, want: 3 },
    { name: 'filters by state without regard to case', given: { jobStateId: 'Waiting' }, want: 1 },
    { name: 'filters by result', given: { jobResultId: 'Succeeded' }, want: 1 },
    { name: 'filters by pipeline', given: { pipelineId: '8' }, want: 0 },
    { name: 'filters by project', given: { projectId: 'other' }, want: 0 },
    { name: 'filters by stage and job', given: { stageNameId: 'test', jobNameId: 'unit' }, want: 3 },
  ];
  it.each(filters)('$name', async ({ given, want }) => {
    const { clock, delivery, attempts } = aRig({ publisherInputs: given });
    delivery.publish(anEvent());
    delivery.publish(anEvent({ state: 'running' }));
    delivery.publish(anEvent({ state: 'completed', result: 'succeeded' }));
    await clock.advance(1);
    expect(attempts).toHaveLength(want);
  });

  it('sends its credentials as headers', async () => {
    const inputs = { basicAuthUsername: 'hook', basicAuthPassword: 'word', httpHeaders: 'X-Key: one\nX-Other:two' };
    const { clock, delivery, requests } = aRig({ consumerInputs: inputs });
    delivery.publish(anEvent());
    await clock.advance(1);
    expect(requests[0]?.headers).toEqual({
      'content-type': 'application/json; charset=utf-8',
      authorization: `Basic ${Buffer.from('hook:word').toString('base64')}`,
      'x-key': 'one',
      'x-other': 'two',
    });
  });

  it('sends ids and URLs only when it asks for minimal details', async () => {
    const { clock, delivery, requests } = aRig({
      consumerInputs: { resourceDetailsToSend: 'minimal', messagesToSend: 'none', detailedMessagesToSend: 'text' },
    });
    delivery.publish(anEvent());
    await clock.advance(1);
    const body = JSON.parse(requests[0]?.body ?? '');
    expect(body).toMatchObject({ notificationId: 1, message: null, detailedMessage: { text: expect.any(String) } });
    expect(body.resource).toEqual({
      projectId: anEvent().project.id,
      job: { id: anEvent().job.id },
      stage: { id: expect.any(String) },
      run: { id: 42, url: expect.stringContaining('/_apis/pipelines/7/runs/42') },
      pipeline: { id: 7, url: expect.stringContaining('/_apis/pipelines/7') },
    });
  });

  it('sends no resource at all when it asks for none', async () => {
    const { clock, delivery, requests } = aRig({ consumerInputs: { resourceDetailsToSend: 'none' } });
    delivery.publish(anEvent());
    await clock.advance(1);
    expect(JSON.parse(requests[0]?.body ?? '').resource).toBeNull();
  });
});
