/** An app whose queue, configuration and secret come and go while random calls arrive. */
import { receiveHook } from '../../functions/hook.ts';
import { type Random, seededRandom } from '../../infra/local/world/random.ts';
import { Secret } from '../../shared/domain/secret.ts';
import { aContext, anHttpRequest, aTestApp } from './app.ts';
import { type FuzzCall, fuzzCall, fuzzStatuses } from './hookFuzz.ts';
import { aRoute, hookSecret } from './hooks.ts';

export interface FuzzResult {
  readonly call: FuzzCall;
  readonly status: number | undefined;
  readonly secretReadable: boolean;
}

/** 401 for nobody who knows the secret and, while we know it ourselves, for everybody else. */
export function isRight({ call, status, secretReadable }: FuzzResult): boolean {
  if (!fuzzStatuses.some((one) => one === status)) return false;
  if (call.knowsSecret) return status !== 401;
  return status === 401 || !secretReadable;
}

export interface FuzzWorld {
  readonly random: Random;
  /** Makes one random call at the handler. */
  once(): Promise<FuzzResult>;
  /** Answers one given call. */
  answer(call: FuzzCall): Promise<{ readonly status: number | undefined; readonly body: unknown }>;
}

export function aFuzzWorld(seed: number): FuzzWorld {
  const random = seededRandom(seed);
  const trouble = { queue: false, configuration: false, secret: false };
  const app = () =>
    aTestApp({
      hookSecrets: trouble.secret ? undefined : { current: new Secret(hookSecret) },
      readHookSecrets: async () => {
        if (trouble.secret) throw new Error('no vault');
        return { current: new Secret(hookSecret) };
      },
      queue: async () => ({
        send: async () => {
          if (trouble.queue) throw new Error('no queue');
        },
      }),
      pools: async () => {
        if (trouble.configuration) throw new Error('no configuration');
        return {
          routes: [aRoute(), aRoute({ poolId: 8 })],
          target: async () => undefined,
          find: async () => undefined,
        };
      },
    });
  let world = app();

  const shake = async (): Promise<void> => {
    if (random.chance(0.02)) trouble.queue = !trouble.queue;
    if (random.chance(0.01)) trouble.configuration = !trouble.configuration;
    if (random.chance(0.01)) {
      trouble.secret = !trouble.secret;
      world = app();
    }
    await world.clock.advance(random.between(0, 5000));
  };

  const answer: FuzzWorld['answer'] = async ({ headers, body }) => {
    const { context } = aContext();
    const reply = await receiveHook(
      anHttpRequest({ headers: { ...headers }, body: { bytes: body } }),
      context,
      world.get,
    );
    return { status: reply.status, body: reply.jsonBody };
  };

  return {
    random,
    answer,
    async once() {
      await shake();
      const call = fuzzCall(random);
      const { status } = await answer(call);
      return { call, status, secretReadable: !trouble.secret };
    },
  };
}
