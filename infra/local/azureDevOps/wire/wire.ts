/** What the parts of the HTTP door share: the world, who may call, and the types of a request on its way. */
import type { HttpBindings } from '@hono/node-server';
import type { Context, Hono } from 'hono';
import type { WorldClock } from '../../world/clock.ts';
import type { Faults, Journal } from '../../world/faults.ts';
import type { Random } from '../../world/random.ts';
import type { PersonalTokenWorld } from '../personalTokenWorld.ts';
import type { PipelineRuns } from '../pipelineRuns.ts';
import type { AzureDevOpsWorld } from '../world.ts';
import type { HookDelivery } from './hooks/delivery.ts';
import type { Subscriptions } from './hooks/subscription.ts';
import type { RateLimiter } from './rateLimit.ts';
import type { Identity, TokenRegistry } from './tokens.ts';

export interface Wire {
  readonly world: AzureDevOpsWorld;
  readonly clock: WorldClock;
  readonly journal: Journal;
  readonly faults: Faults;
  readonly tokens: TokenRegistry;
  readonly personalTokens: PersonalTokenWorld;
  readonly random: Random;
  readonly rateLimiter: RateLimiter;
  readonly subscriptions: Subscriptions;
  readonly hookDelivery: HookDelivery;
  readonly pipelineRuns: PipelineRuns;
  /** Versions, newest first. */
  readonly agentPackages: readonly string[];
  /** Test notifications are answered before they are sent. */
  readonly slowTests: boolean;
  /** How long a poll for messages is held before it is answered empty. */
  readonly holdMs: number;
  /** What a broken credential gets where the real service has been seen to answer either way. */
  readonly badCredential: 'signInPage' | 'unauthorized' | 'redirect';
  /** Aborted when the server closes: held answers must end. */
  readonly closing: AbortSignal;
}

export interface WireEnv {
  Bindings: HttpBindings;
  Variables: { identity: Identity };
}

export type WireContext = Context<WireEnv>;
export type WireApp = Hono<WireEnv>;
