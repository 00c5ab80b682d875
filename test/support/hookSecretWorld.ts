/**
 * Hooks under way while their secret is replaced, all in this process and on virtual time: subscriptions that deliver
 * with what they hold, receivers that remember secrets for as long as the real ones do, and a vault.
 */
import { createHash } from 'node:crypto';
import { inProcessTokenVault } from '../../infra/local/azure/inProcessVault.ts';
import { VaultWorld } from '../../infra/local/azure/vaultWorld.ts';
import { HookDelivery } from '../../infra/local/azureDevOps/wire/hooks/delivery.ts';
import { sampleEvent } from '../../infra/local/azureDevOps/wire/hooks/payload.ts';
import type { HookRequest, HookResponse } from '../../infra/local/azureDevOps/wire/hooks/post.ts';
import { type Subscription, Subscriptions } from '../../infra/local/azureDevOps/wire/hooks/subscription.ts';
import { CallCounter, type Crash, Mortal } from '../../infra/local/simulation/mortal.ts';
import { VirtualClock } from '../../infra/local/world/clock.ts';
import { Faults, Journal } from '../../infra/local/world/faults.ts';
import { type Random, seededRandom } from '../../infra/local/world/random.ts';
import { UpstreamError } from '../../shared/domain/errors.ts';
import { type HookSubscription, hookSubscriptionStatuses } from '../../shared/domain/hookSecret.ts';
import { hoursMs, minutesMs } from '../../shared/domain/instant.ts';
import { Secret } from '../../shared/domain/secret.ts';
import { type HookVerifier, hookVerifier, markOf } from '../../shared/hooks/verify.ts';
import { hookGraceMs } from '../../shared/plan/hookSecret.ts';
import type { HookCredential, HookSubscriptions, HookTest, HookVault } from '../../shared/ports/hooks.ts';
import { acceptedSecrets } from '../../shared/reconcile/hookSecrets/acceptedSecrets.ts';
import type { HookSecretDeps } from '../../shared/reconcile/hookSecrets/rotateHookSecret.ts';
import { basic } from './hooks.ts';

export const secretName = 'mayfly-hook-secret';
export const firstSecret = 'put there by hand when Mayfly was set up';
const url = 'https://mayfly.example/api/hooks/azure-devops';
export const projects = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222'] as const;

export interface HookSecretWorldOptions {
  readonly crash?: Crash;
  readonly seed?: number;
  /** Each call of a pass is held back by up to so much, before and after its effect. */
  readonly slownessMs?: number;
}

/** What a receiver answered to a subscription. */
interface Delivery {
  readonly subscriptionId: string;
  readonly status: number;
}

export class HookSecretWorld {
  readonly clock = new VirtualClock();
  readonly vault = new VaultWorld({ now: () => this.clock.now() });
  readonly subscriptions = new Subscriptions();
  readonly delivery: HookDelivery;
  readonly deliveries: Delivery[] = [];
  readonly counter = new CallCounter();
  readonly faults = new Faults();
  readonly lines: string[] = [];
  readonly #options: HookSecretWorldOptions;
  readonly #random: Random;
  readonly #receivers: readonly HookVerifier[];
  /** A receiver that accepts nothing new, as with an app that reads another vault. */
  receiverIsBlind = false;
  /** The server does not pass on what receivers answer. */
  answersAreKept = true;
  #turn = 0;
  #secrets = 0;

  constructor(options: HookSecretWorldOptions = {}) {
    this.#options = options;
    this.#random = seededRandom(options.seed ?? 1);
    this.vault.secrets.set(secretName, firstSecret);
    const read = () => acceptedSecrets(this.readVault(), secretName);
    const now = (): number => this.clock.now();
    const initial = { current: new Secret(firstSecret) };
    // One with the secret of its settings, two that read the vault, one of them for every stranger that calls.
    this.#receivers = [hookVerifier({ initial, read, now }), hookVerifier({ read, now }), hookVerifier({ read, now })];
    this.delivery = new HookDelivery({
      clock: this.clock,
      subscriptions: this.subscriptions,
      random: this.#random,
      latencyMs: 0,
      baseUrl: () => 'https://dev.azure.com/contoso',
      post: (request) => this.#receive(request),
    });
    for (const projectId of projects) {
      for (const jobStateId of ['Waiting', 'Completed']) this.subscribe(projectId, jobStateId);
    }
  }

  subscribe(projectId: string, jobStateId: string): Subscription {
    const consumerInputs = { url, httpHeaders: `x-mayfly-secret:${firstSecret}`, resourceDetailsToSend: 'minimal' };
    const publisherInputs = { projectId, jobStateId };
    return this.subscriptions.create(
      { resourceVersion: '5.1-preview.1', publisherInputs, consumerInputs },
      this.clock.now(),
    );
  }

  /** Without a pass's journal, faults and death. */
  readVault(): HookVault {
    return this.#vaultOver(new Faults(), 'receiver');
  }

  #vaultOver(faults: Faults, caller: string): HookVault {
    const door = { clock: this.clock, caller, faults, journal: new Journal(), random: this.#random };
    return {
      ...inProcessTokenVault(this.vault, door),
      readVersion: async (name, version) => new Secret(this.vault.read(name, version).value),
    };
  }

  async #receive({ headers, body }: HookRequest): Promise<HookResponse> {
    const receiver = this.#receivers[this.#turn++ % this.#receivers.length];
    if (receiver === undefined) throw new RangeError('no receiver');
    const shown = new Headers(headers);
    if (this.receiverIsBlind && shown.get('authorization') !== null) return { status: 401, body: '' };
    const verdict = await receiver.verify(shown);
    const status = verdict === 'accepted' ? 202 : verdict === 'rejected' ? 401 : 503;
    const { subscriptionId } = JSON.parse(body) as { readonly subscriptionId: string };
    if (!subscriptionId.startsWith('00000000')) this.deliveries.push({ subscriptionId, status });
    return { status, body: JSON.stringify({ outcome: 'ignored', secretMark: receiver.mark(shown) }) };
  }

  /** Whether each receiver takes a secret that a stranger, or a subscription, shows. */
  async verdicts(secret: string): Promise<readonly string[]> {
    return Promise.all(this.#receivers.map((each) => each.verify(new Headers({ authorization: basic(secret) }))));
  }

  /** Lets every subscription deliver something. */
  ring(): void {
    for (const projectId of projects) {
      for (const state of ['waiting', 'completed'] as const) {
        const sample = sampleEvent(state, this.clock.now());
        this.delivery.publish({ ...sample, project: { id: projectId, name: 'shop' } });
      }
    }
  }

  /** Rings each 2 s of the next minute, when something is going on, and then each 5 min. */
  async hooksFor(ms: number): Promise<void> {
    const end = this.clock.now() + ms;
    const busyUntil = this.clock.now() + minutesMs(1);
    while (this.clock.now() < end) {
      // A stranger makes each receiver look at the vault, often just before a new secret is there.
      void this.verdicts('of a stranger');
      this.ring();
      await this.clock.advance(this.clock.now() < busyUntil ? 2000 : minutesMs(5));
    }
  }

  /** What one pass works with; its calls go through a process that may die. */
  deps(): HookSecretDeps {
    const mortal = new Mortal(this.counter, this.#options.crash, () => undefined);
    const subscriptions = mortal.through(this.#slow(this.#port()));
    return {
      vault: mortal.through(this.#slow(this.#vaultOver(this.faults, 'mayfly'))),
      secretName,
      sources: [{ organisation: 'contoso', projects, subscriptions }],
      policy: { rotateAfterMs: hoursMs(24 * 90), graceMs: hookGraceMs },
      newSecret: () =>
        new Secret(
          createHash('sha256')
            .update(`secret ${++this.#secrets}`)
            .digest('base64url'),
        ),
      markOf: (secret) => markOf(secret.reveal()),
      clock: this.clock,
      log: { write: (level, event, fields) => this.lines.push(`${level} ${event} ${JSON.stringify(fields)}`) },
    };
  }

  #slow<P extends object>(port: P): P {
    const { slownessMs = 0 } = this.#options;
    if (slownessMs === 0) return port;
    const pause = (): Promise<void> => this.clock.sleep(this.#random.between(0, slownessMs));
    return new Proxy(port, {
      get: (target, property) => {
        const member: unknown = Reflect.get(target, property);
        if (typeof member !== 'function') return member;
        return async (...parameters: unknown[]) => {
          await pause();
          const value: unknown = await Reflect.apply(member, target, parameters);
          await pause();
          return value;
        };
      },
    });
  }

  #port(): HookSubscriptions {
    const strike = (verb: string, target: string): void => {
      const fault = this.faults.take({ door: 'azureDevOps', caller: 'mayfly', verb, target });
      if (fault === undefined) return;
      throw new UpstreamError({ upstream: 'azureDevOps', operation: verb, kind: 'unavailable' });
    };
    const found = (id: string): Subscription => {
      const subscription = this.subscriptions.get(id);
      if (subscription !== undefined) return subscription;
      throw new UpstreamError({ upstream: 'azureDevOps', operation: 'getting', kind: 'notFound' });
    };
    const ring = async (subscription: Pick<Subscription, 'id' | 'resourceVersion' | 'consumerInputs'>) => {
      const { result, lastBody } = await this.delivery.sendTest(subscription, sampleEvent('waiting', this.clock.now()));
      const mark = /"secretMark":"(\w+)"/.exec(lastBody ?? '')?.[1];
      const told = mark !== undefined && this.answersAreKept ? { mark } : {};
      return { delivered: result === 'succeeded', ...told } satisfies HookTest;
    };
    const inputsWith = ({ consumerInputs }: Subscription, { userName, password }: HookCredential) => {
      const { httpHeaders: _, ...rest } = consumerInputs;
      return { ...rest, basicAuthUsername: userName, basicAuthPassword: password.reveal() };
    };
    return {
      list: async (projectId) => {
        strike('list', projectId);
        return this.subscriptions
          .list()
          .filter(({ publisherInputs }) => publisherInputs['projectId'] === projectId)
          .map((each) => describedAs(each, projectId));
      },
      write: async ({ id }, credential) => {
        strike('write', id);
        const subscription = found(id);
        const status = subscription.status === 'disabledByUser' ? subscription.status : 'enabled';
        const consumerInputs = inputsWith(subscription, credential);
        this.subscriptions.change(subscription, { ...subscription, consumerInputs, status }, this.clock.now());
      },
      rehearse: async ({ id }, credential) => {
        strike('rehearse', id);
        const subscription = found(id);
        const zero = '00000000-0000-0000-0000-000000000000';
        return ring({ ...subscription, id: zero, consumerInputs: inputsWith(subscription, credential) });
      },
      test: async ({ id }) => {
        strike('test', id);
        return ring(found(id));
      },
    };
  }
}

function describedAs({ id, status, consumerInputs }: Subscription, projectId: string): HookSubscription {
  const known = hookSubscriptionStatuses.find((each) => each === status) ?? 'disabledBySystem';
  return { id, projectId, status: known, userName: consumerInputs['basicAuthUsername'] ?? '' };
}
