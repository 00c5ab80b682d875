/** An app over stand-ins that live in this process: a queue that keeps what it is sent and a clock that stands still. */
import { HttpRequest, type HttpRequestInit, InvocationContext } from '@azure/functions';
import { VirtualClock } from '../../infra/local/world/clock.ts';
import { type App, type AppParts, createApp, type Pools, type PoolTarget } from '../../shared/application.ts';
import type { IntentMessage, PassFollowUp } from '../../shared/domain/intent.ts';
import { Secret } from '../../shared/domain/secret.ts';
import type { Pass } from '../../shared/intents.ts';
import { type Explanation, explain } from '../../shared/plan/explain.ts';
import type { Observed } from '../../shared/plan/observed.ts';
import { tokensOver } from '../../shared/tokens.ts';
import { anObserved, policy } from './builders.ts';
import { aRoute, basic, hookFixture, hookSecret } from './hooks.ts';
import { noImages } from './noImages.ts';

export interface TestApp {
  readonly app: App;
  readonly get: () => Promise<App>;
  readonly clock: VirtualClock;
  readonly sent: readonly IntentMessage[];
  readonly passes: readonly Pass[];
  /** undefined = the queue works. */
  queueError: Error | undefined;
  /** What the next passes report; an Error is thrown. */
  followUp: PassFollowUp | Error;
  /** What the next request is explained by; an Error is thrown. */
  explained: Observed | Error;
}

export function aTestApp(overrides: Partial<AppParts> = {}): TestApp {
  const sent: IntentMessage[] = [];
  const passes: Pass[] = [];
  const clock = new VirtualClock();
  const world: Pick<TestApp, 'queueError' | 'followUp' | 'explained'> = {
    queueError: undefined,
    followUp: {},
    explained: anObserved(),
  };
  const explanationOf = (requestId: number): Explanation => {
    if (world.explained instanceof Error) throw world.explained;
    return explain(policy, world.explained, requestId);
  };
  const route = aRoute();
  const target: PoolTarget = {
    route,
    organisation: 'contoso',
    reconcile: async (pass) => {
      passes.push(pass);
      if (world.followUp instanceof Error) throw world.followUp;
      return world.followUp;
    },
    explain: async (requestId) => explanationOf(requestId),
  };
  const pools: Pools = {
    routes: [route],
    target: async (intent) => (intent.poolId === route.poolId ? target : undefined),
    find: async (organisation, poolId) =>
      organisation === target.organisation && poolId === route.poolId ? target : undefined,
  };
  const app = createApp({
    clock,
    random: () => 0.5,
    hookSecrets: { current: new Secret(hookSecret) },
    readHookSecrets: async () => ({ current: new Secret(hookSecret) }),
    queue: async () => ({
      send: async (messages) => {
        if (world.queueError !== undefined) throw world.queueError;
        sent.push(...messages);
      },
    }),
    pools: async () => pools,
    images: async () => noImages(clock),
    tokens: async () => tokensOver([], clock, { write: () => undefined }),
    configProblems: async () => [],
    sweepPeriodMs: async () => 60_000,
    ...overrides,
  });
  return Object.assign(world, { app, get: async () => app, clock, sent, passes });
}

/** A hook call as the library hands it to a handler. */
export function anHttpRequest(overrides: Partial<HttpRequestInit> = {}): HttpRequest {
  return new HttpRequest({
    url: 'http://127.0.0.1/api/hooks/azure-devops',
    method: 'POST',
    headers: { authorization: basic(hookSecret), 'content-type': 'application/json' },
    body: { string: hookFixture('waiting') },
    ...overrides,
  });
}

export interface TestContext {
  readonly context: InvocationContext;
  readonly lines: readonly string[];
}

export function aContext(functionName = 'hook', triggerMetadata: Record<string, unknown> = {}): TestContext {
  const lines: string[] = [];
  const context = new InvocationContext({
    functionName,
    invocationId: 'i-1',
    logHandler: (level, ...args) => lines.push(`${level} ${args.join(' ')}`),
    triggerMetadata,
  });
  return { context, lines };
}
