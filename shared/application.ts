/**
 * What the functions call: the use cases over their parts, without knowing where the parts come from. `app.ts` brings
 * the real ones, tests bring their own.
 */
import { ConfigError, type ConfigProblem } from './domain/errors.ts';
import { readImageNudge } from './domain/imageNudge.ts';
import type { EpochMs } from './domain/instant.ts';
import { type Intent, type IntentMessage, type PoolRoute, sweepMessages } from './domain/intent.ts';
import { readNudge, type TokenNudge } from './domain/tokenNudge.ts';
import { type HookAnswer, hookReceiver } from './hooks/answer.ts';
import type { BodySource } from './hooks/body.ts';
import { type HookSecrets, hookVerifier } from './hooks/verify.ts';
import type { Images } from './images.ts';
import { type ImageNudgeOutcome, type ImageUpkeep, imageUpkeep } from './imageUpkeep.ts';
import { errorFields, type IntentOutcome, type PassTarget, workOnIntent } from './intents.ts';
import type { Explanation } from './plan/explain.ts';
import type { Clock, IntentQueue, Log } from './ports.ts';
import { within } from './reconcile/within.ts';
import type { TokenState, Tokens } from './tokens.ts';
import { type NudgeOutcome, type TokenUpkeep, tokenUpkeep } from './tokenUpkeep.ts';

/** A configured pool: what can be done with it. */
export interface PoolTarget extends PassTarget {
  /** The name of its organisation in the configuration. */
  readonly organisation: string;
  /** Rejects when the pool cannot be read. */
  explain(requestId: number, log: Log): Promise<Explanation>;
}

/** What a configuration makes possible. */
export interface Pools {
  readonly routes: readonly PoolRoute[];
  target(intent: Intent): Promise<PoolTarget | undefined>;
  /** By the name of an organisation and the number of a pool; undefined = not configured. */
  find(organisation: string, poolId: number): Promise<PoolTarget | undefined>;
}

export interface AppParts {
  readonly clock: Clock;
  readonly random: () => number;
  /** The hook secrets that the settings hold, if they do. */
  readonly hookSecrets: HookSecrets | undefined;
  readonly readHookSecrets: () => Promise<HookSecrets>;
  readonly queue: () => Promise<IntentQueue>;
  readonly pools: () => Promise<Pools>;
  /** What is kept alive. */
  readonly tokens: () => Promise<Tokens>;
  /** What is rebuilt. */
  readonly images: () => Promise<Images>;
  /** Of a newer configuration than the one in force. */
  readonly configProblems: () => Promise<readonly ConfigProblem[]>;
  readonly sweepPeriodMs: () => Promise<number>;
}

export interface Health {
  /** `degraded` = pools are served, but a token needs somebody. */
  readonly status: 'ok' | 'degraded' | 'unwell';
  readonly startedAt: string;
  readonly pools: number | undefined;
  readonly configuration: readonly ConfigProblem[];
  /** Since when hooks could not be taken. */
  readonly hooksFailingSince: string | undefined;
  readonly tokens: readonly TokenState[];
}

/** What an HTTP caller is told. */
export interface HookReply {
  readonly status: HookAnswer['status'];
  readonly outcome: HookAnswer['outcome'];
  readonly reason?: string;
  /** By which secret the caller was let in. */
  readonly secretMark?: string;
}

export interface App {
  hook(request: BodySource, invocationId: string, log: Log): Promise<HookReply>;
  /** Rejects when the intents could not be enqueued. */
  sweep(correlationId: string, log: Log): Promise<void>;
  reconcile(
    message: unknown,
    releasedAt: EpochMs | undefined,
    log: Log,
  ): Promise<IntentOutcome | NudgeOutcome | ImageNudgeOutcome>;
  readonly upkeep: TokenUpkeep;
  readonly images: ImageUpkeep;
  health(): Promise<Health>;
  /** undefined = the pool is not configured. Rejects when the configuration or the request cannot be read. */
  explain(organisation: string, poolId: number, requestId: number, log: Log): Promise<Explanation | undefined>;
}

/** Within this a queue that works has answered; longer, and the sender of a hook might give up on us first. */
const sendTimeoutMs = 8_000;

const hookLevels = { rejected: 'warn', ignored: 'info', enqueued: 'info', unwell: 'error' } as const;

function logHook(log: Log, answer: HookAnswer): HookReply {
  const { status, outcome, secretMark } = answer;
  const error = 'error' in answer ? errorFields(answer.error) : {};
  const detail = outcome === 'enqueued' ? { state: answer.state, pools: answer.pools } : {};
  const reason = 'reason' in answer ? { reason: answer.reason } : {};
  log.write(hookLevels[outcome], `hook.${outcome}`, { status, ...reason, ...detail, ...error });
  return { status, outcome, ...reason, ...(secretMark !== undefined && { secretMark }) };
}

function configProblems(error: unknown): readonly ConfigProblem[] {
  if (error instanceof ConfigError) return error.problems;
  return [{ path: 'configuration', rule: 'can be loaded', found: error instanceof Error ? error.name : 'an error' }];
}

function boundTo(log: Log, { token, correlationId }: TokenNudge): Log {
  return { write: (level, event, fields) => log.write(level, event, { correlationId, token, ...fields }) };
}

interface ProcessFacts {
  readonly startedAt: string;
  readonly hooksFailingSince: EpochMs | undefined;
}

async function healthOf(parts: AppParts, upkeep: TokenUpkeep, facts: ProcessFacts): Promise<Health> {
  const loaded = await parts.pools().then(
    async (pools) => ({ pools: pools.routes.length, configuration: await parts.configProblems() }),
    (error: unknown) => ({ pools: undefined, configuration: configProblems(error) }),
  );
  // What keeps them from being read is told above.
  const tokens = await upkeep.states().catch(() => []);
  const { startedAt, hooksFailingSince: since } = facts;
  const works = since === undefined && loaded.configuration.length === 0;
  const isWhole = tokens.every(({ state }) => state === 'ok');
  return {
    status: works ? (isWhole ? 'ok' : 'degraded') : 'unwell',
    startedAt,
    ...loaded,
    hooksFailingSince: since === undefined ? undefined : new Date(since).toISOString(),
    tokens,
  };
}

/** Puts an app together from its parts. Nothing is loaded or read by this alone, so it cannot fail. */
export function createApp(parts: AppParts): App {
  const now = (): EpochMs => parts.clock.now();
  const startedAt = new Date(now()).toISOString();
  const send = async (messages: readonly IntentMessage[]): Promise<void> =>
    within(
      parts.clock,
      sendTimeoutMs,
      { upstream: 'serviceBus', operation: 'sending intents' },
      parts.queue().then((queue) => queue.send(messages)),
    );
  const receiver = hookReceiver({
    verifier: hookVerifier({ initial: parts.hookSecrets, read: parts.readHookSecrets, now }),
    pools: async () => (await parts.pools()).routes,
    send,
    now,
  });

  const images = imageUpkeep({ images: parts.images, send, clock: parts.clock });
  const upkeep = tokenUpkeep({ tokens: parts.tokens, send, now });

  return {
    async hook(request, invocationId, log) {
      return logHook(log, await receiver.receive(request, invocationId));
    },
    async sweep(correlationId, log) {
      const [{ routes }, periodMs] = await Promise.all([parts.pools(), parts.sweepPeriodMs()]);
      const messages = sweepMessages(routes, now(), periodMs, correlationId);
      await send(messages);
      log.write('info', 'sweep.enqueued', { pools: routes.length, periodMs });
    },
    upkeep,
    images,
    reconcile: async (message, releasedAt, log) => {
      const nudge = readNudge(message);
      if (nudge !== undefined) return upkeep.work(nudge, boundTo(log, nudge));
      const imageNudge = readImageNudge(message);
      if (imageNudge !== undefined) return images.work(imageNudge, log);
      return workOnIntent(
        { target: async (intent) => (await parts.pools()).target(intent), send, now, random: parts.random },
        message,
        releasedAt,
        log,
      );
    },
    async explain(organisation, poolId, requestId, log) {
      const target = await (await parts.pools()).find(organisation, poolId);
      return target?.explain(requestId, log);
    },
    health: () => healthOf(parts, upkeep, { startedAt, hooksFailingSince: receiver.failure?.since }),
  };
}
