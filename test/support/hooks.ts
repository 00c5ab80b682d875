/** Hook requests and receivers for tests: valid by default, one thing changed at a time. */
import { readFileSync } from 'node:fs';
import type { EpochMs } from '../../shared/domain/instant.ts';
import type { IntentMessage, PoolRoute } from '../../shared/domain/intent.ts';
import { Secret } from '../../shared/domain/secret.ts';
import { type HookParts, type HookReceiver, hookReceiver } from '../../shared/hooks/answer.ts';
import type { BodySource } from '../../shared/hooks/body.ts';
import { hookVerifier } from '../../shared/hooks/verify.ts';

export const hookSecret = 'correct horse: battery';

export const hookFixture = (name: string): string =>
  readFileSync(new URL(`../fixtures/hooks/${name}.json`, import.meta.url), 'utf8');

export const basic = (password: string, user = 'mayfly'): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

export function aRoute(overrides: Partial<PoolRoute> = {}): PoolRoute {
  return {
    session: 'brch',
    organisation: 'brch',
    organisationUrl: 'https://dev.azure.com/birch',
    poolId: 7,
    ...overrides,
  };
}

/** A request as the receiver reads it; the credential is right unless told otherwise. */
export function aHookRequest(
  body: string | Uint8Array | null = hookFixture('waiting'),
  headers: Readonly<Record<string, string>> = { authorization: basic(hookSecret) },
): BodySource {
  const stream = body === null || body.length === 0 ? null : new Response(Buffer.from(body)).body;
  return { headers: new Headers(headers), body: stream };
}

export interface TestReceiver {
  readonly receiver: HookReceiver;
  readonly sent: readonly IntentMessage[];
  at: EpochMs;
  queueIsDown: boolean;
}

/** A receiver over one pool, a queue that keeps what it is sent, and a clock that stands still. */
export function aReceiver(overrides: Partial<HookParts> = {}): TestReceiver {
  const sent: IntentMessage[] = [];
  const world = { at: Date.UTC(2026, 0, 5, 8), queueIsDown: false };
  const now = (): EpochMs => world.at;
  const receiver = hookReceiver({
    verifier: hookVerifier({
      initial: { current: new Secret(hookSecret) },
      read: async () => ({ current: new Secret(hookSecret) }),
      now,
    }),
    pools: async () => [aRoute()],
    send: async (messages) => {
      if (world.queueIsDown) throw new Error('the queue is down');
      sent.push(...messages);
    },
    now,
    ...overrides,
  });
  return Object.assign(world, { receiver, sent });
}
